import type { QmpEvent } from "#lib/qapi/events";
import type { YankInstance } from "#lib/qapi/yank";
import { QmpStateError } from "#server/qmp/errors";
import type { QmpClient, QmpRequest, QmpResult } from "#server/qmp/client";
import { attachReads, needsMigrationEvents } from "./attach-reads.ts";
import { IoSampler } from "./io-sampler.ts";
import { InBandLine } from "./in-band-line.ts";
import { BucketFilter, parseInstances } from "./known-vm.ts";
import { MigrationSampler } from "./migration-sampler.ts";
import { isRecord } from "./plain-data.ts";
import type { AskInBand } from "./ports.ts";
import { noteEvent, tellsOfRunState } from "./session-events.ts";
import type { SessionOwner } from "./session-owner.ts";
import { TopologyWatch } from "./topology-watch.ts";
import type { VmHost } from "./vm-host.ts";

/** After an act, and while one is under way, the VM is asked this often, so that a recovery is seen when it happens. */
const WATCHFUL_INTERVAL_MS = 250;
const WATCHFUL_FOR_MS = 12_000;
/** Without an out-of-band lane the instance list has to share the in-band slot, and is asked less often. */
const IN_BAND_LIST_EVERY_MS = 5_000;
/** An event may ask for the run state at once, but a flood of them not more often than this. */
const EVENT_PROBE_GAP_MS = 100;
const OPEN_SHOWN_AFTER_MS = 1_000;

// Both wait for ever: a probe that QEMU never answers is the reading itself, and its age is the clock.
const YANK_PROBE: QmpRequest = { lane: "out-of-band", command: "query-yank", timeoutMs: Infinity };

/**
 * One negotiated connection at work: both probes, the readings that share the in-band slot, and events. It belongs to a
 * `SupervisedVm` and ends with `close`, when the connection does.
 */
export class RunningSession {
  readonly client: QmpClient;
  readonly line: InBandLine;
  readonly inBandBucket = new BucketFilter();
  readonly outOfBandBucket = new BucketFilter();
  readonly #owner: SessionOwner;
  readonly #host: VmHost;
  #nextProbeMonoMs: number;
  #isProbeOwed = false;
  #watchfulUntilMonoMs = -Infinity;
  /** When the newest probe that an event asked for was sent, or will be. */
  #eventProbeMonoMs = -Infinity;
  #lastListMonoMs = -Infinity;
  readonly #migration: MigrationSampler;
  readonly #topology: TopologyWatch;
  readonly #io: IoSampler;
  #isInBandShownOpen = false;
  #isOutOfBandShownOpen = false;
  #isClosed = false;
  #hasFirstAnswer = false;
  readonly #takeList = (result: QmpResult): void => this.#onListAnswer(result, "oob");
  readonly #takeInBandList = (result: QmpResult): void => this.#onListAnswer(result, "in-band");
  readonly #takeStatus = (result: QmpResult): void => this.#onStatusAnswer(result);
  readonly #takeColo = (result: QmpResult): void => this.#onColoAnswer(result);
  readonly #takeMigration = (result: QmpResult): void => {
    if (!this.#isClosed) this.#migration.take(result);
  };

  constructor(client: QmpClient, owner: SessionOwner, host: VmHost) {
    this.client = client;
    this.#owner = owner;
    this.#host = host;
    this.line = new InBandLine(host.clock, () => this.#afterInBandReply());
    this.#nextProbeMonoMs = host.clock.nowMonoMs();
    this.#migration = new MigrationSampler(owner);
    const ask: AskInBand = (command, args) => this.ask(command, args);
    this.#topology = new TopologyWatch(ask, owner, host);
    this.#io = new IoSampler(ask, owner, host);
    owner.known.hasOob = client.hasOob;
    this.onDue(this.#nextProbeMonoMs);
  }

  /** How long the oldest in-band request has waited while the bridge was looking; undefined where none is open. */
  inBandOpenAgeMs(nowMonoMs: number): number | undefined {
    const since = this.client.inBand.openSinceMonoMs;
    return since === undefined ? undefined : this.#host.stalls.watchedMs(since, nowMonoMs);
  }

  outOfBandOpenAgeMs(nowMonoMs: number): number | undefined {
    const since = this.client.outOfBand.openSinceMonoMs;
    return since === undefined ? undefined : this.#host.stalls.watchedMs(since, nowMonoMs);
  }

  /** @returns when it wants to be called again. */
  onDue(nowMonoMs: number): number {
    if (this.#isClosed) return Infinity;
    if (nowMonoMs >= this.#nextProbeMonoMs) this.#probe(nowMonoMs);
    const { known } = this.#owner;
    const events = known.eventsIfAny;
    let dueMonoMs = this.#nextProbeMonoMs;
    if (events?.dueMonoMs !== undefined) dueMonoMs = Math.min(dueMonoMs, events.dueMonoMs);
    const inBandAgeMs = this.inBandOpenAgeMs(nowMonoMs);
    const { slowAfterMs, hungAfterMs } = this.#owner.settings.thresholds;
    if (inBandAgeMs !== undefined) {
      if (inBandAgeMs >= slowAfterMs && this.line.hasAsks) this.line.stopAsking("in-band turned slow");
      // A verdict changes when an age crosses a threshold, not at the next probe.
      if (inBandAgeMs < slowAfterMs) dueMonoMs = Math.min(dueMonoMs, nowMonoMs + slowAfterMs - inBandAgeMs);
      else if (inBandAgeMs < hungAfterMs) dueMonoMs = Math.min(dueMonoMs, nowMonoMs + hungAfterMs - inBandAgeMs);
    } else this.#pump(nowMonoMs);
    this.#noteOpenLanes(nowMonoMs, inBandAgeMs);
    return dueMonoMs;
  }

  onEvent(event: QmpEvent): void {
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const name = event.event;
    noteEvent(event, this.#owner.known, nowMonoMs);
    if (name === "STOP" || name === "RESUME") this.#tellCpuEvent(nowMonoMs);
    if (name === "MIGRATION" || name === "MIGRATION_PASS") {
      this.#migration.noteEvent(event, nowMonoMs);
      this.#pump(nowMonoMs);
    }
    if (name === "COLO_EXIT" && this.#owner.known.colo.noteExit(event, nowMonoMs)) this.#owner.onChanged();
    if (tellsOfRunState(name)) this.probeSoon(nowMonoMs);
  }

  /**
   * Asks for the run state at once if the slot is free, else right after the reply that is awaited. Only what other events
   * asked for makes one wait: a probe of the second that went out just before it says nothing of what changed since.
   */
  probeSoon(nowMonoMs: number): void {
    if (nowMonoMs < this.#eventProbeMonoMs) return;
    const notBeforeMonoMs = this.#eventProbeMonoMs + EVENT_PROBE_GAP_MS;
    this.#eventProbeMonoMs = Math.max(nowMonoMs, notBeforeMonoMs);
    if (nowMonoMs < notBeforeMonoMs) {
      this.#nextProbeMonoMs = Math.min(this.#nextProbeMonoMs, notBeforeMonoMs);
      this.#owner.wake(this.#nextProbeMonoMs);
    } else if (this.line.isFree(this.client)) this.#sendStatus();
    else this.#isProbeOwed = true;
  }

  /** An act is under way: from now on probes go often. */
  watch(): void {
    this.#watchfulUntilMonoMs = this.#host.clock.nowMonoMs() + WATCHFUL_FOR_MS;
  }

  /** Around an act: probes at once, and then often. */
  watchClosely(): void {
    if (this.#isClosed) return;
    this.watch();
    this.#probe(this.#host.clock.nowMonoMs());
    this.#owner.wake(this.#nextProbeMonoMs);
  }

  /** A reading through the in-band slot, as topology and identity use it. */
  async ask(command: string, args?: Record<string, unknown>): Promise<unknown> {
    if (this.#isClosed) throw new QmpStateError("closed", "The connection ended");
    const reply = this.line.ask(command, args);
    if (this.line.isFree(this.client)) this.#pump(this.#host.clock.nowMonoMs());
    return (await reply).value;
  }

  /** Somebody asked for the list beside the probes. */
  takeFreshList(value: unknown): YankInstance[] {
    const { known } = this.#owner;
    if (known.takeInstances(value, this.#host.clock.nowMonoMs())) {
      known.isTopologyStale = true;
      this.#owner.onChanged();
      return known.instances;
    }
    return parseInstances(value);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#topology.close();
    this.line.close();
  }

  #probe(nowMonoMs: number): void {
    const { client } = this;
    const intervalMs =
      nowMonoMs < this.#watchfulUntilMonoMs
        ? Math.min(WATCHFUL_INTERVAL_MS, this.#owner.settings.intervalMs)
        : this.#owner.settings.intervalMs;
    this.#nextProbeMonoMs = nowMonoMs + intervalMs * (0.9 + 0.2 * this.#host.random());
    if (client.hasOob && client.outOfBand.openSinceMonoMs === undefined) client.request(YANK_PROBE, this.#takeList);
    if (this.line.isFree(client)) this.#sendStatus();
    else this.#isProbeOwed = true;
    this.#host.probed(nowMonoMs);
  }

  #sendStatus(): void {
    this.#isProbeOwed = false;
    this.line.send(this.client, "query-status", undefined, Infinity, this.#takeStatus);
  }

  #onStatusAnswer(result: QmpResult): void {
    if (!result.ok || this.#isClosed) return;
    const { value, repliedMonoMs } = result.reply;
    const status = isRecord(value) ? value["status"] : undefined;
    if (typeof status !== "string") return;
    const { known } = this.#owner;
    known.cpuEvent = undefined;
    const former = known.runState;
    if (former && former.value === status) {
      former.monoMs = repliedMonoMs;
      return;
    }
    known.runState = { value: status.slice(0, 64), monoMs: repliedMonoMs };
    // A migration shows in the run state even where nothing else told of it.
    if (status === "inmigrate" || status === "finish-migrate" || status === "postmigrate") this.#migration.suspect();
    this.#owner.onChanged();
  }

  #onListAnswer(result: QmpResult, lane: "oob" | "in-band"): void {
    if (this.#isClosed) return;
    const { known } = this.#owner;
    if (!result.ok) {
      // Silence never comes this way: the probe waits for ever. CommandNotFound is a QEMU before 6.0.
      if (result.error.code !== "command-error") return;
      known.hasNoYank = true;
    } else if (known.takeInstances(result.reply.value, result.reply.repliedMonoMs)) {
      known.isTopologyStale = true;
      known.launcher = this.#host.guessLauncher(known.instances, this.#host.isSimulated);
      this.#migration.noteInstances();
      this.#owner.onChanged();
    }
    if (lane === "in-band") return;
    const roundTripMs = this.client.outOfBand.lastRoundTripMs;
    if (roundTripMs !== undefined && this.outOfBandBucket.take(roundTripMs)) this.#owner.onChanged();
    if (this.#isOutOfBandShownOpen) this.#noteOpenLanes(this.#host.clock.nowMonoMs(), undefined);
    this.#owner.onAnswer("oob");
  }

  #afterInBandReply(): void {
    if (this.#isClosed) return;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const { lastRoundTripMs } = this.client.inBand;
    if (lastRoundTripMs !== undefined) {
      if (this.inBandBucket.take(lastRoundTripMs)) this.#owner.onChanged();
      // The one reply that was awaited for long says nothing of the run state of now: ask at once.
      const { slowAfterMs, hungAfterMs } = this.#owner.settings.thresholds;
      if (lastRoundTripMs >= slowAfterMs) this.#isProbeOwed = true;
      if (lastRoundTripMs >= hungAfterMs) this.#io.interrupt(nowMonoMs);
    }
    if (this.#isInBandShownOpen) this.#noteOpenLanes(nowMonoMs, undefined);
    if (!this.#hasFirstAnswer) {
      this.#hasFirstAnswer = true;
      if (!this.#owner.known.isIdentified) void this.#identify();
    }
    this.#owner.onAnswer("in-band");
    if (this.line.isFree(this.client)) this.#pump(nowMonoMs);
  }

  /** Gives the free slot to whoever is next. */
  #pump(nowMonoMs: number): void {
    const { client, line } = this;
    if (this.#isClosed || client.state.kind !== "running" || !line.isFree(client)) return;
    if (line.sendNextAct(client)) return;
    if (this.#isProbeOwed) {
      this.#sendStatus();
      return;
    }
    if (!this.#hasFirstAnswer) return;
    if (this.#migration.takeTurn(nowMonoMs)) {
      line.send(client, "query-migrate", undefined, Infinity, this.#takeMigration);
      return;
    }
    if (this.#isColoDue(nowMonoMs)) {
      line.send(client, "query-colo-status", undefined, Infinity, this.#takeColo);
      return;
    }
    if (!client.hasOob && !this.#owner.known.hasNoYank && nowMonoMs - this.#lastListMonoMs >= IN_BAND_LIST_EVERY_MS) {
      this.#lastListMonoMs = nowMonoMs;
      line.send(client, "query-yank", undefined, Infinity, this.#takeInBandList);
      return;
    }
    if (line.sendNextAsk(client)) return;
    if (!this.#migration.isUnread) this.#topology.maybeRead(nowMonoMs, nowMonoMs < this.#watchfulUntilMonoMs);
    this.#io.maybeRead(nowMonoMs);
  }

  #isColoDue(nowMonoMs: number): boolean {
    const { known } = this.#owner;
    const isInColo = known.runState?.value === "colo" || known.migrationIfAny?.status === "colo";
    if (!isInColo && !known.coloIfAny) return false;
    return this.#owner.mayRead("without-storage") && known.colo.takeTurn(isInColo, nowMonoMs);
  }

  #onColoAnswer(result: QmpResult): void {
    if (!result.ok || this.#isClosed) return;
    const { known } = this.#owner;
    if (known.colo.take(result.reply.value, result.reply.repliedMonoMs)) this.#owner.onChanged();
  }

  async #identify(): Promise<void> {
    const { known } = this.#owner;
    try {
      await attachReads(
        (command, args) => this.ask(command, args),
        known,
        () => this.#host.clock.nowMonoMs(),
      );
      if (this.#isClosed) return;
      if (known.migrationIfAny?.isUnderWay) this.#migration.attached();
      known.isIdentified = true;
      this.#owner.onIdentified();
      this.#owner.onChanged();
      if (this.#owner.settings.mayEnableMigrationEvents && needsMigrationEvents(known, this.#migration.isSuspected)) {
        await this.ask("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
      }
    } catch {
      // In-band turned slow or the connection ended: the next answer begins again.
      this.#hasFirstAnswer = known.isIdentified;
    }
  }

  /** A lane is shown as open after a second; both ways are published once. */
  #noteOpenLanes(nowMonoMs: number, inBandAgeMs: number | undefined): void {
    const isInBandOpen = (inBandAgeMs ?? this.inBandOpenAgeMs(nowMonoMs) ?? 0) >= OPEN_SHOWN_AFTER_MS;
    const isOutOfBandOpen = (this.outOfBandOpenAgeMs(nowMonoMs) ?? 0) >= OPEN_SHOWN_AFTER_MS;
    if (isInBandOpen === this.#isInBandShownOpen && isOutOfBandOpen === this.#isOutOfBandShownOpen) return;
    this.#isInBandShownOpen = isInBandOpen;
    this.#isOutOfBandShownOpen = isOutOfBandOpen;
    this.#owner.onChanged();
  }

  /** While in-band is silent nothing else will tell of it, so it is published; else the probe that follows tells more. */
  #tellCpuEvent(nowMonoMs: number): void {
    if ((this.inBandOpenAgeMs(nowMonoMs) ?? 0) >= this.#owner.settings.thresholds.slowAfterMs) this.#owner.onChanged();
  }
}
