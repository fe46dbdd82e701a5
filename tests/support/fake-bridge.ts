import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { LINK_NAMESPACE, LINK_VERSION, REALTIME_PATH } from "#lib/link/contract";
import type {
  BridgeHello,
  BridgeToHubEvents,
  FactBody,
  GoAnswer,
  GoRequest,
  HubToBridgeEvents,
  PrepareAnswer,
  PrepareRequest,
  ProgressReport,
  Pulse,
} from "#lib/link/contract";
import type { VmReport } from "#lib/vm/report";
import type { ActProgress } from "#lib/yank/act";

const CHUNK_VMS = 50;

export interface FakeBridgeOptions {
  hubUrl: string;
  token: string;
  bridgeId?: string;
  label?: string;
  epoch?: string;
  linkVersion?: number;
  vms?: readonly VmReport[];
  /** A pulse every so many ms; 0: only when `pulse` is called. */
  pulseEveryMs?: number;
}

/**
 * A bridge that speaks the link as lib/link/contract says and has no QEMU behind it: its VMs are what the test sets. It
 * keeps what it was asked, and answers `act:prepare` and `act:go` with what `onPrepare` and `onGo` say.
 */
export class FakeBridge {
  readonly socket: Socket<HubToBridgeEvents, BridgeToHubEvents>;
  readonly bridgeId: string;
  readonly vms = new Map<string, VmReport>();
  readonly prepared: PrepareRequest[] = [];
  readonly gone: GoRequest[] = [];
  readonly acknowledged: { actId: string; vmId: string }[] = [];
  readonly outcomes = new Map<string, ProgressReport>();
  watched: string[] = [];
  onPrepare: (request: PrepareRequest) => PrepareAnswer | Promise<PrepareAnswer>;
  onGo: (request: GoRequest, prepared: PrepareRequest) => GoAnswer | Promise<GoAnswer> = () => ({ ok: true });
  readonly #tickets = new Map<string, PrepareRequest>();
  readonly #pulseTimer: NodeJS.Timeout | undefined;
  #generation = 0;
  #sequence = 1;
  #factSeq = 1;

  constructor(options: FakeBridgeOptions) {
    this.bridgeId = options.bridgeId ?? "fake";
    for (const vm of options.vms ?? []) this.vms.set(vm.vmId, vm);
    this.onPrepare = (request) => this.grant(request);
    const hello: BridgeHello = {
      linkVersion: options.linkVersion ?? LINK_VERSION,
      bridgeId: this.bridgeId,
      label: options.label ?? this.bridgeId,
      epoch: options.epoch ?? "fake-epoch",
      token: options.token,
      pid: process.pid,
      isSimulated: false,
    };
    this.socket = io(`${options.hubUrl}${LINK_NAMESPACE}`, {
      path: REALTIME_PATH,
      transports: ["websocket"],
      auth: hello,
      forceNew: true,
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
    });
    this.#answer();
    this.socket.on("connect", () => {
      // One that is cut short by a lost connection is sent whole after the next.
      this.sendSnapshot().catch(() => undefined);
    });
    const everyMs = options.pulseEveryMs ?? 1_000;
    this.#pulseTimer = everyMs === 0 ? undefined : setInterval(() => this.pulse(), everyMs).unref();
  }

  /** Resolves when the hub has taken the whole snapshot. */
  async sendSnapshot(): Promise<void> {
    const generation = ++this.#generation;
    this.#sequence = 1;
    const vms = [...this.vms.values()];
    await this.socket.emitWithAck("snapshot:begin", { generation, total: vms.length });
    for (let index = 0; index * CHUNK_VMS < vms.length; index += 1) {
      await this.socket.emitWithAck("snapshot:chunk", { generation, index, vms: vms.slice(index * CHUNK_VMS, (index + 1) * CHUNK_VMS) });
    }
    await this.socket.emitWithAck("snapshot:end", { generation });
    this.pulse();
  }

  /** Sets VMs and tells the hub of the change. */
  set(...vms: VmReport[]): void {
    for (const vm of vms) this.vms.set(vm.vmId, vm);
    this.socket.emit("vms:changed", { generation: this.#generation, sequence: this.#sequence++, changed: vms, removed: [] });
  }

  remove(...vmIds: string[]): void {
    for (const vmId of vmIds) this.vms.delete(vmId);
    this.socket.emit("vms:changed", { generation: this.#generation, sequence: this.#sequence++, changed: [], removed: vmIds });
  }

  /** Leaves a gap in the sequence, as a lost message would. */
  skipSequence(): void {
    this.#sequence += 1;
  }

  pulse(overrides: Partial<Pulse> = {}): void {
    this.socket.volatile.emit("pulse:sent", {
      newestProbeAgeMs: 100,
      eventLoopDelayMs: 1,
      vmCount: this.vms.size,
      notices: [],
      ...overrides,
    });
  }

  /** Resolves when the hub has stored them. */
  async facts(...facts: (FactBody & { vmId?: string })[]): Promise<number> {
    const numbered = facts.map((fact) => ({ ...fact, seq: this.#factSeq++, ageMs: 0 }));
    const { throughSeq } = await this.socket.emitWithAck("facts:append", { missedBefore: 0, facts: numbered });
    return throughSeq;
  }

  /** Reports progress and resolves when the hub has it in its record; the outcome is kept for inquiries. */
  async progress(actId: string, vmId: string, progress: Partial<ActProgress> & Pick<ActProgress, "state" | "verdict">): Promise<void> {
    const report: ProgressReport = { actId, vmId, progress: { aftermath: [], isFinal: false, ...progress }, sentAgeMs: 5 };
    this.outcomes.set(actId + vmId, report);
    await this.socket.emitWithAck("act:progressed", report);
  }

  /** What a bridge answers that has nothing against the act. */
  grant(request: PrepareRequest): PrepareAnswer {
    const report = this.vms.get(request.vmId);
    if (!report) return { ok: false, code: "unknown-vm", text: `${request.vmId} is not known here` };
    const ticket = `ticket-${request.actId}-${request.vmId}`;
    this.#tickets.set(ticket, request);
    const yankInstances = report.instances.map((instance) => instance.instance);
    return { ok: true, ticket, evidence: { report, yankInstances, recentEvents: [] } };
  }

  close(): void {
    clearInterval(this.#pulseTimer);
    this.socket.disconnect();
  }

  #answer(): void {
    this.socket.on("act:prepare", (request, ack) => {
      this.prepared.push(request);
      void Promise.resolve(this.onPrepare(request)).then(ack);
    });
    this.socket.on("act:go", (request, ack) => {
      this.gone.push(request);
      const prepared = this.#tickets.get(request.ticket);
      if (!prepared) return ack({ ok: false, code: "unknown-ticket", text: "No such ticket" });
      return void Promise.resolve(this.onGo(request, prepared)).then(ack);
    });
    this.socket.on("act:acknowledge", (message) => this.acknowledged.push(message));
    this.socket.on("act:inquire", ({ actId, vmId }, ack) => ack(this.outcomes.get(actId + vmId) ?? { unknown: true }));
    this.socket.on("detail:watch", ({ vmIds }) => {
      this.watched = vmIds;
    });
    this.socket.on("vm:dismiss", ({ vmId }, ack) => ack({ ok: this.vms.has(vmId) }));
  }
}
