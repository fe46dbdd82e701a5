import type { HealthView, MigrationView, VmDetail, VmSummary } from "#lib/api/vm";
import { completedUnseen } from "#lib/diagnosis/completed-unseen";
import { firstSuspect } from "#lib/diagnosis/first-suspect";
import type { Help } from "#lib/diagnosis/help";
import { rankSuspects, suspectsNote } from "#lib/diagnosis/rank-suspects";
import { steadyReason } from "#lib/diagnosis/steady-reason";
import type { FarSidePeers } from "#lib/diagnosis/rank-suspects";
import { whatHelps } from "#lib/diagnosis/what-helps";
import type { LaneReport, LaneView } from "#lib/health/lane";
import type { MigrationReport, VmReport } from "#lib/vm/report";
import { viewColo, viewDisk, viewInstance, viewProcess } from "./instance-view.ts";

/**
 * From a bridge's report, whose times are ages at the moment of sending, to what the hub publishes, whose times are Unix
 * ms on the hub's clock. Pure.
 */
export interface ViewContext {
  bridgeId: string;
  host: string;
  /** When the report arrived, Unix ms. */
  receivedAtMs: number;
  /** The link to the bridge is lost since then: what the report says was so, and is not known to be so now. */
  lostSinceAtMs?: number;
  actInProgress?: VmSummary["actInProgress"];
  /** The incident it is a member of. */
  incidentId?: string;
  /** Others in trouble on the same far sides; absent: nobody looked. */
  peers?: FarSidePeers;
  /** Reports of the same guest elsewhere, where this one's migration reads completed. */
  sameGuest?: readonly VmReport[];
  /** What was published of this VM before, so that times that did not change do not waver with the link's delay. */
  previous?: VmView;
}

/** One VM without what belongs to the moment of publishing. */
export type VmView = Omit<VmDetail, "changedAtRevision" | "readings">;

// Two messages about the same moment differ by the link's delay; more than this apart they are two moments.
const SAME_MOMENT_MS = 750;
// Smaller corrections are not worth telling every browser.
const WORTH_CORRECTING_MS = 50;

export function viewVm(report: VmReport, context: ViewContext): VmView {
  const { receivedAtMs, lostSinceAtMs, previous } = context;
  const isSameProcess = previous?.incarnation.id === report.incarnation.id;
  const before = isSameProcess ? previous : undefined;
  const isLost = lostSinceAtMs !== undefined;
  const suspicions = rankSuspects(report, context.peers ?? NO_PEERS);
  const note = isLost ? undefined : suspectsNote(report, suspicions);
  const suspect = isLost ? undefined : firstSuspect(report, suspicions);
  return {
    vmId: report.vmId,
    name: report.name,
    bridgeId: context.bridgeId,
    host: context.host,
    address: report.address,
    launcher: report.launcher,
    isSimulated: report.isSimulated,
    qemuVersion: report.qemuVersion && `${report.qemuVersion.major}.${report.qemuVersion.minor}.${report.qemuVersion.micro}`,
    hasOob: report.hasOob,
    runState: report.runState?.value,
    runStateAtMs:
      report.runState && steady(receivedAtMs - report.runState.ageMs, report.runState.isLastKnown ? before?.runStateAtMs : undefined),
    runStateIsLastKnown: isLost || (report.runState?.isLastKnown ?? false),
    health: isLost ? lostHealth(report, receivedAtMs, lostSinceAtMs) : viewHealth(report, receivedAtMs, before?.health),
    lanes: isLost
      ? { inBand: NOT_CONNECTED, outOfBand: NOT_CONNECTED }
      : {
          inBand: viewLane(report.lanes.inBand, receivedAtMs, before?.lanes.inBand),
          outOfBand: viewLane(report.lanes.outOfBand, receivedAtMs, before?.lanes.outOfBand),
        },
    migration: report.migration && viewMigration(report.migration, receivedAtMs, before?.migration),
    yankableCount: report.instances.filter((instance) => instance.yankable === true).length,
    instanceCount: report.instances.length,
    ...(suspect === undefined ? {} : { suspect }),
    ...(context.incidentId === undefined ? {} : { incidentId: context.incidentId }),
    tags: report.tags,
    ...farSidesOf(report),
    actInProgress: context.actInProgress,
    endedAtMs: report.ended && Math.round(receivedAtMs - report.ended.ageMs),
    endedReason: report.ended?.reason,
    uuid: report.uuid,
    incarnation: report.incarnation,
    qemuPackage: report.qemuVersion?.package,
    evidence: isLost
      ? [
          { code: "bridge-lost", text: `The bridge on ${context.host} is not connected; what follows was so before` },
          ...report.health.evidence,
        ]
      : report.health.evidence,
    helps: isLost ? [] : [...destinationHelp(report, context.sameGuest ?? []), ...whatHelps(report, suspicions)],
    ...(note === undefined ? {} : { suspectsNote: note }),
    ...(report.process === undefined ? {} : { process: viewProcess(report.process, receivedAtMs) }),
    ...(report.disks === undefined ? {} : { disks: report.disks.map((disk) => viewDisk(disk, receivedAtMs)) }),
    ...(report.colo === undefined ? {} : { colo: viewColo(report.colo, receivedAtMs) }),
    instances: report.instances.map((instance) => viewInstance(instance, suspicions, receivedAtMs)),
    instancesAtMs: atMs(receivedAtMs, report.instancesAgeMs),
    topologyAtMs: atMs(receivedAtMs, report.topologyAgeMs),
    notices: report.notices,
  };
}

/** The row of the fleet for a view, stamped with the revision at which it last changed. */
export function summarise(view: VmView, changedAtRevision: number): VmSummary {
  const {
    uuid,
    incarnation,
    qemuPackage,
    evidence,
    helps,
    suspectsNote: note,
    process,
    disks,
    colo,
    instances,
    instancesAtMs,
    topologyAtMs,
    notices,
    ...row
  } = view;
  void [uuid, incarnation, qemuPackage, evidence, helps, note, process, disks, colo, instances, instancesAtMs, topologyAtMs, notices];
  const { suspect } = row;
  if (suspect === undefined) return { ...row, changedAtRevision };
  // The running numbers of a reason belong to the VM's own page: with them every report would be another row.
  return { ...row, suspect: { ...suspect, reason: steadyReason(suspect.reason) }, changedAtRevision };
}

/**
 * Text that differs exactly when the row differs in something worth telling every browser. Times that only say "read
 * again just now" and round trips within a bucket are not.
 */
export function rowFingerprint(view: VmView): string {
  const { runStateAtMs, health, lanes, migration, ...rest } = summarise(view, 0);
  const { readingAtMs, ...steadyHealth } = health;
  void readingAtMs;
  return JSON.stringify([
    rest,
    view.incarnation.id,
    view.runStateIsLastKnown ? runStateAtMs : 0,
    steadyHealth,
    steadyLane(lanes.inBand),
    steadyLane(lanes.outOfBand),
    migration && { ...migration, sampleAtMs: 0 },
  ]);
}

/** More than this is not told in a row: it travels to every browser. */
const MAX_FAR_SIDES = 6;

function farSidesOf({ instances }: VmReport): { farSides?: string[] } {
  const texts = new Set(instances.flatMap(({ farSide }) => (farSide === undefined ? [] : [farSide.text])));
  return texts.size === 0 ? {} : { farSides: [...texts].slice(0, MAX_FAR_SIDES) };
}

function destinationHelp(report: VmReport, sameGuest: readonly VmReport[]): Help[] {
  const text = completedUnseen(report, sameGuest);
  return text === undefined ? [] : [{ code: "check-destination", text }];
}

const NO_PEERS: FarSidePeers = { troubledCount: () => 0 };
const NOT_CONNECTED: LaneView = { state: "absent", reason: "not-connected" };

function viewHealth(report: VmReport, receivedAtMs: number, previous: HealthView | undefined): HealthView {
  const { verdict, sinceAgeMs, readingAgeMs, mayStillFinish } = report.health;
  return {
    ...verdict,
    sinceAtMs: steady(receivedAtMs - sinceAgeMs, previous?.kind === verdict.kind ? previous.sinceAtMs : undefined),
    readingAtMs: Math.round(receivedAtMs - readingAgeMs),
    ...(mayStillFinish === undefined ? {} : { mayStillFinish }),
  };
}

function lostHealth(report: VmReport, receivedAtMs: number, lostSinceAtMs: number): HealthView {
  const readingAtMs = Math.round(receivedAtMs - report.health.readingAgeMs);
  return {
    kind: "unknown",
    reason: "bridge-lost",
    sinceAtMs: lostSinceAtMs,
    readingAtMs,
    was: { verdict: report.health.verdict, atMs: readingAtMs },
  };
}

function viewLane(lane: LaneReport, receivedAtMs: number, previous: LaneView | undefined): LaneView {
  if (lane.state !== "open") return lane;
  const openSinceAtMs = steady(receivedAtMs - lane.openAgeMs, previous?.state === "open" ? previous.openSinceAtMs : undefined);
  return { state: "open", openSinceAtMs, ...(lane.lastRoundTripMs === undefined ? {} : { lastRoundTripMs: lane.lastRoundTripMs }) };
}

function steadyLane(lane: LaneView): unknown {
  return lane.state === "answered" ? lane.bucket : lane;
}

function viewMigration(report: MigrationReport, receivedAtMs: number, previous: MigrationView | undefined): MigrationView {
  const { sampleAgeMs, stalledAgeMs, startedAgeMs, ...rest } = report;
  const isSame = previous?.startId === report.startId;
  return {
    ...rest,
    sampleAtMs: Math.round(receivedAtMs - sampleAgeMs),
    ...(startedAgeMs === undefined ? {} : { startedAtMs: steady(receivedAtMs - startedAgeMs, isSame ? previous.startedAtMs : undefined) }),
    ...(stalledAgeMs === undefined
      ? {}
      : { stalledSinceAtMs: steady(receivedAtMs - stalledAgeMs, isSame ? previous.stalledSinceAtMs : undefined) }),
  };
}

/** Delay only ever makes a moment look later than it was, so of two estimates of one moment the earlier is the better. */
function steady(computedAtMs: number, previousAtMs: number | undefined): number {
  const isSameMoment = previousAtMs !== undefined && Math.abs(computedAtMs - previousAtMs) < SAME_MOMENT_MS;
  return isSameMoment && computedAtMs > previousAtMs - WORTH_CORRECTING_MS ? previousAtMs : Math.round(computedAtMs);
}

function atMs(receivedAtMs: number, ageMs: number | undefined): number | undefined {
  return ageMs === undefined ? undefined : Math.round(receivedAtMs - ageMs);
}
