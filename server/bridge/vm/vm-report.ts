import { describeEvidence } from "#lib/health/describe-evidence";
import type { LaneReport } from "#lib/health/lane";
import { formatQemuVersion } from "#lib/qapi/greeting";
import type { HealthReport, VmReport } from "#lib/vm/report";
import type { QmpLaneClock } from "#server/qmp/client";
import type { ClueContext } from "../evidence/clue-sources.ts";
import { enrichInstances } from "../evidence/enrich-instances.ts";
import type { BucketFilter } from "./known-vm.ts";
import { mayStillFinish } from "./may-still-finish.ts";
import type { SupervisedVm } from "./supervised-vm.ts";
import type { VmHost } from "./vm-host.ts";
import { addressText } from "./vm-id.ts";

const OPEN_SHOWN_AFTER_MS = 1_000;

/** Everything that leaves the bridge of one VM, with ages measured now. */
export function buildReport(vm: SupervisedVm, host: VmHost): VmReport {
  const nowMonoMs = host.clock.nowMonoMs();
  const { known, session } = vm;
  const inBandAgeMs = session?.inBandOpenAgeMs(nowMonoMs);
  const isAnswering = session !== undefined && (inBandAgeMs ?? 0) < vm.settings.thresholds.slowAfterMs;
  const migration = known.reportMigration(nowMonoMs);
  const described = known.describe(isAnswering, () =>
    host.describeInstances(known.instances, known.topology, describeContext(vm, host, isAnswering, migration)),
  );
  const instances = enrichInstances(described, clueContext(vm, nowMonoMs, migration));
  const colo = known.coloIfAny?.report(nowMonoMs);
  const disks = known.ioIfAny?.reports(nowMonoMs);
  const process = known.hostIfAny?.process(nowMonoMs);
  return {
    vmId: vm.vmId,
    address: addressText(vm.address),
    incarnation: known.incarnation ?? { id: `pending-${vm.vmId}`, by: "connection" },
    name: vm.name,
    ...(known.uuid === undefined ? {} : { uuid: known.uuid }),
    launcher: vm.isSimulated ? "simulated" : known.launcher,
    ...(known.version === undefined ? {} : { qemuVersion: { ...known.version } }),
    ...(known.hasOob === undefined ? {} : { hasOob: known.hasOob }),
    isSimulated: vm.isSimulated,
    tags: vm.settings.tags,
    ...(known.runState === undefined
      ? {}
      : { runState: { value: known.runState.value, ageMs: nowMonoMs - known.runState.monoMs, isLastKnown: !isAnswering } }),
    health: healthReport(vm, nowMonoMs),
    lanes: {
      inBand: inBandReport(vm, inBandAgeMs),
      outOfBand: outOfBandReport(vm, nowMonoMs),
    },
    ...(migration === undefined ? {} : { migration }),
    ...(colo === undefined ? {} : { colo }),
    ...(process === undefined ? {} : { process }),
    ...(disks === undefined || disks.length === 0 ? {} : { disks }),
    instances,
    ...(known.instancesMonoMs === undefined ? {} : { instancesAgeMs: nowMonoMs - known.instancesMonoMs }),
    ...(known.topologyMonoMs === undefined ? {} : { topologyAgeMs: nowMonoMs - known.topologyMonoMs }),
    notices: notices(vm),
  };
}

/** What `describeInstances` has to know of this VM. */
export function describeContext(
  vm: SupervisedVm,
  host: VmHost,
  isMainLoopAnswering: boolean,
  migration: VmReport["migration"],
): Parameters<VmHost["describeInstances"]>[2] {
  const { known } = vm;
  return {
    launcher: vm.isSimulated ? "simulated" : known.launcher,
    commandLine: known.commandLine,
    monitorAddress: vm.address,
    hasOob: known.hasOob,
    isMainLoopAnswering,
    migration,
    coloRole: known.coloIfAny?.report(host.clock.nowMonoMs())?.role,
    hostKey: host.bridgeId,
  };
}

/** What `enrichInstances` has to know of this VM. */
export function clueContext(vm: SupervisedVm, nowMonoMs: number, migration: VmReport["migration"]): ClueContext {
  const { known, health, thresholds, session } = vm;
  return { known, health, thresholds, inBandOpenAgeMs: session?.inBandOpenAgeMs(nowMonoMs), migration, nowMonoMs };
}

function healthReport(vm: SupervisedVm, nowMonoMs: number): HealthReport {
  const { health, session } = vm;
  const readingMonoMs =
    health.verdict.kind === "healthy" ? Math.max(health.readingMonoMs, session?.client.inBand.lastReplyMonoMs ?? 0) : health.readingMonoMs;
  const finish = mayStillFinish(vm.known, health.verdict, session?.client.inBand.openSinceMonoMs ?? nowMonoMs, nowMonoMs);
  return {
    verdict: health.verdict,
    sinceAgeMs: nowMonoMs - health.sinceMonoMs,
    readingAgeMs: nowMonoMs - readingMonoMs,
    evidence: describeEvidence(vm.picture(nowMonoMs), vm.thresholds),
    ...(finish === undefined ? {} : { mayStillFinish: finish }),
  };
}

function inBandReport(vm: SupervisedVm, openAgeMs: number | undefined): LaneReport {
  const { session, client } = vm;
  if (session) return laneReport(session.client.inBand, openAgeMs, session.inBandBucket);
  return { state: "absent", reason: client?.greeting ? "not-negotiated" : "not-connected" };
}

function outOfBandReport(vm: SupervisedVm, nowMonoMs: number): LaneReport {
  const { session, client } = vm;
  if (session?.client.hasOob) return laneReport(session.client.outOfBand, session.outOfBandOpenAgeMs(nowMonoMs), session.outOfBandBucket);
  if (session) return { state: "absent", reason: "no-oob" };
  return { state: "absent", reason: client?.greeting ? "not-negotiated" : "not-connected" };
}

function laneReport(lane: QmpLaneClock, openAgeMs: number | undefined, bucket: BucketFilter): LaneReport {
  const { lastRoundTripMs } = lane;
  const isOpen = openAgeMs !== undefined && openAgeMs >= OPEN_SHOWN_AFTER_MS;
  if (isOpen || lastRoundTripMs === undefined || bucket.shown === undefined) {
    return { state: "open", openAgeMs: openAgeMs ?? 0, ...(lastRoundTripMs === undefined ? {} : { lastRoundTripMs }) };
  }
  return { state: "answered", bucket: bucket.shown, roundTripMs: lastRoundTripMs };
}

function notices(vm: SupervisedVm): string[] {
  const { known, client } = vm;
  const texts: string[] = [];
  const { version } = known;
  if (known.hasNoYank) texts.push("This QEMU has no yank command: it came with 6.0");
  else if (version && (version.major < 7 || (version.major === 7 && version.minor < 1))) {
    texts.push(`QEMU ${formatQemuVersion(version)}: before 7.1 a yank could race with a reconnecting NBD client`);
  }
  if (known.hasOob === false && client !== undefined) texts.push("This monitor offers no out-of-band commands: no yank during a hang");
  if (client?.writeBlockedSinceMonoMs !== undefined) texts.push("The monitor's socket takes no more bytes: QEMU does not read it");
  if (known.incarnation?.by === "connection" && client?.greeting) {
    texts.push("The process behind the monitor could not be read, so a restart shows only as a new connection");
  }
  return texts;
}
