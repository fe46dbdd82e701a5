import { MemoryPeer, greetingMessage } from "#server/qmp/memory-transport";
import type { OpenTransport } from "#server/qmp/transport";

/** How it meets whoever connects. `mute` takes the connection and never greets. */
export type Reception = "well" | "mute" | "refused" | "no-such-socket";

const ERRNO = { refused: "ECONNREFUSED", "no-such-socket": "ENOENT" } as const;

/** A disk, as counters and its virtqueue show it. */
export interface ScriptedDisk {
  /** Device id. */
  readonly id: string;
  /** QOM type of the virtio device behind it: `vhost-user-blk` has its back end elsewhere. */
  readonly type?: string;
  completed: number;
  inUse: number;
}

/** A QEMU without a socket, for tests on a manual clock: it answers in the same turn, unless it is told to hang. */
export class ScriptedQemu {
  reception: Reception = "well";
  runState = "running";
  dials = 0;
  disks: ScriptedDisk[] = [];
  iothreads: object[] = [];
  /** Every command that arrived, in order. */
  readonly asked: string[] = [];
  /** While true nothing is answered in-band; what came meanwhile is answered afterwards, as a main loop does. */
  #isHung = false;
  /** The out-of-band lane hangs too: the whole process stands still. */
  #isFrozen = false;
  #peer: AnsweringPeer | undefined;

  readonly open: OpenTransport = (address, events) => {
    this.dials += 1;
    const peer = new AnsweringPeer(this);
    peer.open(address, events);
    const { reception } = this;
    queueMicrotask(() => {
      if (reception === "refused" || reception === "no-such-socket") return peer.hangUp(ERRNO[reception]);
      peer.accept();
      this.#peer = peer;
      if (reception === "well") peer.say(greetingMessage());
    });
    return peer;
  };

  /** Whether the bridge holds a connection to it. */
  get isConnected(): boolean {
    return this.#peer !== undefined && !this.#peer.isDestroyed;
  }

  get isHung(): boolean {
    return this.#isHung || this.#isFrozen;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  hang(): void {
    this.#isHung = true;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  /** Goes on, and answers what has waited. */
  goOn(): void {
    this.#isHung = false;
    this.#isFrozen = false;
    this.#peer?.answerWaiting();
  }

  emit(event: string, data: object = {}): void {
    this.#peer?.say({ event, data, timestamp: { seconds: 1_700_000_000, microseconds: 0 } });
  }

  /** The process is gone, and its connection with it. */
  die(): void {
    this.reception = "refused";
    this.#peer?.hangUp();
  }

  /** The process closed this connection and lives on. */
  hangUp(): void {
    this.#peer?.hangUp();
  }
}

class AnsweringPeer extends MemoryPeer {
  readonly #qemu: ScriptedQemu;
  readonly #waiting: { command: string; args: Record<string, unknown>; id: string; isOutOfBand: boolean }[] = [];

  constructor(qemu: ScriptedQemu) {
    super();
    this.#qemu = qemu;
  }

  override write(text: string): boolean {
    const request = JSON.parse(text) as Record<string, unknown>;
    const isOutOfBand = "exec-oob" in request;
    const command = String(request["exec-oob"] ?? request["execute"]);
    this.#qemu.asked.push(command);
    const args = (request["arguments"] ?? {}) as Record<string, unknown>;
    this.#waiting.push({ command, args, id: String(request["id"]), isOutOfBand });
    queueMicrotask(() => this.answerWaiting());
    return true;
  }

  answerWaiting(): void {
    for (const request of this.#waiting.splice(0)) {
      if (request.isOutOfBand ? this.#qemu.isFrozen : this.#qemu.isHung) this.#waiting.push(request);
      else this.say({ ...this.#reply(request.command, request.args), id: request.id });
    }
  }

  #reply(command: string, args: Record<string, unknown>): object {
    const { disks } = this.#qemu;
    const at = disks.find(({ id }) => args["path"] === backend(id));
    switch (command) {
      case "query-blockstats":
        return { return: disks.filter(({ type }) => type === undefined).map(blockStats) };
      case "query-iothreads":
        return { return: this.#qemu.iothreads };
      case "x-query-virtio":
        return { return: disks.map(({ id }) => ({ name: "virtio-blk", path: backend(id) })) };
      case "qom-get":
        if (at && args["property"] === "type") return { return: at.type ?? "virtio-blk-device" };
        break;
      case "x-query-virtio-queue-status":
        if (at && args["queue"] === 0) return { return: { inuse: at.inUse, "used-idx": at.completed % 65_536 } };
        break;
      case "qmp_capabilities":
      case "query-migrate":
      case "migrate-set-capabilities":
        return { return: {} };
      case "query-status":
        return { return: { status: this.#qemu.runState, running: this.#qemu.runState === "running" } };
      case "query-yank":
        return { return: [] };
      case "query-name":
        return { return: { name: "db-07" } };
      default:
    }
    const isKnown = command === "qom-get" || command === "x-query-virtio-queue-status";
    return { error: { class: isKnown ? "GenericError" : "CommandNotFound", desc: `${command} failed` } };
  }
}

function backend(id: string): string {
  return `/machine/peripheral/${id}/virtio-backend`;
}

function blockStats({ id, completed }: ScriptedDisk): object {
  return { device: "", "node-name": `fmt-${id}`, qdev: backend(id), stats: { rd_operations: completed, wr_operations: 0 } };
}
