import type { Logger } from "pino";
import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { LINK_NAMESPACE, REALTIME_PATH } from "#lib/link/contract";
import type {
  BridgeHello,
  BridgeToHubEvents,
  HelloRefusal,
  HubToBridgeEvents,
  ProgressReport,
  Pulse,
  VmDetailReport,
} from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";
import type { QmpClock } from "#server/qmp/client";
import type { ActsDesk } from "../vm/ports.ts";
import type { FactLog } from "./fact-log.ts";
import { actOfVmSchema, dismissSchema, goRequestSchema, prepareRequestSchema, watchSchema } from "./messages.ts";
import { MAX_CHUNK_BYTES, fitReport, takeChunk } from "./report-chunks.ts";
import { unsentBytes } from "./unsent-bytes.ts";

const FLUSH_EVERY_MS = 50;
const PULSE_EVERY_MS = 1_000;
const ACK_WITHIN_MS = 15_000;
const REFUSED_RETRY_MS = 5_000;
const MAX_FACTS_PER_BATCH = 500;
/** With this much unsent the hub or the network is slow: nothing more is made until it has drained. */
const MAX_UNSENT_BYTES = 1024 * 1024;

const REFUSALS: Record<HelloRefusal, string> = {
  "bad-token": "the hub does not know this bridge's token",
  "bad-hello": "the hub did not understand this bridge",
  "link-version": "hub and bridge are of versions that do not speak with each other",
  "duplicate-bridge": "another bridge with this id is connected to the hub",
};

/** What the link needs to know of the VMs. */
export interface LinkSource {
  listedIds(): VmId[];
  report(vmId: VmId): VmReport | undefined;
  detail(vmId: VmId): VmDetailReport | undefined;
  dismiss(vmId: VmId): boolean;
  pulse(): Pulse;
}

export interface HubLinkOptions {
  hello: Omit<BridgeHello, "pid">;
  source: LinkSource;
  acts: ActsDesk;
  facts: FactLog;
  clock: QmpClock;
  random: () => number;
  logger: Logger;
}

type HubSocket = Socket<HubToBridgeEvents, BridgeToHubEvents>;

/**
 * The bridge's end of the link. It dials for ever; what changes meanwhile is kept as a set of ids, never as a queue of
 * messages, so that a slow or absent hub costs nothing and gets the latest state. Ends with `close`.
 */
export class HubLink {
  /** Why the hub turned us away the last time, for people; undefined while it does not. */
  refusal: string | undefined;
  readonly #options: HubLinkOptions;
  readonly #dirty = new Set<VmId>();
  /** VMs that left the list, with their last report; the hub has to be told once. */
  readonly #ended = new Map<VmId, VmReport>();
  #socket: HubSocket | undefined;
  #hubUrl: string | undefined;
  #generation = 0;
  #sequence = 0;
  /** Which connection's snapshot is through; deltas go only then. */
  #isSnapshotDone = false;
  #lastFlushMonoMs = -Infinity;
  #stopFlush: (() => void) | undefined;
  #stopPulse: (() => void) | undefined;
  #stopRetry: (() => void) | undefined;
  #isSendingFacts = false;
  #watched: ReadonlySet<VmId> = new Set();
  /** Watched VMs whose readings are to be sent; as with changes a set, so that a slow hub gets the newest only. */
  readonly #detailsDue = new Set<VmId>();
  #isClosed = false;

  constructor(options: HubLinkOptions) {
    this.#options = options;
    this.#armPulse();
  }

  get hubUrl(): string | undefined {
    return this.#hubUrl;
  }

  get isConnected(): boolean {
    return this.#socket?.connected === true;
  }

  /** Dials this hub from now on, instead of any other. */
  adopt(hubUrl: string): void {
    if (this.#isClosed || (hubUrl === this.#hubUrl && this.#socket?.active)) return;
    this.#drop();
    this.#hubUrl = hubUrl;
    const { hello } = this.#options;
    const socket: HubSocket = io(new URL(LINK_NAMESPACE, hubUrl).href, {
      path: REALTIME_PATH,
      transports: ["websocket"],
      auth: { ...hello, pid: process.pid } satisfies BridgeHello,
      reconnectionDelay: 100,
      reconnectionDelayMax: 3_000,
      randomizationFactor: 0.5,
      timeout: 5_000,
      forceNew: true,
      autoConnect: false,
    });
    this.#socket = socket;
    socket.on("connect", () => void this.#connected(socket));
    socket.on("disconnect", (reason) => this.#disconnected(socket, reason));
    socket.on("connect_error", (error) => this.#refused(socket, error));
    this.#serve(socket);
    socket.connect();
  }

  vmChanged(vmId: VmId): void {
    this.#ended.delete(vmId);
    this.#dirty.add(vmId);
    // Whoever watches sees a new verdict together with the readings that go with it.
    if (this.#watched.has(vmId)) this.#detailsDue.add(vmId);
    this.#flushSoon();
  }

  vmEnded(report: VmReport): void {
    this.#dirty.delete(report.vmId);
    // Without a hub there is nobody to tell: its next snapshot will not hold this VM, and the fact says why.
    if (this.isConnected) this.#ended.set(report.vmId, report);
    this.#flushSoon();
  }

  /** A fact was appended to the log. */
  factsWait(): void {
    this.#flushSoon();
  }

  progressed(report: ProgressReport): void {
    const socket = this.#socket;
    if (!socket?.connected) return;
    // Unacknowledged reports are kept by the desk and told again on the next connection.
    socket
      .timeout(ACK_WITHIN_MS)
      .emitWithAck("act:progressed", report)
      .catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    this.#stopPulse?.();
    this.#drop();
  }

  #drop(): void {
    this.#stopFlush?.();
    this.#stopFlush = undefined;
    this.#stopRetry?.();
    this.#isSnapshotDone = false;
    this.#socket?.removeAllListeners();
    this.#socket?.disconnect();
    this.#socket = undefined;
  }

  async #connected(socket: HubSocket): Promise<void> {
    const { logger, acts } = this.#options;
    this.refusal = undefined;
    logger.info({ hubUrl: this.#hubUrl }, "connected to the hub");
    try {
      await this.#sendSnapshot(socket);
    } catch (error) {
      if (socket !== this.#socket || !socket.connected) return;
      logger.warn({ err: error }, "the hub did not take the snapshot; connecting again");
      socket.disconnect();
      this.#retryAfter(socket, REFUSED_RETRY_MS);
      return;
    }
    if (socket !== this.#socket || !socket.connected) return;
    this.#isSnapshotDone = true;
    for (const report of acts.pending()) this.progressed(report);
    this.#flushSoon();
  }

  #disconnected(socket: HubSocket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#isSnapshotDone = false;
    this.#ended.clear();
    this.#watch([]);
    this.#options.logger.warn({ reason }, "the hub is gone; going on without it");
    // socket.io does not come back by itself where the server ended it in good order.
    if (!socket.active && !this.#isClosed) this.#retryAfter(socket, REFUSED_RETRY_MS / 5);
  }

  #refused(socket: HubSocket, error: Error): void {
    if (socket !== this.#socket) return;
    // `active`: the transport failed and socket.io goes on trying. Else the hub answered, and said no.
    if (socket.active) {
      this.#options.logger.debug({ err: error }, "the hub does not answer");
      return;
    }
    const text = isRefusal(error.message) ? REFUSALS[error.message] : `the hub refused this bridge: ${error.message}`;
    if (text !== this.refusal) this.#options.logger.error({ hubUrl: this.#hubUrl }, text);
    this.refusal = text;
    this.#retryAfter(socket, REFUSED_RETRY_MS);
  }

  #retryAfter(socket: HubSocket, delayMs: number): void {
    this.#stopRetry?.();
    this.#stopRetry = this.#options.clock.setTimer(
      () => {
        if (socket === this.#socket && !socket.connected) socket.connect();
      },
      delayMs * (0.5 + this.#options.random()),
    );
  }

  /** In acknowledged chunks: the next one is made when the hub has the last. */
  async #sendSnapshot(socket: HubSocket): Promise<void> {
    const { source } = this.#options;
    const generation = ++this.#generation;
    this.#sequence = 0;
    this.#dirty.clear();
    this.#ended.clear();
    const ids = new Set(source.listedIds());
    const emitter = socket.timeout(ACK_WITHIN_MS);
    await emitter.emitWithAck("snapshot:begin", { generation, total: ids.size });
    for (let index = 0; ids.size > 0; index++) {
      const vms = takeChunk(ids, (vmId) => source.report(vmId));
      if (!socket.connected || socket !== this.#socket) throw new Error("disconnected during the snapshot");
      await emitter.emitWithAck("snapshot:chunk", { generation, index, vms });
    }
    if (!socket.connected || socket !== this.#socket) throw new Error("disconnected during the snapshot");
    await emitter.emitWithAck("snapshot:end", { generation });
  }

  /** The first change after a quiet moment goes at once, further ones together. */
  #flushSoon(): void {
    if (this.#stopFlush || !this.#isSnapshotDone) return;
    const { clock } = this.#options;
    const delayMs = Math.max(0, this.#lastFlushMonoMs + FLUSH_EVERY_MS - clock.nowMonoMs());
    this.#stopFlush = clock.setTimer(() => {
      this.#stopFlush = undefined;
      this.#flush();
    }, delayMs);
  }

  #flush(): void {
    const socket = this.#socket;
    if (!socket?.connected || !this.#isSnapshotDone) return;
    const hasRoom = unsentBytes(socket) < MAX_UNSENT_BYTES;
    // Facts and readings must not hold up the state that follows them: an event is told before its run state is known.
    if (!hasRoom || this.#dirty.size > 0 || this.#ended.size > 0) this.#lastFlushMonoMs = this.#options.clock.nowMonoMs();
    if (hasRoom) {
      this.#sendChanges(socket);
      this.#sendDetails(socket);
      void this.#sendFacts(socket);
    }
    if (this.#dirty.size > 0 || this.#ended.size > 0 || this.#detailsDue.size > 0) this.#flushSoon();
  }

  /**
   * Not as volatile packets: those are dropped whenever another packet of the same moment is on its way, which here is
   * always. What keeps them from queueing is the look at what is unsent, before each.
   */
  #sendDetails(socket: HubSocket): void {
    for (const vmId of this.#detailsDue) {
      if (unsentBytes(socket) >= MAX_UNSENT_BYTES) return;
      this.#detailsDue.delete(vmId);
      const detail = this.#options.source.detail(vmId);
      if (detail) socket.emit("detail:changed", detail);
    }
  }

  #watch(vmIds: readonly VmId[]): void {
    const former = this.#watched;
    this.#watched = new Set(vmIds);
    for (const vmId of this.#detailsDue) if (!this.#watched.has(vmId)) this.#detailsDue.delete(vmId);
    for (const vmId of this.#watched) if (!former.has(vmId)) this.#detailsDue.add(vmId);
    if (this.#detailsDue.size > 0) this.#flushSoon();
  }

  #sendChanges(socket: HubSocket): void {
    const generation = this.#generation;
    if (this.#ended.size > 0) {
      for (const [vmId, report] of this.#ended) {
        socket.emit("vms:changed", { generation, sequence: ++this.#sequence, changed: [fitReport(report).report], removed: [vmId] });
      }
      this.#ended.clear();
    }
    if (this.#dirty.size === 0) return;
    const changed = takeChunk(this.#dirty, (vmId) => this.#options.source.report(vmId), MAX_CHUNK_BYTES);
    if (changed.length > 0) socket.emit("vms:changed", { generation, sequence: ++this.#sequence, changed, removed: [] });
  }

  async #sendFacts(socket: HubSocket): Promise<void> {
    if (this.#isSendingFacts) return;
    this.#isSendingFacts = true;
    const { facts, logger } = this.#options;
    try {
      for (;;) {
        const batch = facts.nextBatch(MAX_CHUNK_BYTES, MAX_FACTS_PER_BATCH);
        if (!batch || !socket.connected || socket !== this.#socket) return;
        const { throughSeq } = await socket.timeout(ACK_WITHIN_MS).emitWithAck("facts:append", batch);
        facts.acknowledge(throughSeq);
        if (throughSeq < (batch.facts.at(-1)?.seq ?? 0)) return;
      }
    } catch (error) {
      // They stay in the log and are sent again: with the next flush, or on the next connection.
      logger.debug({ err: error }, "the hub did not acknowledge facts");
    } finally {
      this.#isSendingFacts = false;
    }
  }

  #armPulse(): void {
    this.#stopPulse = this.#options.clock.setTimer(() => {
      if (this.#isClosed) return;
      this.#armPulse();
      this.#pulse();
    }, PULSE_EVERY_MS);
  }

  #pulse(): void {
    const socket = this.#socket;
    if (!socket?.connected) return;
    const { source, facts } = this.#options;
    // Volatile: it tells ages of now, and would lie if it came late.
    socket.volatile.emit("pulse:sent", source.pulse());
    for (const vmId of this.#watched) this.#detailsDue.add(vmId);
    if (this.#detailsDue.size > 0 || facts.size > 0) this.#flushSoon();
  }

  #serve(socket: HubSocket): void {
    const { acts, source, logger } = this.#options;
    socket.on("act:prepare", (message, ack) => {
      const request = prepareRequestSchema.safeParse(message);
      if (!request.success) return ack({ ok: false, code: "not-allowed", text: "The bridge did not understand the request" });
      acts.prepare(request.data).then(ack, (error: unknown) => {
        logger.error({ err: error }, "preparing an act failed");
        ack({ ok: false, code: "not-answering", text: "Preparing failed inside the bridge; nothing was sent" });
      });
    });
    socket.on("act:go", (message, ack) => {
      const request = goRequestSchema.safeParse(message);
      if (!request.success) return ack({ ok: false, code: "unknown-ticket", text: "The bridge did not understand the request" });
      acts.go(request.data).then(ack, (error: unknown) => {
        // Without an answer the hub asks what became of the act; "not sent" would be a guess.
        logger.error({ err: error }, "carrying out an act failed");
      });
    });
    socket.on("act:acknowledge", (message) => {
      const checked = actOfVmSchema.safeParse(message);
      if (checked.success) acts.acknowledge(checked.data.actId, checked.data.vmId);
    });
    socket.on("act:inquire", (message, ack) => {
      const checked = actOfVmSchema.safeParse(message);
      ack(checked.success ? acts.inquire(checked.data.actId, checked.data.vmId) : { unknown: true });
    });
    socket.on("detail:watch", (message) => {
      const checked = watchSchema.safeParse(message);
      if (checked.success) this.#watch(checked.data.vmIds);
    });
    socket.on("vm:dismiss", (message, ack) => {
      const checked = dismissSchema.safeParse(message);
      ack({ ok: checked.success && source.dismiss(checked.data.vmId) });
    });
  }
}

function isRefusal(text: string): text is HelloRefusal {
  return Object.hasOwn(REFUSALS, text);
}
