import { LabError } from "./lab-error.ts";
import type { ScenarioDefinition } from "./scenario.ts";
import { bare } from "./scenarios/bare.ts";
import { consoleHang } from "./scenarios/console-hang.ts";
import { destinationYanked } from "./scenarios/destination-yanked.ts";
import { execMigration } from "./scenarios/exec-migration.ts";
import { fifoBlock } from "./scenarios/fifo-block.ts";
import { ioStall } from "./scenarios/io-stall.ts";
import { iothread } from "./scenarios/iothread.ts";
import { lateNegotiation } from "./scenarios/late-negotiation.ts";
import { migrationPair } from "./scenarios/migration-pair.ts";
import { migrationStall } from "./scenarios/migration-stall.ts";
import { migrationSwitchoverHang } from "./scenarios/migration-switchover-hang.ts";
import { monitorBusy } from "./scenarios/monitor-busy.ts";
import { nbdDisk } from "./scenarios/nbd-disk.ts";
import { nbdHang } from "./scenarios/nbd-hang.ts";
import { nbdReconnecting } from "./scenarios/nbd-reconnecting.ts";
import { noOob } from "./scenarios/no-oob.ts";
import { ownLine } from "./scenarios/own-line.ts";
import { paused } from "./scenarios/paused.ts";
import { processStopped } from "./scenarios/process-stopped.ts";
import { serialConsole } from "./scenarios/serial-console.ts";

/** Every scenario, in the order in which it is listed. A new one is a file in `scenarios/` and a line here. */
export const SCENARIOS: readonly ScenarioDefinition[] = [
  nbdHang,
  consoleHang,
  migrationStall,
  migrationSwitchoverHang,
  destinationYanked,
  ioStall,
  processStopped,
  monitorBusy,
  noOob,
  ownLine,
  nbdReconnecting,
  lateNegotiation,
  fifoBlock,
  execMigration,
  nbdDisk,
  serialConsole,
  migrationPair,
  paused,
  iothread,
  bare,
];

/** @throws LabError that lists what there is. */
export function findScenario(name: string): ScenarioDefinition {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return scenario;
  throw new LabError(`There is no scenario "${name}"; there is ${SCENARIOS.map((candidate) => candidate.name).join(", ")}`);
}
