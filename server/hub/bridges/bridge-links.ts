import type { DefaultEventsMap, Namespace, Socket } from "socket.io";
import { LINK_VERSION } from "#lib/link/contract";
import type {
  BridgeHello,
  BridgeToHubEvents,
  Fact,
  GoAnswer,
  GoRequest,
  HelloRefusal,
  HubToBridgeEvents,
  PrepareAnswer,
  PrepareRequest,
  ProgressReport,
} from "#lib/link/contract";
import { vmIdSchema } from "#lib/api/requests";
import type { VmId } from "#lib/vm/report";
import type { Log } from "#server/log";
import { isSameSecret } from "../auth/secrets.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { SnapshotIntake } from "../fleet/snapshot-intake.ts";
import type { Intake } from "../fleet/snapshot-intake.ts";
import { LogLimit } from "../log-limit.ts";
import {
  detailReportSchema,
  factBatchSchema,
  factSchema,
  goAnswerSchema,
  helloSchema,
  inquireAnswerSchema,
  prepareAnswerSchema,
  progressReportSchema,
  pulseSchema,
  snapshotBeginSchema,
  snapshotChunkSchema,
  snapshotEndSchema,
  vmReportSchema,
  vmsChangedSchema,
} from "./link-schemas.ts";

const ANSWER_TIMEOUT_MS = 5_000;
const MAX_LOGGED_ERROR = 1_000;

export interface BridgeLinksOptions {
  namespace: LinkNamespace;
  fleet: Fleet;
  clock: Clock;
  log: Log;
  /** The token by which a bridge is known; undefined for one that may not dial in. Read at every hello: files change. */
  tokenOf(bridgeId: string): string | undefined;
  events: BridgeLinkListener;
}

export interface BridgeLinkListener {
  connected(hello: BridgeHello): void;
  lost(hello: Pick<BridgeHello, "bridgeId" | "epoch">): void;
  refused(bridgeId: string, reason: HelloRefusal): void;
  /** Resolves when the facts are on the disk; the bridge then forgets them, and what was malformed among them, through `lastSeq`. */
  facts(batch: { bridgeId: string; epoch: string; missedBefore: number; facts: Fact[]; lastSeq: number }): Promise<{ throughSeq: number }>;
  /** Resolves when the progress is in the record; a rejection leaves it with the bridge, which sends it again. */
  progressed(bridgeId: string, report: ProgressReport): Promise<void>;
}

/** The bridge could not be asked, or did not answer in time: whether it acted is not known. */
export class BridgeLostError extends Error {
  override readonly name = "BridgeLostError";
}

export type LinkNamespace = Namespace<BridgeToHubEvents, HubToBridgeEvents, DefaultEventsMap, { hello: BridgeHello }>;
type LinkSocket = Socket<BridgeToHubEvents, HubToBridgeEvents, DefaultEventsMap, { hello: BridgeHello }>;

/** The hub's end of the links: one socket per bridge. It checks all that comes and never decides what it means. */
export class BridgeLinks {
  readonly #sockets = new Map<string, LinkSocket>();
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Who dials again and again needs no token for it. */
  readonly #logged = new LogLimit();
  readonly #events: BridgeLinkListener;
  #watched: VmId[] = [];

  constructor({ namespace, fleet, clock, log, tokenOf, events }: BridgeLinksOptions) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#log = log;
    this.#events = events;
    namespace.use((socket, next) => {
      const admitted = this.#admit(socket.handshake.auth, tokenOf);
      if (typeof admitted === "string") return next(new Error(admitted));
      socket.data.hello = admitted;
      return next();
    });
    namespace.on("connection", (socket) => this.#accept(socket));
  }

  isConnected(bridgeId: string): boolean {
    return this.#sockets.has(bridgeId);
  }

  /** @throws BridgeLostError: nothing was sent to the VM by a prepare. */
  async prepare(bridgeId: string, request: PrepareRequest): Promise<PrepareAnswer> {
    const answer = await this.#ask(bridgeId, (socket) => socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck("act:prepare", request));
    return prepareAnswerSchema.parse(answer);
  }

  /** @throws BridgeLostError: whether the command was sent is not known. */
  async go(bridgeId: string, request: GoRequest): Promise<GoAnswer> {
    return goAnswerSchema.parse(await this.#ask(bridgeId, (socket) => socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck("act:go", request)));
  }

  /** @throws BridgeLostError */
  async inquire(bridgeId: string, message: { actId: string; vmId: VmId }): Promise<ProgressReport | { unknown: true }> {
    const answer = await this.#ask(bridgeId, (socket) => socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck("act:inquire", message));
    return inquireAnswerSchema.parse(answer);
  }

  /** Lets the bridge forget an outcome that is in the record. Where it is lost just now, it will be told at the next inquiry. */
  acknowledge(bridgeId: string, message: { actId: string; vmId: VmId }): void {
    this.#sockets.get(bridgeId)?.emit("act:acknowledge", message);
  }

  /** @throws BridgeLostError */
  async dismiss(bridgeId: string, vmId: VmId): Promise<boolean> {
    const answer = await this.#ask(bridgeId, (socket) => socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck("vm:dismiss", { vmId }));
    return answer.ok;
  }

  /** The whole set of VMs that anybody looks at; each bridge hears of its own. */
  watch(vmIds: VmId[]): void {
    this.#watched = vmIds;
    for (const [bridgeId, socket] of this.#sockets) this.#tellWatched(bridgeId, socket);
  }

  #tellWatched(bridgeId: string, socket: LinkSocket): void {
    socket.emit("detail:watch", { vmIds: this.#watched.filter((vmId) => this.#fleet.bridgeIdOf(vmId) === bridgeId) });
  }

  async #ask<Answer>(bridgeId: string, send: (socket: LinkSocket) => Promise<Answer>): Promise<Answer> {
    const socket = this.#sockets.get(bridgeId);
    if (!socket) throw new BridgeLostError(`The bridge ${bridgeId} is not connected`);
    // An ack that dies with its connection would otherwise be waited for until the time-out.
    const { promise: gone, reject } = Promise.withResolvers<never>();
    const hangUp = () => reject(new BridgeLostError(`The bridge ${bridgeId} hung up before it answered`));
    socket.once("disconnect", hangUp);
    try {
      return await Promise.race([send(socket), gone]);
    } catch (error) {
      throw error instanceof BridgeLostError ? error : new BridgeLostError(`The bridge ${bridgeId} did not answer`, { cause: error });
    } finally {
      socket.off("disconnect", hangUp);
    }
  }

  #admit(auth: unknown, tokenOf: BridgeLinksOptions["tokenOf"]): BridgeHello | HelloRefusal {
    const hello = helloSchema.safeParse(auth);
    if (!hello.success) return "bad-hello";
    const { bridgeId, token, linkVersion } = hello.data;
    const expected = tokenOf(bridgeId);
    const refuse = (reason: HelloRefusal) => {
      const admitted = this.#logged.admit(reason, this.#clock.nowMs());
      if (admitted) this.#log.warn({ bridgeId, reason, ...admitted }, "refused a bridge");
      this.#events.refused(bridgeId, reason);
      return reason;
    };
    if (expected === undefined || !isSameSecret(token, expected)) return refuse("bad-token");
    if (linkVersion !== LINK_VERSION) return refuse("link-version");
    if (this.#sockets.has(bridgeId)) return refuse("duplicate-bridge");
    return hello.data;
  }

  #accept(socket: LinkSocket): void {
    const { hello } = socket.data;
    const { bridgeId, epoch } = hello;
    // Two hellos may pass the check above before the first of them arrives here.
    if (this.#sockets.has(bridgeId)) {
      this.#events.refused(bridgeId, "duplicate-bridge");
      socket.disconnect(true);
      return;
    }
    this.#sockets.set(bridgeId, socket);
    this.#fleet.bridgeConnected(hello);
    this.#events.connected(hello);
    this.#listen(socket, hello);
    this.#tellWatched(bridgeId, socket);
    socket.on("disconnect", (reason) => {
      this.#sockets.delete(bridgeId);
      this.#log.warn({ bridgeId, reason }, "a bridge is lost");
      this.#fleet.bridgeDisconnected(bridgeId);
      this.#events.lost({ bridgeId, epoch });
    });
  }

  #listen(socket: LinkSocket, { bridgeId, epoch }: BridgeHello): void {
    const intake = new SnapshotIntake();
    // Facts are stored in the order in which they came.
    let storing: Promise<unknown> = Promise.resolve();
    const take = (steps: Intake | Intake[]) => {
      this.#fleet.heard(bridgeId);
      for (const step of [steps].flat()) this.#take(socket, bridgeId, step);
    };
    const malformed = (event: string, error: unknown) => {
      const admitted = this.#logged.admit("malformed", this.#clock.nowMs());
      if (admitted)
        this.#log.warn(
          { bridgeId, event, error: String(error).slice(0, MAX_LOGGED_ERROR), ...admitted },
          "a bridge sent something that the link does not allow",
        );
      this.#fleet.noteBridge(bridgeId, "malformed", `It sent a malformed ${event}, which was dropped`);
    };

    // A VM whose report cannot be read must not go on looking as it did before.
    const readReports = (values: readonly unknown[]) =>
      parseEach(values, vmReportSchema, (error, value) => {
        malformed("VM report", error);
        const vmId = vmIdSchema.safeParse(typeof value === "object" && value !== null && "vmId" in value ? value.vmId : undefined);
        return vmId.success ? this.#fleet.unreadable(bridgeId, vmId.data) : undefined;
      });

    socket.on("snapshot:begin", (message, ack) => {
      const parsed = snapshotBeginSchema.safeParse(message);
      if (!parsed.success) return malformed("snapshot:begin", parsed.error);
      take(intake.begin(parsed.data.generation, parsed.data.total));
      return acknowledge(ack, { ok: true });
    });
    socket.on("snapshot:chunk", (message, ack) => {
      const parsed = snapshotChunkSchema.safeParse(message);
      if (!parsed.success) return malformed("snapshot:chunk", parsed.error);
      const { generation, index, vms } = parsed.data;
      take(intake.chunk(generation, index, vms.length, readReports(vms)));
      return acknowledge(ack, { ok: true });
    });
    socket.on("snapshot:end", (message, ack) => {
      const parsed = snapshotEndSchema.safeParse(message);
      if (!parsed.success) return malformed("snapshot:end", parsed.error);
      take(intake.end(parsed.data.generation));
      this.#tellWatched(bridgeId, socket);
      return acknowledge(ack, { ok: true });
    });
    socket.on("vms:changed", (message) => {
      const parsed = vmsChangedSchema.safeParse(message);
      if (!parsed.success) return malformed("vms:changed", parsed.error);
      const changed = readReports(parsed.data.changed);
      return take(intake.changed({ ...parsed.data, changed }));
    });
    socket.on("pulse:sent", (message) => {
      const parsed = pulseSchema.safeParse(message);
      if (!parsed.success) return malformed("pulse:sent", parsed.error);
      this.#fleet.heard(bridgeId);
      return this.#fleet.pulse(bridgeId, parsed.data);
    });
    socket.on("detail:changed", (message) => {
      const parsed = detailReportSchema.safeParse(message);
      if (!parsed.success) return malformed("detail:changed", parsed.error);
      return this.#fleet.setReadings(bridgeId, parsed.data);
    });
    socket.on("facts:append", (message, ack) => {
      const parsed = factBatchSchema.safeParse(message);
      if (!parsed.success) return malformed("facts:append", parsed.error);
      this.#fleet.heard(bridgeId);
      const facts = parseEach(parsed.data.facts, factSchema, (error) => malformed("fact", error));
      storing = storing
        .then(() =>
          this.#events.facts({ bridgeId, epoch, missedBefore: parsed.data.missedBefore, facts, lastSeq: lastSeqOf(parsed.data.facts) }),
        )
        .then((answer) => acknowledge(ack, answer))
        .catch((error: unknown) => this.#log.error({ bridgeId, error: String(error) }, "facts could not be stored; the bridge keeps them"));
      return undefined;
    });
    socket.on("act:progressed", (message, ack) => {
      const parsed = progressReportSchema.safeParse(message);
      if (!parsed.success) return malformed("act:progressed", parsed.error);
      this.#fleet.heard(bridgeId);
      this.#events
        .progressed(bridgeId, parsed.data)
        .then(() => acknowledge(ack, { ok: true }))
        .catch((error: unknown) =>
          this.#log.error({ bridgeId, error: String(error) }, "progress could not be recorded; the bridge keeps it"),
        );
      return undefined;
    });
  }

  #take(socket: LinkSocket, bridgeId: string, step: Intake): void {
    switch (step.type) {
      case "nothing":
        return;
      case "replace":
        this.#fleet.replace(bridgeId, step.vms);
        return;
      case "update":
        this.#fleet.update(bridgeId, step.changed, step.removed);
        return;
      case "resync":
        this.#log.warn({ bridgeId, reason: step.reason }, "a bridge's state has a gap; asking for all of it again");
        socket.disconnect(true);
        return;
    }
  }
}

/** Types are no checks: a bridge that forgets to ask for an answer must not end the hub. */
function acknowledge<Answer>(ack: unknown, answer: Answer): void {
  if (typeof ack === "function") (ack as (answer: Answer) => void)(answer);
}

/** The highest number in a batch, so that a malformed fact is not sent for ever. */
function lastSeqOf(facts: readonly unknown[]): number {
  return facts.reduce<number>((last, fact) => {
    const seq = typeof fact === "object" && fact !== null && "seq" in fact ? fact.seq : undefined;
    return typeof seq === "number" && Number.isSafeInteger(seq) ? Math.max(last, seq) : last;
  }, 0);
}

interface Parser<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false; error: unknown };
}

/** @param onBad may say what stands for the value that could not be read. */
function parseEach<Value>(
  values: readonly unknown[],
  schema: Parser<Value>,
  onBad: (error: unknown, value: unknown) => Value | undefined | void,
): Value[] {
  const good: Value[] = [];
  for (const value of values) {
    const parsed = schema.safeParse(value);
    const read = parsed.success ? parsed.data : onBad(parsed.error, value);
    if (read) good.push(read);
  }
  return good;
}
