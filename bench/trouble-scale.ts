import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { delay } from "./support/cpu.ts";
import { MeasuredChild } from "./support/measured-child.ts";
import { startNullHub } from "./support/null-hub.ts";
import type { NullHub } from "./support/null-hub.ts";
import type { Bench, BenchOptions, BenchResult, Measurement } from "./support/result.ts";
import { startSimulatorProcess } from "./support/simulator-process.ts";
import type { SimulatorProcess } from "./support/simulator-process.ts";
import { median, short } from "./support/stats.ts";

const FLEET = 2_000;
const QUICK_FLEET = 200;
const ONE_IN = 10;
const AIM_TIMES_HEALTHY = 1.3;
/** A busy disk is one whose counters move between any two looks at it. */
const READS_PER_SECOND = 40;
/** In turn; hangs that hold the main loop, stalls that do not, a migration, and processes that stand still. */
const TROUBLES = [
  "drain",
  "io-stall",
  "console",
  "migration-stall",
  "io-stall",
  "drain",
  "switchover",
  "frozen",
  "io-stall",
  "drain",
] as const;
/** `io-stalled` and `migration-stalled` take ten seconds at least, and their evidence is complete some rounds later. */
const TROUBLED_WITHIN_MS = 60_000;
const HEALTHY_WITHIN_MS = 240_000;
const SETTLE_MS = 12_000;

export const troubleScale: Bench = {
  name: "trouble-scale",
  about:
    "CPU of one bridge while one in ten of its simulated VMs is in trouble (hung drains and consoles, stalled disks and migrations, stopped processes), against the same bridge on the same VMs while all are healthy, before and after. Once with idle disks and once with disks that every guest reads. An acknowledging hub and the simulator are processes of their own.",
  run: measure,
};

interface Cost {
  healthyCores: number;
  troubledCores: number;
  healthyHelpersCores: number;
  troubledHelpersCores: number;
}

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const count = isQuick ? QUICK_FLEET : FLEET;
  const windowMs = isQuick ? 5_000 : 15_000;
  const measurements: Measurement[] = [];
  const notes: string[] = [];
  for (const [disks, readsPerSecond] of [
    ["idle disks", 0],
    ["busy disks", READS_PER_SECOND],
  ] as const) {
    const cost = await measureFleet({ count, readsPerSecond, windowMs, log });
    const ratio = cost.troubledCores / cost.healthyCores;
    measurements.push({
      name: `CPU, ${count} VMs with ${disks}, ${count / ONE_IN} in trouble`,
      measured: `${short(cost.troubledCores)} core`,
      floor: `${short(cost.healthyCores)} core`,
      ratio,
      aim: `≤ ${AIM_TIMES_HEALTHY} × all healthy`,
      isMet: ratio <= AIM_TIMES_HEALTHY,
    });
    notes.push(
      `With ${disks}, of it the helper for /proc: ${short(cost.healthyHelpersCores)} core while healthy, ${short(cost.troubledHelpersCores)} core with trouble.`,
    );
  }
  return {
    bench: troubleScale.name,
    about: troubleScale.about,
    measurements,
    notes: [
      `Windows of ${windowMs / 1_000} s: two healthy, three with trouble from ${SETTLE_MS / 1_000} s after its last verdict, two healthy again; medians.`,
      ...notes,
      "Simulated VMs have no process of their own, so that reading a troubled VM's threads and sockets is not in these figures.",
    ],
  };
}

interface FleetToMeasure {
  count: number;
  readsPerSecond: number;
  windowMs: number;
  log: (line: string) => void;
}

async function measureFleet({ count, readsPerSecond, windowMs, log }: FleetToMeasure): Promise<Cost> {
  const directory = mkdtempSync(join(tmpdir(), "rct-"));
  const monitors = join(directory, "m");
  mkdirSync(monitors);
  const simulator = await startSimulatorProcess({ directory: monitors, count, readsPerSecond });
  const hub = await startNullHub();
  const bridge = await MeasuredChild.start(new URL("./support/bridge-host.ts", import.meta.url), [
    join(monitors, "*.sock"),
    mkdtempSync(join(directory, "data-")),
    hub.url,
  ]);
  try {
    await until("all are healthy and read", HEALTHY_WITHIN_MS, () => hub.settledCount() >= count);
    await delay(SETTLE_MS);
    const healthy = await windowsOf(bridge, windowMs, 2);
    // A disk that nobody reads does not stall.
    const troubles = readsPerSecond > 0 ? TROUBLES : TROUBLES.filter((trouble) => trouble !== "io-stall");
    const troubled = await bringTrouble(simulator, hub, { count, troubles });
    log(`${troubled.length} of ${count} VMs are in trouble`);
    await delay(SETTLE_MS);
    const ill = await windowsOf(bridge, windowMs, 3);
    for (const name of troubled) await simulator.command(`release ${name}`);
    await until("all are well again", TROUBLED_WITHIN_MS, () => hub.troubledCount() === 0);
    await delay(SETTLE_MS);
    healthy.push(...(await windowsOf(bridge, windowMs, 2)));
    const medianOf = (windows: readonly Window[], member: keyof Window) => median(windows.map((window) => window[member]));
    log(
      `healthy ${healthy.map(({ cores }) => short(cores)).join(", ")}; in trouble ${ill.map(({ cores }) => short(cores)).join(", ")} core`,
    );
    return {
      healthyCores: medianOf(healthy, "cores"),
      troubledCores: medianOf(ill, "cores"),
      healthyHelpersCores: medianOf(healthy, "helpersCores"),
      troubledHelpersCores: medianOf(ill, "helpersCores"),
    };
  } finally {
    await bridge.close();
    await hub.close();
    await simulator.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Every tenth VM, each in its own way; resolves when all of them are called so. @returns who they are. */
async function bringTrouble(
  simulator: SimulatorProcess,
  hub: NullHub,
  { count, troubles }: { count: number; troubles: readonly string[] },
): Promise<string[]> {
  const names: string[] = [];
  for (let number = ONE_IN; number <= count; number += ONE_IN) {
    const name = `sim-${String(number).padStart(4, "0")}`;
    await simulator.command(`trouble ${name} ${troubles[names.length % troubles.length]}`);
    names.push(name);
  }
  await until(`${names.length} are in trouble`, TROUBLED_WITHIN_MS, () => hub.troubledCount() >= names.length);
  return names;
}

interface Window {
  cores: number;
  helpersCores: number;
}

async function windowsOf(child: MeasuredChild, windowMs: number, count: number): Promise<Window[]> {
  const windows: Window[] = [];
  for (let done = 0; done < count; done++) {
    const before = await child.read();
    const startedMonoMs = performance.now();
    await delay(windowMs);
    const after = await child.read();
    const elapsedMs = performance.now() - startedMonoMs;
    windows.push({
      cores: (after.cpuMs - before.cpuMs) / elapsedMs,
      helpersCores: (after.helpersCpuMs - before.helpersCpuMs) / elapsedMs,
    });
  }
  return windows;
}

async function until(what: string, withinMs: number, isSo: () => boolean): Promise<void> {
  const deadlineMonoMs = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadlineMonoMs) throw new Error(`It did not come to it that ${what}`);
    await delay(250);
  }
}
