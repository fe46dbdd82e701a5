import { LabError } from "./lab-error.ts";
import type { ScenarioDefinition } from "./scenario.ts";
import { bare } from "./scenarios/bare.ts";
import { bitmapQueryHang } from "./scenarios/bitmap-query-hang.ts";
import { blockdevAddFrozen } from "./scenarios/blockdev-add-frozen.ts";
import { busyHost } from "./scenarios/busy-host.ts";
import { cgroupFrozen } from "./scenarios/cgroup-frozen.ts";
import { consoleHang } from "./scenarios/console-hang.ts";
import { consoleRehang } from "./scenarios/console-rehang.ts";
import { destinationYanked } from "./scenarios/destination-yanked.ts";
import { diskErrorStop } from "./scenarios/disk-error-stop.ts";
import { backupStart, diskSnapshot, hotPlug, savevm } from "./scenarios/everyday-work.ts";
import { execMigration } from "./scenarios/exec-migration.ts";
import { fifoBlock } from "./scenarios/fifo-block.ts";
import { guestPanicked } from "./scenarios/guest-panicked.ts";
import { ioStall, ioStallUnix } from "./scenarios/io-stall.ts";
import { iothread } from "./scenarios/iothread.ts";
import { lateNegotiation } from "./scenarios/late-negotiation.ts";
import { migrationConnecting, migrationUnseen } from "./scenarios/migration-nowhere.ts";
import { migrationPair } from "./scenarios/migration-pair.ts";
import { migrationStall } from "./scenarios/migration-stall.ts";
import { migrationSwitchoverHang } from "./scenarios/migration-switchover-hang.ts";
import { mirrorTargetDies } from "./scenarios/mirror-target-dies.ts";
import { monitorBusy } from "./scenarios/monitor-busy.ts";
import { nbdCrowd } from "./scenarios/nbd-crowd.ts";
import { nbdDisk } from "./scenarios/nbd-disk.ts";
import { nbdHang, nbdHangQuit, nbdHangReset, nbdHangTcp } from "./scenarios/nbd-hang.ts";
import { nbdReconnecting } from "./scenarios/nbd-reconnecting.ts";
import { noOob } from "./scenarios/no-oob.ts";
import { notConverging } from "./scenarios/not-converging.ts";
import { ownLine } from "./scenarios/own-line.ts";
import { paused } from "./scenarios/paused.ts";
import { postcopyCut, postcopyStall } from "./scenarios/postcopy.ts";
import { processKilled } from "./scenarios/process-killed.ts";
import { processStopped } from "./scenarios/process-stopped.ts";
import { quorumChild } from "./scenarios/quorum-child.ts";
import { rebootLoop } from "./scenarios/reboot-loop.ts";
import { serialConsole } from "./scenarios/serial-console.ts";
import { longRead, longStop, slowRead, slowStop } from "./scenarios/server-pause.ts";
import { slowDrain } from "./scenarios/slow-drain.ts";
import { slowSwitchover, stoppedSwitchover } from "./scenarios/slow-switchover.ts";
import { throttledDisk, throttledNbd } from "./scenarios/throttled-disk.ts";
import { twoDisksHang, twoDisksStall } from "./scenarios/two-disks.ts";
import { unplugDeadNode } from "./scenarios/unplug-dead-node.ts";

/** Every scenario, in the order in which it is listed. A new one is a file in `scenarios/` and a line here. */
export const SCENARIOS: readonly ScenarioDefinition[] = [
  nbdHang,
  nbdHangTcp,
  nbdHangReset,
  nbdHangQuit,
  bitmapQueryHang,
  unplugDeadNode,
  mirrorTargetDies,
  twoDisksHang,
  nbdCrowd,
  consoleHang,
  consoleRehang,
  migrationStall,
  migrationSwitchoverHang,
  stoppedSwitchover,
  destinationYanked,
  postcopyStall,
  ioStall,
  ioStallUnix,
  twoDisksStall,
  quorumChild,
  postcopyCut,
  migrationConnecting,
  migrationUnseen,
  throttledDisk,
  throttledNbd,
  diskErrorStop,
  guestPanicked,
  processStopped,
  cgroupFrozen,
  processKilled,
  monitorBusy,
  noOob,
  ownLine,
  nbdReconnecting,
  blockdevAddFrozen,
  lateNegotiation,
  fifoBlock,
  execMigration,
  slowStop,
  longStop,
  slowRead,
  longRead,
  slowDrain,
  slowSwitchover,
  notConverging,
  savevm,
  diskSnapshot,
  backupStart,
  hotPlug,
  busyHost,
  nbdDisk,
  serialConsole,
  migrationPair,
  paused,
  rebootLoop,
  iothread,
  bare,
];

/** @throws LabError that lists what there is. */
export function findScenario(name: string): ScenarioDefinition {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  throw new LabError(`There is no scenario "${name}"; there is ${SCENARIOS.map((candidate) => candidate.name).join(", ")}`);
}
