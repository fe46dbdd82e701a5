import { assertNever } from "../assert-never.ts";
import { isGuestStopped } from "../qapi/run-state.ts";
import type { MigrationStatus } from "../qapi/migration.ts";
import type { RunState } from "../qapi/run-state.ts";
import type { Thresholds } from "./thresholds.ts";
import type { SilentReason, UnreachableReason, Verdict } from "./verdict.ts";

/** With no valid reading for this long nothing is claimed any more. */
export const READING_VALID_FOR_MS = 5_000;
/**
 * After a stall of the bridge itself nothing is judged for this long: what QEMU answered meanwhile still waits in the
 * sockets and has to be read first.
 */
export const HOLD_AFTER_STALL_MS = 250;

const MAX_NODES = 32;

/** What `/proc/PID/stat` and the cgroup say of the process, as far as a verdict needs it. */
export type ProcessState = "stopped" | "uninterruptible" | "frozen" | "zombie" | "alive" | "unknown";

/** One lane. Ages leave out the time in which the bridge itself stood still, because nobody was looking then. */
export interface LaneClock {
  /** Age of the oldest unanswered request; undefined where none is open. */
  readonly openAgeMs?: number;
  readonly lastRoundTripMs?: number;
  readonly lastReplyAgeMs?: number;
}

/** The migration as the newest samples show it. */
export interface MigrationReading {
  readonly status: MigrationStatus;
  /** How long no byte moved while bytes should move; undefined while they do, and where none are expected to. */
  readonly stalledAgeMs?: number;
  readonly transferredBytes?: number;
}

/** One disk with work outstanding that does not complete. */
export interface IoStall {
  /** Device id, or QOM path. */
  readonly device: string;
  /** What an operator would yank or look at: the yank instances below the disk, else the node at the device. */
  readonly nodes: readonly string[];
  /** How long nothing of it has completed while something was outstanding, over at least two readings. */
  readonly stillAgeMs: number;
  /** In its virtqueues; undefined where its connection told that an answer is owed. */
  readonly outstandingCount: number | undefined;
  /** Disks on one controller share its queues, and nothing tells whose request is the one that waits. */
  readonly isShared: boolean;
}

/** Everything that a verdict is made of, at one moment. */
export type Picture =
  | { readonly connection: "not-asked" }
  | { readonly connection: "failed"; readonly reason: UnreachableReason }
  | { readonly connection: "busy"; readonly peerPid?: number }
  /** Connected, no greeting, and no other client was seen on the socket. */
  | { readonly connection: "ungreeted"; readonly openAgeMs: number; readonly process: ProcessState }
  /** Greeted; `qmp_capabilities` has been waiting for `openAgeMs`. */
  | { readonly connection: "negotiating"; readonly openAgeMs: number; readonly offersOob: boolean; readonly process: ProcessState }
  | RunningPicture;

export interface RunningPicture {
  readonly connection: "running";
  readonly inBand: LaneClock;
  /** The in-band command that waits for its reply, for the evidence. */
  readonly inBandCommand?: string;
  /** Undefined where the monitor has no out-of-band lane. */
  readonly outOfBand: LaneClock | undefined;
  readonly process: ProcessState;
  readonly runState?: RunState;
  /** Age of the reading that told the run state. */
  readonly runStateAgeMs?: number;
  /** The newest STOP or RESUME that came after that reading. What state it led to is not known until it is read. */
  readonly cpuEvent?: { readonly name: "STOP" | "RESUME"; readonly ageMs: number };
  readonly migration?: MigrationReading;
  /** Of a guest that runs; undefined where nothing stands still or nothing was read just now. */
  readonly io?: readonly IoStall[];
  /** A switchover whose bytes were seen moving while in-band is silent: slow, not hung. */
  readonly isSwitchoverMoving?: boolean;
}

export type HealthReading =
  | { readonly type: "looked"; readonly atMonoMs: number; readonly picture: Picture }
  /** The bridge's event loop or the whole machine stood still until now. */
  | { readonly type: "bridge-stalled"; readonly atMonoMs: number };

/** A verdict with its times on the bridge's monotonic clock. */
export interface HealthState {
  readonly verdict: Verdict;
  readonly sinceMonoMs: number;
  /** When the newest valid reading behind the verdict was taken. */
  readonly readingMonoMs: number;
  readonly held?: { readonly sinceMonoMs: number; readonly untilMonoMs: number };
  /** What stood before nothing could be read; its `since` comes back when it is confirmed. */
  readonly interrupted?: { readonly verdict: Verdict; readonly sinceMonoMs: number };
}

export interface HealthThresholds extends Thresholds {
  /** Default READING_VALID_FOR_MS; longer where probes are rarer than that. */
  readonly readingValidForMs?: number;
}

export function initialHealth(atMonoMs: number): HealthState {
  return { verdict: { kind: "unknown", reason: "not-asked" }, sinceMonoMs: atMonoMs, readingMonoMs: atMonoMs };
}

/** One reading after the other becomes a verdict. Pure; the design's table is `judge`, this adds time and our own failings. */
export function reduceHealth(state: HealthState, reading: HealthReading, thresholds: HealthThresholds): HealthState {
  switch (reading.type) {
    case "bridge-stalled":
      // Our own clock stood still, so every age we could compute now would blame the VM for it.
      return {
        ...state,
        held: { sinceMonoMs: state.held?.sinceMonoMs ?? reading.atMonoMs, untilMonoMs: reading.atMonoMs + HOLD_AFTER_STALL_MS },
      };
    case "looked":
      return look(state, reading.atMonoMs, reading.picture, thresholds);
    default:
      return assertNever(reading);
  }
}

function look(state: HealthState, atMonoMs: number, picture: Picture, thresholds: HealthThresholds): HealthState {
  const validForMs = thresholds.readingValidForMs ?? READING_VALID_FOR_MS;
  if (state.held && atMonoMs < state.held.untilMonoMs) {
    return atMonoMs - state.held.sinceMonoMs < validForMs ? state : interrupt(state, atMonoMs, "bridge-stalled");
  }
  const verdict = judge(picture, thresholds);
  if (verdict === undefined) {
    return atMonoMs - state.readingMonoMs < validForMs ? state : interrupt(state, atMonoMs, "no-valid-reading");
  }
  return { verdict, sinceMonoMs: sinceOf(state, verdict, atMonoMs, picture), readingMonoMs: atMonoMs };
}

/**
 * The design's table: the first line that matches wins. Undefined where the picture holds no valid reading, so that the
 * last verdict stands.
 */
export function judge(picture: Picture, thresholds: HealthThresholds): Verdict | undefined {
  switch (picture.connection) {
    case "not-asked":
      return undefined;
    case "failed":
      return { kind: "unreachable", reason: picture.reason };
    case "busy":
      return picture.peerPid === undefined ? { kind: "monitor-busy" } : { kind: "monitor-busy", peerPid: picture.peerPid };
    case "ungreeted":
      return { kind: "silent", reason: processReason(picture.process) ?? "unknown" };
    case "negotiating":
      return judgeNegotiation(picture.openAgeMs, picture.offersOob, picture.process, thresholds);
    case "running":
      return judgeRunning(picture, thresholds);
    default:
      return assertNever(picture);
  }
}

function judgeNegotiation(openAgeMs: number, offersOob: boolean, process: ProcessState, thresholds: HealthThresholds): Verdict | undefined {
  if (openAgeMs < thresholds.slowAfterMs) return undefined;
  const reason = processReason(process);
  if (reason) return { kind: "silent", reason };
  if (openAgeMs < thresholds.hungAfterMs) return { kind: "slow" };
  // The monitor's own thread greeted us, and the main loop never took up the first command.
  return offersOob ? { kind: "main-loop-hung", cord: "out-of-reach" } : { kind: "silent", reason: "no-oob" };
}

function judgeRunning(picture: RunningPicture, thresholds: HealthThresholds): Verdict | undefined {
  const { inBand, outOfBand } = picture;
  const openAgeMs = inBand.openAgeMs ?? 0;
  const oobAgeMs = outOfBand && laneClockMs(outOfBand);
  const reason = processReason(picture.process);
  const isOobOverdue = outOfBand === undefined || (outOfBand.openAgeMs ?? 0) >= thresholds.slowAfterMs;
  if (reason && openAgeMs >= thresholds.slowAfterMs && isOobOverdue) return { kind: "silent", reason };
  // Only an open request proves a hang: a reply, however late, shows a main loop that runs again.
  if (openAgeMs >= thresholds.hungAfterMs) {
    if (outOfBand === undefined) return { kind: "silent", reason: "no-oob" };
    // A lane that was never answered proves no more than a silent one.
    if (oobAgeMs === undefined || oobAgeMs >= thresholds.oobSilentAfterMs) return { kind: "silent", reason: "unknown" };
    return picture.isSwitchoverMoving ? { kind: "slow" } : { kind: "main-loop-hung", cord: "in-reach" };
  }
  if (openAgeMs >= thresholds.slowAfterMs) return { kind: "slow" };
  if (inBand.lastRoundTripMs === undefined || inBand.lastReplyAgeMs === undefined) return undefined;
  if (inBand.openAgeMs === undefined && inBand.lastReplyAgeMs >= (thresholds.readingValidForMs ?? READING_VALID_FOR_MS)) return undefined;
  // The reply that was awaited for long says that the main loop runs again, and nothing of how it is now. The probe that
  // goes out right behind it does; until then the verdict stands.
  if (inBand.lastRoundTripMs >= thresholds.slowAfterMs) return undefined;
  if (picture.migration && isStalled(picture.migration, thresholds)) {
    return { kind: "migration-stalled", migrationStatus: picture.migration.status };
  }
  if (picture.runState === undefined) return undefined;
  const stalled = stalledDisks(picture, thresholds);
  if (stalled.length > 0) {
    return { kind: "io-stalled", nodes: [...new Set(stalled.flatMap(({ nodes }) => nodes))].toSorted().slice(0, MAX_NODES) };
  }
  return isGuestStopped(picture.runState) ? { kind: "guest-stopped", runState: picture.runState } : { kind: "healthy" };
}

/** A paused postcopy has no connection: nothing can move, and it waits for a person from its first moment on. */
function isStalled({ status, stalledAgeMs }: MigrationReading, thresholds: HealthThresholds): boolean {
  return status === "postcopy-paused" || (stalledAgeMs !== undefined && stalledAgeMs >= thresholds.migrationStallAfterMs);
}

function stalledDisks(picture: RunningPicture, thresholds: HealthThresholds): readonly IoStall[] {
  return (picture.io ?? []).filter(({ stillAgeMs }) => stillAgeMs >= thresholds.ioStallAfterMs);
}

/** Age of the oldest unanswered request, or the last round trip where none is open. */
function laneClockMs(lane: LaneClock): number | undefined {
  if (lane.lastRoundTripMs === undefined) return undefined;
  return lane.openAgeMs ?? lane.lastRoundTripMs;
}

function processReason(process: ProcessState): Exclude<SilentReason, "no-oob" | "unknown"> | undefined {
  return process === "alive" || process === "unknown" ? undefined : process;
}

function interrupt(state: HealthState, atMonoMs: number, reason: "bridge-stalled" | "no-valid-reading"): HealthState {
  if (state.verdict.kind === "unknown") return state;
  return {
    ...state,
    verdict: { kind: "unknown", reason },
    sinceMonoMs: atMonoMs,
    interrupted: { verdict: state.verdict, sinceMonoMs: state.sinceMonoMs },
  };
}

/** A silence began when the request was sent that nobody answered, not when we called it one. */
function sinceOf(state: HealthState, verdict: Verdict, atMonoMs: number, picture: Picture): number {
  if (state.verdict.kind === verdict.kind) return state.sinceMonoMs;
  if (state.interrupted?.verdict.kind === verdict.kind) return state.interrupted.sinceMonoMs;
  switch (verdict.kind) {
    case "slow":
    case "main-loop-hung":
    case "silent":
      return atMonoMs - silenceAgeMs(picture);
    case "migration-stalled":
      return atMonoMs - (picture.connection === "running" ? (picture.migration?.stalledAgeMs ?? 0) : 0);
    case "io-stalled":
      return atMonoMs - (picture.connection === "running" ? Math.max(0, ...(picture.io ?? []).map(({ stillAgeMs }) => stillAgeMs)) : 0);
    case "unknown":
    case "unreachable":
    case "monitor-busy":
    case "guest-stopped":
    case "healthy":
      return atMonoMs;
    default:
      return assertNever(verdict);
  }
}

function silenceAgeMs(picture: Picture): number {
  switch (picture.connection) {
    case "running":
      return picture.inBand.openAgeMs ?? picture.inBand.lastRoundTripMs ?? 0;
    case "negotiating":
    case "ungreeted":
      return picture.openAgeMs;
    default:
      return 0;
  }
}
