import type { QmpEvent } from "#lib/qapi/events";
import type { YankInstance } from "#lib/qapi/yank";
import type { MigrationReport } from "#lib/vm/report";
import { QmpStateError } from "#server/qmp/errors";
import type { QmpClient, QmpRequest, QmpResult } from "#server/qmp/client";
import { refreshConnections } from "../topology/refresh-connections.ts";
import type { Topology } from "../topology/topology.ts";
import { attachReads, needsMigrationEvents } from "./attach-reads.ts";
import { InBandLine } from "./in-band-line.ts";
import { BucketFilter, parseInstances } from "./known-vm.ts";
import type { KnownVm } from "./known-vm.ts";
import { isRecord } from "./plain-data.ts";
import type { ActVm, MonitorAddress } from "./ports.ts";
import type { VmHost, VmSettings } from "./vm-host.ts";

/** After an act, and while one is under way, the VM is asked this often, so that a recovery is seen when it happens. */
const WATCHFUL_INTERVAL_MS = 250;
const WATCHFUL_FOR_MS = 12_000;
const MIGRATION_SAMPLE_MS = 1_000;
/** Without an out-of-band lane the instance list has to share the in-band slot, and is asked less often. */
const IN_BAND_LIST_EVERY_MS = 5_000;
/** An event may ask for the run state at once, but a flood of them not more often than this. */
const EVENT_PROBE_GAP_MS = 100;
const TOPOLOGY_GAP_MS = 2_000;
const TOPOLOGY_RETRY_MS = 5_000;
/** No event tells that somebody connected to a console, so it is asked, and sooner while an act is watched. */
const CONNECTIONS_EVERY_MS = 15_000;
const CONNECTIONS_WHEN_WATCHFUL_MS = 2_000;
const OPEN_SHOWN_AFTER_MS = 1_000;

// Both wait for ever: a probe that QEMU never answers is the reading itself, and its age is the clock.
const YANK_PROBE: QmpRequest = { lane: "out-of-band", command: "query-yank", timeoutMs: Infinity };

const RUN_STATE_EVENTS: ReadonlySet<string> = new Set([
  "STOP",
  "RESUME",
  "SHUTDOWN",
  "RESET",
  "SUSPEND",
  "WAKEUP",
  "GUEST_PANICKED",
  "WATCHDOG",
  "BLOCK_IO_ERROR",
  "COLO_EXIT",
]);
const TOPOLOGY_EVENTS: ReadonlySet<string> = new Set([
  "DEVICE_DELETED",
  "BLOCK_JOB_COMPLETED",
  "BLOCK_JOB_CANCELLED",
  "BLOCK_JOB_READY",
  "JOB_STATUS_CHANGE",
  "NETDEV_VHOST_USER_CONNECTED",
  "NETDEV_VHOST_USER_DISCONNECTED",
]);
const ENDED_JOB_STATUSES: ReadonlySet<string> = new Set(["concluded", "null", "aborting", "undefined"]);

/** What the session tells the VM that owns it. */
export interface SessionOwner {
  readonly known: KnownVm;
  readonly settings: VmSettings;
  readonly address: MonitorAddress;
  /** Whether readings beside the probes may be sent; `false` for those that could touch storage. */
  mayRead(what: "anything" | "without-storage"): boolean;
  /** Its name is known now, and with it what the config says of it. */
  onIdentified(): void;
  /** A reply came on this lane; judge anew if it could matter. */
  onAnswer(lane: "in-band" | "oob"): void;
  /** Something that is published changed. */
  onChanged(): void;
  /** Wants to be called at this time, if not before. */
  wake(atMonoMs: number): void;
}

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
  #lastMigrationSampleMonoMs = -Infinity;
  #isMigrationSuspected = false;
  #isMigrationSampled = false;
  #topologyNotBeforeMonoMs = 0;
  #isReadingTopology = false;
  #connectionsMonoMs: number;
  #isInBandShownOpen = false;
  #isOutOfBandShownOpen = false;
  #isClosed = false;
  #hasFirstAnswer = false;
  readonly #takeList = (result: QmpResult): void => this.#onListAnswer(result, "oob");
  readonly #takeInBandList = (result: QmpResult): void => this.#onListAnswer(result, "in-band");
  readonly #takeStatus = (result: QmpResult): void => this.#onStatusAnswer(result);
  readonly #takeMigration = (result: QmpResult): void => this.#onMigrationAnswer(result);

  constructor(client: QmpClient, owner: SessionOwner, host: VmHost) {
    this.client = client;
    this.#owner = owner;
    this.#host = host;
    this.line = new InBandLine(host.clock, () => this.#afterInBandReply());
    this.#nextProbeMonoMs = host.clock.nowMonoMs();
    // Spread, so that the sessions that a start brings at once do not ask at once ever after.
    this.#connectionsMonoMs = this.#nextProbeMonoMs - host.random() * CONNECTIONS_EVERY_MS;
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
    const { known } = this.#owner;
    const name = event.event;
    if (name === "SHUTDOWN") known.isShuttingDown = true;
    else if (name === "RESET" || name === "RESUME") known.isShuttingDown = false;
    if (name === "STOP") known.stoppedMonoMs = nowMonoMs;
    else if (name === "RESUME") known.stoppedMonoMs = undefined;
    if (name === "STOP" || name === "RESUME") this.#noteCpuEvent(name, nowMonoMs);
    if (name === "JOB_STATUS_CHANGE") this.#noteJob(event);
    if (name === "MIGRATION" || name === "MIGRATION_PASS") {
      this.#isMigrationSuspected = true;
      if (name === "MIGRATION") this.#noteMigration(event, nowMonoMs);
      this.#pump(nowMonoMs);
    }
    if (TOPOLOGY_EVENTS.has(name)) known.isTopologyStale = true;
    if (RUN_STATE_EVENTS.has(name)) this.probeSoon(nowMonoMs);
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

  /** Around an act: probes at once, and then often. */
  watchClosely(): void {
    if (this.#isClosed) return;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    this.#watchfulUntilMonoMs = nowMonoMs + WATCHFUL_FOR_MS;
    this.#probe(nowMonoMs);
    this.#owner.wake(this.#nextProbeMonoMs);
  }

  /** A reading through the in-band slot, as topology and identity use it. */
  async ask(command: string, args?: Record<string, unknown>): Promise<unknown> {
    if (this.#isClosed) throw new QmpStateError("closed", "The connection ended");
    const reply = this.line.ask(command, args);
    if (this.line.isFree(this.client)) this.#pump(this.#host.clock.nowMonoMs());
    return (await reply).value;
  }

  /** A fresh `query-yank`, out of band where that works. @throws the qmp errors */
  async requeryInstances(timeoutMs: number): Promise<YankInstance[]> {
    const { client } = this;
    if (client.hasOob) {
      const reply = await client.executeOob("query-yank", undefined, { timeoutMs });
      return this.#takeFreshList(reply.value);
    }
    const { value } = await this.#actInBand("query-yank", undefined, { timeoutMs, slotWaitMs: timeoutMs, onWritten: () => {} });
    return this.#takeFreshList(value);
  }

  /** `query-migrate`, only while in-band answers; undefined where it could not be read. */
  async requeryMigration(timeoutMs: number): Promise<MigrationReport | undefined> {
    const openAgeMs = this.inBandOpenAgeMs(this.#host.clock.nowMonoMs()) ?? 0;
    if (this.#isClosed || openAgeMs >= this.#owner.settings.thresholds.slowAfterMs) return undefined;
    const { known } = this.#owner;
    try {
      const { value } = await this.#actInBand("query-migrate", undefined, {
        timeoutMs: timeoutMs / 2,
        slotWaitMs: timeoutMs / 2,
        onWritten: () => {},
      });
      known.migration.take(value, known.runState?.value, this.#host.clock.nowMonoMs());
      this.#owner.onChanged();
      return known.migration.report(this.#host.clock.nowMonoMs());
    } catch {
      return undefined;
    }
  }

  /** One command of an act. @throws the qmp errors, each with its outcome */
  async send(
    lane: "oob" | "in-band",
    command: string,
    args: Record<string, unknown> | undefined,
    options: Parameters<ActVm["send"]>[3],
  ): Promise<{ replyAfterMs: number }> {
    if (this.#isClosed) throw new QmpStateError("closed", `${command} was not sent: the connection ended`);
    this.#watchfulUntilMonoMs = this.#host.clock.nowMonoMs() + WATCHFUL_FOR_MS;
    try {
      const reply =
        lane === "in-band"
          ? await this.#actInBand(command, args, options)
          : await new Promise<{ replyAfterMs: number }>((resolve, reject) => {
              const request: QmpRequest = { lane: "out-of-band", command, arguments: args, timeoutMs: options.timeoutMs };
              this.client.request(request, (result) => (result.ok ? resolve(result.reply) : reject(result.error)));
              options.onWritten();
            });
      return { replyAfterMs: reply.replyAfterMs };
    } finally {
      this.#owner.known.isTopologyStale = true;
      this.watchClosely();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.line.close();
  }

  #actInBand(
    command: string,
    args: object | undefined,
    options: { timeoutMs: number; slotWaitMs: number; onWritten: () => void },
  ): Promise<{ value: unknown; replyAfterMs: number }> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, slotWaitMs, onWritten } = options;
      const settle = (result: QmpResult): void => (result.ok ? resolve(result.reply) : reject(result.error));
      this.line.act(this.client, { command, args, timeoutMs, onWritten, settle }, slotWaitMs);
    });
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
    if (status === "inmigrate" || status === "finish-migrate" || status === "postmigrate") this.#isMigrationSuspected = true;
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
      if (known.hasMigrationInstance !== this.#isMigrationSuspected) this.#lastMigrationSampleMonoMs = -Infinity;
      if (known.hasMigrationInstance) this.#isMigrationSuspected = true;
      this.#owner.onChanged();
    }
    if (lane === "in-band") return;
    const roundTripMs = this.client.outOfBand.lastRoundTripMs;
    if (roundTripMs !== undefined && this.outOfBandBucket.take(roundTripMs)) this.#owner.onChanged();
    if (this.#isOutOfBandShownOpen) this.#noteOpenLanes(this.#host.clock.nowMonoMs(), undefined);
    this.#owner.onAnswer("oob");
  }

  #takeFreshList(value: unknown): YankInstance[] {
    const { known } = this.#owner;
    if (known.takeInstances(value, this.#host.clock.nowMonoMs())) {
      known.isTopologyStale = true;
      this.#owner.onChanged();
      return known.instances;
    }
    return parseInstances(value);
  }

  #onMigrationAnswer(result: QmpResult): void {
    if (!result.ok || this.#isClosed) return;
    const { known } = this.#owner;
    this.#isMigrationSampled = true;
    const isFirst = known.migrationIfAny === undefined;
    const { migration } = known;
    migration.take(result.reply.value, known.runState?.value, result.reply.repliedMonoMs);
    if (isFirst || migration.status !== undefined) this.#owner.onChanged();
    // The last sample of a migration that ended has been taken; the instance goes shortly after.
    if (!migration.isUnderWay && !known.hasMigrationInstance && known.runState?.value !== "inmigrate") this.#isMigrationSuspected = false;
  }

  #afterInBandReply(): void {
    if (this.#isClosed) return;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const { lastRoundTripMs } = this.client.inBand;
    if (lastRoundTripMs !== undefined) {
      if (this.inBandBucket.take(lastRoundTripMs)) this.#owner.onChanged();
      // The one reply that was awaited for long says nothing of the run state of now: ask at once.
      if (lastRoundTripMs >= this.#owner.settings.thresholds.slowAfterMs) this.#isProbeOwed = true;
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
    if (this.#isMigrationSuspected && nowMonoMs - this.#lastMigrationSampleMonoMs >= MIGRATION_SAMPLE_MS * 0.9) {
      this.#lastMigrationSampleMonoMs = nowMonoMs;
      line.send(client, "query-migrate", undefined, Infinity, this.#takeMigration);
      return;
    }
    if (!client.hasOob && !this.#owner.known.hasNoYank && nowMonoMs - this.#lastListMonoMs >= IN_BAND_LIST_EVERY_MS) {
      this.#lastListMonoMs = nowMonoMs;
      line.send(client, "query-yank", undefined, Infinity, this.#takeInBandList);
      return;
    }
    if (line.sendNextAsk(client)) return;
    this.#maybeReadTopology(nowMonoMs);
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
      if (known.migrationIfAny?.isUnderWay) this.#isMigrationSuspected = this.#isMigrationSampled = true;
      known.isIdentified = true;
      this.#owner.onIdentified();
      this.#owner.onChanged();
      if (this.#owner.settings.mayEnableMigrationEvents && needsMigrationEvents(known, this.#isMigrationSuspected)) {
        await this.ask("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
      }
    } catch {
      // In-band turned slow or the connection ended: the next answer begins again.
      this.#hasFirstAnswer = known.isIdentified;
    }
  }

  #maybeReadTopology(nowMonoMs: number): void {
    const { known, settings } = this.#owner;
    if (!known.isTopologyStale) return this.#maybeRefreshConnections(nowMonoMs);
    if (!known.isIdentified || this.#isReadingTopology || nowMonoMs < this.#topologyNotBeforeMonoMs) return;
    if (known.instancesMonoMs === undefined || (this.#isMigrationSuspected && !this.#isMigrationSampled)) return;
    if (!this.#owner.mayRead("without-storage")) return;
    const leave = this.#host.topologyGate.enter();
    if (!leave) return;
    void this.#readTopology(known, settings.mayQueryBlock && this.#owner.mayRead("anything")).finally(leave);
  }

  async #readTopology(known: KnownVm, mayQueryBlock: boolean): Promise<void> {
    this.#isReadingTopology = true;
    known.isTopologyStale = false;
    try {
      const topology = await this.#host.readTopology((command, args) => this.ask(command, args), {
        mayQueryBlock,
        instances: known.instances,
        monitorAddress: this.#owner.address,
        commandLine: known.commandLine,
      });
      known.topology = topology;
      known.topologyMonoMs = this.#host.clock.nowMonoMs();
      this.#topologyNotBeforeMonoMs = known.topologyMonoMs + TOPOLOGY_GAP_MS;
      this.#owner.onChanged();
    } catch (error) {
      known.isTopologyStale = true;
      this.#topologyNotBeforeMonoMs = this.#host.clock.nowMonoMs() + TOPOLOGY_RETRY_MS;
      this.#host.logger.debug({ err: error }, "a topology reading was cut short");
    } finally {
      this.#isReadingTopology = false;
    }
  }

  #maybeRefreshConnections(nowMonoMs: number): void {
    const { known } = this.#owner;
    const everyMs = nowMonoMs < this.#watchfulUntilMonoMs ? CONNECTIONS_WHEN_WATCHFUL_MS : CONNECTIONS_EVERY_MS;
    if (nowMonoMs - this.#connectionsMonoMs < everyMs || this.#isReadingTopology || !known.topology) return;
    this.#connectionsMonoMs = nowMonoMs;
    if (!hasConnections(known.topology) || !this.#owner.mayRead("without-storage")) return;
    void this.#refreshConnections(known, known.topology);
  }

  async #refreshConnections(known: KnownVm, before: Topology): Promise<void> {
    try {
      const refreshed = await refreshConnections((command, args) => this.ask(command, args), before);
      // A whole reading that came meanwhile knows better.
      if (refreshed === before || known.topology !== before || this.#isClosed) return;
      known.topology = refreshed;
      this.#owner.onChanged();
    } catch {
      // In-band turned slow, which is told by its own clock.
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
  #noteCpuEvent(name: "STOP" | "RESUME", nowMonoMs: number): void {
    this.#owner.known.cpuEvent = { name, monoMs: nowMonoMs };
    if ((this.inBandOpenAgeMs(nowMonoMs) ?? 0) >= this.#owner.settings.thresholds.slowAfterMs) this.#owner.onChanged();
  }

  /** Migration events come from its own thread, also while in-band is silent: then they are all that tells. */
  #noteMigration(event: QmpEvent, nowMonoMs: number): void {
    this.#lastMigrationSampleMonoMs = -Infinity;
    const { status } = event.data;
    if (typeof status !== "string") return;
    const { known } = this.#owner;
    known.migration.take({ status }, known.runState?.value, nowMonoMs);
    this.#owner.onChanged();
  }

  #noteJob(event: QmpEvent): void {
    const { id, status } = event.data;
    if (typeof id !== "string" || typeof status !== "string") return;
    const { runningJobs } = this.#owner.known;
    if (ENDED_JOB_STATUSES.has(status)) runningJobs.delete(id);
    else if (runningJobs.size < 64) runningJobs.add(id.slice(0, 256));
  }
}

/** Whether anything but monitors hangs on this VM's chardevs. */
function hasConnections({ owners }: Topology): boolean {
  for (const owner of owners.values()) if (owner.kind !== "monitor") return true;
  return false;
}
