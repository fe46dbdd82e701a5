import { assertNever } from "#lib/assert-never";
import type { HealthState, HealthThresholds, Picture } from "#lib/health/reduce-health";
import { isTrouble } from "#lib/health/verdict";
import type { UnreachableReason } from "#lib/health/verdict";
import type { QmpEvent } from "#lib/qapi/events";
import { isSimulatedPackage } from "#lib/qapi/simulated";
import type { VmId, VmReport } from "#lib/vm/report";
import { QmpClient } from "#server/qmp/client";
import type { QmpCloseReason } from "#server/qmp/client";
import { ALLOWED_COMMANDS } from "../allowed-commands.ts";
import type { WatchedVm } from "../evidence/host-watch.ts";
import { Backoff } from "./backoff.ts";
import { judgeFailedAttempt } from "./failed-attempt.ts";
import { connectionIncarnation, describeChange, findIncarnation, isSameProcess, nameIncarnation } from "./find-incarnation.ts";
import type { FoundListener } from "./find-incarnation.ts";
import { HealthWatch } from "./health-watch.ts";
import { KnownVm } from "./known-vm.ts";
import type { ActObservation } from "./ports.ts";
import { PROCESS_RECHECK_MS, ProcessSight } from "./process-sight.ts";
import { runningPicture } from "./running-picture.ts";
import { RunningSession } from "./running-session.ts";
import type { ReadingKind, SessionOwner } from "./session-owner.ts";
import { socketStalls } from "./socket-stalls.ts";
import { TICK_MS } from "./tick-wheel.ts";
import type { Ticking } from "./tick-wheel.ts";
import { UngreetedWatch } from "./ungreeted-watch.ts";
import type { MonitorSpot, VmHost, VmSettings } from "./vm-host.ts";
import { makeVmId, nameFromAddress } from "./vm-id.ts";
import { buildReport } from "./vm-report.ts";

const GREETED_WITHIN_MS = 2_000;
const BUSY_RETRY_MS = 10_000;
const UNGREETED_RECHECK_MS = 2_000;
/** A session that lasted this long was a good one: the next reconnect starts at 100 ms again. */
const GOOD_SESSION_MS = 10_000;
const KEEP_GONE_MS = 24 * 3_600_000;
const VALID_READING_MS = 5_000;

/** One connection's life as the supervisor sees it. */
type Phase =
  | { kind: "waiting"; untilMonoMs: number }
  | { kind: "connecting"; client: QmpClient }
  | { kind: "running"; client: QmpClient; session: RunningSession }
  /** Another address of the same process is the VM; this one is left alone until that one is gone. */
  | { kind: "standing-by" }
  | { kind: "closed" };

/**
 * One monitor address and whatever VM answers there: it connects, holds the session, connects again, tells one process
 * from the next, and judges. Made by the registry when an address appears; ends with `close`, or by itself through
 * `host.ended`. It has no timer: the wheel calls `onDue`.
 */
export class SupervisedVm implements Ticking, SessionOwner, WatchedVm {
  tick = 0;
  readonly vmId: VmId;
  readonly spot: MonitorSpot;
  known: KnownVm;
  settings: VmSettings;
  /** Whether operators may see it: a socket that never answered is not a VM. */
  isListed = false;
  /** The socket may not be opened by the bridge's user. */
  isForbidden = false;
  reconnects = 0;
  /** The registry's own mark: the incarnation under which it filed this VM. */
  formerIncarnationId: string | undefined;
  readonly #host: VmHost;
  readonly #backoff: Backoff;
  #phase: Phase = { kind: "closed" };
  /** What the last attempt ended with, while there is no connection. */
  #failure: Picture = { connection: "not-asked" };
  #former: KnownVm | undefined;
  readonly #health: HealthWatch;
  readonly #process: ProcessSight;
  readonly #ungreeted: UngreetedWatch;
  #incarnationOrdinal = 0;
  #goneSinceMonoMs: number | undefined;
  #socketFile: string | undefined;
  /** The path was bound anew while its former listener lives: by the path alone the two cannot be told apart. */
  #isReplaced = false;
  #listeners: Set<(observation: ActObservation) => void> | undefined;

  constructor(spot: MonitorSpot, host: VmHost) {
    this.spot = spot;
    this.#host = host;
    this.vmId = makeVmId(host.bridgeId, spot.address);
    this.known = this.#freshKnown();
    this.settings = host.settingsFor(this.name);
    this.#health = new HealthWatch(host.clock.nowMonoMs());
    this.#backoff = new Backoff(host.random);
    this.#process = new ProcessSight(host.proc, host.clock);
    this.#ungreeted = new UngreetedWatch(host, spot.address, this.#process);
  }

  get address(): MonitorSpot["address"] {
    return this.spot.address;
  }

  get name(): string {
    return this.known.name ?? nameFromAddress(this.spot.address);
  }

  get health(): HealthState {
    return this.#health.state;
  }

  /** The bridge was told so, or the greeting says so. */
  get isSimulated(): boolean {
    return this.#host.isSimulated || (this.known.version !== undefined && isSimulatedPackage(this.known.version.package));
  }

  get session(): RunningSession | undefined {
    return this.#phase.kind === "running" ? this.#phase.session : undefined;
  }

  get client(): QmpClient | undefined {
    return this.#phase.kind === "running" || this.#phase.kind === "connecting" ? this.#phase.client : undefined;
  }

  get isStandingBy(): boolean {
    return this.#phase.kind === "standing-by";
  }

  /** The process is gone and an operator should know; true until dismissed, replaced or a day old. */
  get isGone(): boolean {
    return this.#goneSinceMonoMs !== undefined;
  }

  /** The configured ones, and for how long a reading holds at this VM's pace. */
  get thresholds(): HealthThresholds {
    const { thresholds, intervalMs } = this.settings;
    return { ...thresholds, readingValidForMs: Math.max(VALID_READING_MS, 2 * intervalMs + 1_000) };
  }

  start(): void {
    if (this.spot.isNotOurs) {
      this.#failure = { connection: "failed", reason: "not-ours" };
      this.#list();
      this.look();
      return;
    }
    this.#dial();
  }

  /**
   * The watcher saw the socket's file: no need to wait for the next attempt.
   * @param file tells this file from the next of the same name; undefined where there is no file.
   */
  socketAppeared(file: string | undefined): void {
    const isReplaced = file !== undefined && this.#socketFile !== undefined && file !== this.#socketFile;
    this.#socketFile = file ?? this.#socketFile;
    if (this.#phase.kind === "waiting") {
      this.#backoff.reset();
      this.#dial();
    } else if (isReplaced && this.client !== undefined) {
      // Another socket stands at this address now. The address is what operators gave us, so it decides.
      this.#host.fact(this, { kind: "connection", text: "another socket has taken this address" });
      this.#hangUp();
      this.#isReplaced = true;
      this.#dial();
    }
  }

  /** The file is gone. A living session is kept: nobody else can reach that QEMU any more. */
  socketVanished(): void {
    if (this.#phase.kind !== "waiting" || this.isGone) return;
    this.#end("socket-removed");
  }

  /** The other address of this process is gone: this one is the VM now. */
  stepIn(): void {
    if (this.#phase.kind === "standing-by") this.#dial();
  }

  /** Another address of the same process comes first in the config. */
  standBy(): void {
    this.#hangUp();
    this.isListed = false;
    this.#phase = { kind: "standing-by" };
  }

  /** An operator has seen that its process is gone. @returns whether there was anything to dismiss. */
  dismiss(): boolean {
    if (!this.isGone) return false;
    this.#end("socket-removed");
    return true;
  }

  applySettings(): void {
    this.settings = this.#host.settingsFor(this.name);
    this.look();
    this.onChanged();
  }

  close(): void {
    this.#hangUp();
    this.#phase = { kind: "closed" };
    this.#host.wheel.remove(this);
  }

  /** The bridge stood still: nothing open is held against the VM. */
  bridgeStalled(fromMonoMs: number, untilMonoMs: number): void {
    this.known.migrationIfAny?.forgiveStall(untilMonoMs - fromMonoMs);
    this.known.ioIfAny?.take({ type: "bridge-stalled", forMs: untilMonoMs - fromMonoMs });
    this.#health.bridgeStalled(untilMonoMs, this.thresholds);
  }

  onDue(nowMonoMs: number): void {
    const phase = this.#phase;
    switch (phase.kind) {
      case "waiting":
        if (nowMonoMs >= phase.untilMonoMs) this.#dialOrForget(nowMonoMs);
        else this.wake(phase.untilMonoMs);
        return;
      case "connecting":
        this.#watchHandshake(phase.client, nowMonoMs);
        return;
      case "running": {
        const dueMonoMs = phase.session.onDue(nowMonoMs);
        this.#flushEvents(nowMonoMs);
        if (this.#phase !== phase) return;
        this.wake(dueMonoMs);
        if (this.#wantsHostRead(phase.session, nowMonoMs)) this.#host.hostWatch.want(this);
        if (this.health.verdict.kind !== "healthy" || phase.session.inBandOpenAgeMs(nowMonoMs) !== undefined) {
          this.look();
          this.#lookAtProcess(phase.session, nowMonoMs);
          if (this.#health.needsTelling(nowMonoMs)) this.onChanged();
        } else this.#checkStaleness(phase.session, nowMonoMs);
        return;
      }
      case "standing-by":
      case "closed":
        return;
      default:
        assertNever(phase);
    }
  }

  onHostRead(isNews: boolean): void {
    if (!isNews) return;
    this.look();
    this.onChanged();
  }

  wake(atMonoMs: number): void {
    if (atMonoMs === Infinity || (this.tick !== 0 && this.tick * TICK_MS <= atMonoMs)) return;
    this.#host.wheel.at(this, atMonoMs);
  }

  mayRead(what: ReadingKind): boolean {
    const { session } = this;
    if (!session || session.inBandBucket.shown === ">=1s") return false;
    switch (this.health.verdict.kind) {
      case "healthy":
        // What may wait for storage goes only to a main loop that has time to spare.
        return what !== "anything" || session.inBandBucket.shown === "<10ms" || session.inBandBucket.shown === "<100ms";
      // Their main loop answers; storage may be what failed them.
      case "guest-stopped":
      case "migration-stalled":
        return what !== "anything";
      // What is needed to see that it moves again, and nothing more: the rest was read while it was well, or waits until then.
      case "io-stalled":
        return what === "without-storage";
      default:
        return false;
    }
  }

  onIdentified(): void {
    this.settings = this.#host.settingsFor(this.name);
  }

  onAnswer(lane: "in-band" | "oob"): void {
    const { session, health, known } = this;
    // The path of nearly every answer: nothing to judge anew.
    const isSteady =
      health.verdict.kind === "healthy" &&
      health.held === undefined &&
      known.migrationIfAny === undefined &&
      session !== undefined &&
      (lane === "oob" || (session.client.inBand.lastRoundTripMs ?? 0) < this.settings.thresholds.slowAfterMs);
    if (!isSteady || (lane === "in-band" && known.runState?.value !== "running")) {
      if (lane === "in-band") this.#process.forget();
      this.look();
    }
    this.#listIfReady();
    if (this.#listeners) this.#observe({ type: "probe-answered", lane, report: this.report() });
  }

  onChanged(): void {
    this.#listIfReady();
    if (!this.isListed || this.known.incarnation === undefined) return;
    this.#host.changed(this);
  }

  /** What the verdict is made of, now. */
  picture(nowMonoMs = this.#host.clock.nowMonoMs()): Picture {
    const phase = this.#phase;
    if (phase.kind === "running") return runningPicture(phase.session, this.known, this.#process.confirmedState, nowMonoMs);
    if (phase.kind !== "connecting" || phase.client.state.kind !== "connecting") return this.#failure;
    const { state } = phase.client;
    switch (state.phase) {
      case "dialling":
        return this.#failure;
      case "awaiting-greeting":
        return this.#ungreeted.isEstablished ? this.#ungreeted.picture(nowMonoMs) : this.#failure;
      case "negotiating":
        return {
          connection: "negotiating",
          openAgeMs: this.#host.stalls.watchedMs(state.sinceMonoMs, nowMonoMs),
          offersOob: phase.client.greeting?.capabilities.includes("oob") ?? false,
          process: this.#process.state,
        };
      default:
        return assertNever(state.phase);
    }
  }

  /** Judges anew, and tells where the verdict changed. */
  look(): void {
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const makeFact = this.#health.look(this.picture(nowMonoMs), nowMonoMs, this.thresholds);
    if (!makeFact) return;
    this.#listIfReady();
    if (this.isListed) this.#host.fact(this, makeFact());
    this.onChanged();
    if (this.#listeners) this.#observe({ type: "changed", report: this.report() });
  }

  report(): VmReport {
    this.#health.told(this.#host.clock.nowMonoMs());
    return buildReport(this, this.#host);
  }

  /** Calls back after every probe answer, verdict change and connection end until the returned function is called. */
  observe(listener: (observation: ActObservation) => void): () => void {
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners = undefined;
    };
  }

  #observe(observation: ActObservation): void {
    for (const listener of this.#listeners ?? []) listener(observation);
  }

  #freshKnown(): KnownVm {
    return new KnownVm(`${this.#host.epoch.slice(0, 6)}.${++this.#incarnationOrdinal}`);
  }

  #dialOrForget(nowMonoMs: number): void {
    if (this.#goneSinceMonoMs !== undefined && nowMonoMs - this.#goneSinceMonoMs >= KEEP_GONE_MS) this.#end("socket-removed");
    else this.#dial();
  }

  #dial(): void {
    const { address } = this.spot;
    const client: QmpClient = new QmpClient({
      address: address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port },
      allowedCommands: ALLOWED_COMMANDS,
      inBandWindow: 1,
      clock: this.#host.clock,
      openTransport: this.#host.openTransport,
      // Who says nothing is asked about in /proc; and a negotiation that waits is the last chance to ever get a cord.
      greetingTimeoutMs: Infinity,
      negotiationTimeoutMs: Infinity,
      handlers: {
        onGreeting: () => this.client === client && this.#greeted(client),
        onRunning: () => this.client === client && this.#running(client),
        onEvent: (event) => this.client === client && this.#onEvent(event),
        onClosed: (reason) => this.client === client && this.#disconnected(client, reason),
      },
    });
    this.#phase = { kind: "connecting", client };
    client.connect().catch(() => {
      // `onClosed` says the same, with the reason.
    });
    this.wake(this.#host.clock.nowMonoMs() + GREETED_WITHIN_MS);
  }

  #greeted(client: QmpClient): void {
    this.#ungreeted.forget();
    this.isForbidden = false;
    this.#process.forget();
    // Only what was greeted before was somebody; a socket that was merely listed was nobody yet.
    if (this.known.incarnation !== undefined && this.known.version !== undefined) this.#former = this.known;
    this.known = this.#freshKnown();
    this.known.version = client.greeting && { ...client.greeting.version, package: client.greeting.version.package.slice(0, 128) };
    this.known.hasOob = client.greeting?.capabilities.includes("oob");
    this.#searchIncarnation(client);
    this.wake(this.#host.clock.nowMonoMs() + this.settings.thresholds.slowAfterMs);
  }

  #running(client: QmpClient): void {
    const session = new RunningSession(client, this, this.#host);
    this.#phase = { kind: "running", client, session };
    this.wake(this.#host.clock.nowMonoMs());
  }

  #searchIncarnation(client: QmpClient): void {
    const { known } = this;
    const isReplaced = this.#isReplaced;
    this.#isReplaced = false;
    void findIncarnation(this.#host, {
      address: this.address,
      known,
      former: this.#former,
      isReplaced,
      isCurrent: () => this.client === client && this.known === known,
      onSettled: (found) => this.#settleIncarnation(known, found),
      onCommandLine: (commandLine) => {
        known.commandLine = commandLine;
        known.isTopologyStale = true;
        known.forgetDescriptions();
        this.onChanged();
      },
    });
  }

  #settleIncarnation(known: KnownVm, found: FoundListener): void {
    nameIncarnation(known, found, this.isSimulated);
    this.#compareWithFormer(known);
    if (!this.#host.claim(this)) {
      this.standBy();
      return;
    }
    this.look();
    this.onChanged();
  }

  #compareWithFormer(known: KnownVm): void {
    const former = this.#former;
    this.#former = undefined;
    if (former && isSameProcess(former, known)) {
      known.inherit(former);
      this.reconnects++;
    } else if (former) {
      // Another process: its health, name and history are its own.
      this.#health.begin(this.#host.clock.nowMonoMs());
      this.#host.fact(this, { kind: "incarnation-changed", text: describeChange(former, known) });
    }
    this.#goneSinceMonoMs = undefined;
  }

  #onEvent(event: QmpEvent): void {
    if (!this.session) return;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    for (const fact of this.known.events.add(event, nowMonoMs)) this.#host.fact(this, fact);
    this.session.onEvent(event);
    const dueMonoMs = this.known.events.dueMonoMs;
    if (dueMonoMs !== undefined) this.wake(dueMonoMs);
  }

  #flushEvents(nowMonoMs: number): void {
    const events = this.known.eventsIfAny;
    if (events?.dueMonoMs === undefined || nowMonoMs < events.dueMonoMs) return;
    for (const fact of events.flush(nowMonoMs)) this.#host.fact(this, fact);
  }

  #watchHandshake(client: QmpClient, nowMonoMs: number): void {
    const { state } = client;
    if (state.kind !== "connecting") return;
    if (state.phase === "negotiating") {
      this.look();
      this.#readProcess();
      if (isTrouble(this.health.verdict.kind)) this.#host.hostWatch.want(this);
      if (this.#health.needsTelling(nowMonoMs)) this.onChanged();
      const ageMs = this.#host.stalls.watchedMs(state.sinceMonoMs, nowMonoMs);
      const { hungAfterMs } = this.settings.thresholds;
      this.wake(nowMonoMs + (ageMs < hungAfterMs ? Math.min(PROCESS_RECHECK_MS, hungAfterMs - ageMs) : PROCESS_RECHECK_MS));
      return;
    }
    const waitedMs = state.phase === "awaiting-greeting" ? this.#host.stalls.watchedMs(state.sinceMonoMs, nowMonoMs) : 0;
    const isOverdue = waitedMs >= GREETED_WITHIN_MS;
    this.wake(nowMonoMs + (isOverdue ? UNGREETED_RECHECK_MS : GREETED_WITHIN_MS - waitedMs));
    if (isOverdue && this.#ungreeted.isDue(nowMonoMs)) void this.#checkUngreeted(client, state.sinceMonoMs);
  }

  async #checkUngreeted(client: QmpClient, sinceMonoMs: number): Promise<void> {
    const found = await this.#ungreeted.check(sinceMonoMs, () => this.client === client && client.greeting === undefined);
    if (found === undefined) return;
    this.#list();
    switch (found) {
      case "other-client":
        this.#retryAfter({ connection: "busy" }, BUSY_RETRY_MS);
        return;
      case "cannot-tell":
        this.#retryAfter(this.#ungreeted.picture(this.#host.clock.nowMonoMs()), BUSY_RETRY_MS);
        break;
      case "nobody-home":
        this.look();
        break;
      default:
        assertNever(found);
    }
    this.onChanged();
  }

  /** Lets go of the connection, with what was found, and comes back later. */
  #retryAfter(failure: Picture, delayMs: number): void {
    this.#hangUp();
    this.#failure = failure;
    this.#wait(delayMs * (0.9 + 0.2 * this.#host.random()));
    this.look();
  }

  #disconnected(client: QmpClient, reason: QmpCloseReason): void {
    const phase = this.#phase;
    const runningSinceMonoMs = phase.kind === "running" ? phase.session.client.inBand.lastReplyMonoMs : undefined;
    if (phase.kind === "running") phase.session.close();
    const wasGreeted = client.greeting !== undefined;
    this.#phase = { kind: "waiting", untilMonoMs: Infinity };
    if (wasGreeted) {
      if (this.#former !== undefined && this.known.incarnation === undefined) this.known = this.#former;
      this.#former = undefined;
      void this.#sessionEnded(reason, runningSinceMonoMs);
      return;
    }
    this.#attemptFailed(reason.kind);
  }

  /** A greeted connection is over: in good order, with its process, or alone. */
  async #sessionEnded(reason: QmpCloseReason, lastReplyMonoMs: number | undefined): Promise<void> {
    const { address } = this.spot;
    const { known } = this;
    const pid = known.incarnation?.pid;
    for (const fact of known.eventsIfAny?.flush(this.#host.clock.nowMonoMs()) ?? []) this.#host.fact(this, fact);
    if (known.isShuttingDown) return this.#end("shutdown");
    const exists = address.kind === "tcp" || (await this.#host.socketExists(address.path));
    // Told also where the socket was dialled again while we looked.
    if (exists) this.#host.fact(this, { kind: "connection", text: `the monitor's connection ended: ${reason.error.message}` });
    if (this.#phase.kind !== "waiting") return;
    if (!exists) return this.#end("socket-removed");
    const state = pid === undefined ? undefined : await this.#host.proc.readState(pid).catch(() => undefined);
    if (this.#phase.kind !== "waiting") return;
    const isProcessGone =
      state !== undefined &&
      ("unknown" in state ? state.unknown === "gone" : state.startTimeTicks !== known.startTimeTicks || state.state === "Z");
    if (lastReplyMonoMs !== undefined && this.#host.clock.nowMonoMs() - this.health.sinceMonoMs >= GOOD_SESSION_MS) this.#backoff.reset();
    this.#fail(isProcessGone ? "process-gone" : "lost");
    if (this.#listeners) this.#observe({ type: "connection-lost", report: this.report() });
  }

  #attemptFailed(reason: QmpCloseReason["kind"]): void {
    const { isGone, isListed } = this;
    const attempt = judgeFailedAttempt(reason, { isGone, isListed, isLost: this.#isLost() });
    switch (attempt.kind) {
      case "nothing":
        return;
      case "quiet":
        this.#wait(this.#backoff.nextMs());
        return;
      case "socket-removed":
        this.#end("socket-removed");
        return;
      case "backlog-full":
        void this.#backlogFull();
        return;
      case "failed":
        this.isForbidden ||= attempt.reason === "not-permitted";
        if (attempt.reason === "not-qmp" || (attempt.reason === "not-permitted" && this.spot.isExplicit)) this.#list();
        this.#fail(attempt.reason);
        return;
      default:
        assertNever(attempt);
    }
  }

  async #backlogFull(): Promise<void> {
    const found = await this.#ungreeted.check(this.#host.clock.nowMonoMs(), () => this.#phase.kind === "waiting");
    if (found === undefined) return;
    this.#list();
    this.#failure = found === "other-client" ? { connection: "busy" } : this.#ungreeted.picture(this.#host.clock.nowMonoMs());
    this.#wait(BUSY_RETRY_MS);
    this.look();
  }

  #isLost(): boolean {
    const failure = this.#failure;
    return failure.connection === "failed" && (failure.reason === "lost" || failure.reason === "process-gone");
  }

  #fail(reason: UnreachableReason): void {
    this.#failure = { connection: "failed", reason };
    if (reason === "process-gone") this.#goneSinceMonoMs ??= this.#host.clock.nowMonoMs();
    this.#wait(this.#backoff.nextMs());
    this.look();
  }

  #wait(delayMs: number): void {
    const untilMonoMs = this.#host.clock.nowMonoMs() + delayMs;
    this.#phase = { kind: "waiting", untilMonoMs };
    this.wake(untilMonoMs);
  }

  #hangUp(): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    if (phase.kind === "running") phase.session.close();
    if (phase.kind === "running" || phase.kind === "connecting") phase.client.close();
  }

  #end(reason: "shutdown" | "socket-removed"): void {
    const { isListed } = this;
    if (isListed && this.#listeners) this.#observe({ type: "connection-lost", report: this.report() });
    this.#hangUp();
    this.#phase = { kind: "closed" };
    this.#host.wheel.remove(this);
    this.#host.ended(this, reason);
  }

  /** There is something here that operators should see, though it was never a running VM to us. */
  #list(): void {
    this.known.incarnation ??= connectionIncarnation();
    if (this.isListed) return;
    this.isListed = true;
    this.#host.fact(this, { kind: "vm-appeared" });
  }

  #listIfReady(): void {
    if (this.isListed || this.known.incarnation === undefined || this.#phase.kind === "standing-by") return;
    // A name within the first second is better than a path that changes under the operator's eyes.
    if (!this.known.isIdentified && this.health.verdict.kind === "healthy") return;
    if (this.health.verdict.kind === "unknown") return;
    this.isListed = true;
    this.#host.changed(this);
    this.#host.fact(this, { kind: "vm-appeared" });
  }

  /** Healthy and nothing open: only the age of the last answer can go wrong. */
  #checkStaleness(session: RunningSession, nowMonoMs: number): void {
    const { lastReplyMonoMs } = session.client.inBand;
    if (lastReplyMonoMs !== undefined && nowMonoMs - lastReplyMonoMs >= VALID_READING_MS) this.look();
  }

  /** Both lanes overdue: the process itself may be stopped. */
  #lookAtProcess(session: RunningSession, nowMonoMs: number): void {
    const { slowAfterMs } = this.settings.thresholds;
    const isInBandOverdue = (session.inBandOpenAgeMs(nowMonoMs) ?? 0) >= slowAfterMs;
    const isOutOfBandOverdue = !session.client.hasOob || (session.outOfBandOpenAgeMs(nowMonoMs) ?? 0) >= slowAfterMs;
    if (isInBandOverdue && isOutOfBandOverdue) this.#readProcess();
    else this.#process.forget();
  }

  /** Whether its sockets and threads are worth reading: they cost more than a probe. */
  #wantsHostRead(session: RunningSession, nowMonoMs: number): boolean {
    const { kind } = this.health.verdict;
    const { ioIfAny, migrationIfAny, topology } = this.known;
    if (isTrouble(kind) || kind === "slow" || migrationIfAny?.isUnderWay === true) return true;
    if (ioIfAny?.wantsSockets(topology, nowMonoMs) === true) return true;
    // Once its connection is seen to owe an answer it is looked at until that has come or is a stall.
    if (ioIfAny && socketStalls(this.known, nowMonoMs).length > 0) return true;
    return (session.inBandOpenAgeMs(nowMonoMs) ?? 0) >= this.settings.thresholds.slowAfterMs;
  }

  #readProcess(): void {
    const { known } = this;
    this.#process.refresh(
      known.incarnation?.pid,
      () => this.known === known,
      () => this.look(),
    );
  }
}
