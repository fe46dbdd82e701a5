import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { delay } from "./support/cpu.ts";
import { MeasuredChild } from "./support/measured-child.ts";
import { startNullHub } from "./support/null-hub.ts";
import type { NullHub } from "./support/null-hub.ts";
import type { Bench, BenchOptions, BenchResult, Measurement } from "./support/result.ts";
import { startSimulatorProcess } from "./support/simulator-process.ts";
import { median, short } from "./support/stats.ts";

const SIZES = [100, 500, 2_000, 5_000];
const QUICK_SIZES = [100, 500];
const AIM_TIMES_THE_FLOOR = 2;
const AIM_HEAP_KIB = 24;
/** How much dearer a VM may be in the largest fleet than in the smallest that is large enough to tell. */
const AIM_GROWTH = 1.1;
const GROWTH_FROM_VMS = 500;
/** After the last VM turned healthy: topology, first collections and the optimiser are through. */
const SETTLE_MS = 12_000;
/** What the first VMs cost beyond themselves (code that is compiled when it is first used) is not theirs. */
const WARM_VMS = 10;
const HEALTHY_WITHIN_MS = 180_000;

interface Sizes {
  count: number;
  bridgeCores: number;
  bareCores: number;
  helpersCores: number;
  heapKibPerVm: number;
  rssMib: number;
  /** What the bridge read, as a part of what the bare loop read: that both asked as often. */
  readShare: number;
}

export const bridgeScale: Bench = {
  name: "bridge-scale",
  about:
    "CPU and heap of a bridge with both probes every second on simulated VMs, all healthy and settled, against a bare socket loop that sends and parses the same probes on the same simulator. Bridge (with its helper for /proc), bare loop, simulator and an acknowledging hub are processes of their own; bare loop and bridge take turns.",
  run: measure,
};

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), "rcb-"));
  const sizes: Sizes[] = [];
  const windowMs = isQuick ? 5_000 : 10_000;
  const rounds = isQuick ? 1 : 2;
  try {
    const warmHeapBytes = await heapOfWarmBridge(directory);
    for (const count of isQuick ? QUICK_SIZES : SIZES) {
      const monitors = join(directory, `m${count}`);
      mkdirSync(monitors);
      const simulator = await startSimulatorProcess({ directory: monitors, count });
      const bare: Window[] = [];
      const bridge: Window[] = [];
      let heapKibPerVm = 0;
      let rssMib = 0;
      try {
        for (let round = 0; round < rounds; round++) {
          bare.push(...(await measureBareLoop(monitors, windowMs)));
          const measured = await measureBridge({ directory, monitors, count, windowMs });
          bridge.push(...measured.windows);
          heapKibPerVm = (measured.heapBytes - warmHeapBytes) / 1_024 / (count - WARM_VMS);
          rssMib = measured.rssBytes / 1_024 / 1_024;
          log(
            `${count} VMs, round ${round + 1}: bare ${short(medianOf(bare, "cores"))} core, bridge ${short(medianOf(bridge, "cores"))} core`,
          );
        }
      } finally {
        await simulator.close();
      }
      sizes.push({
        count,
        bridgeCores: medianOf(bridge, "cores"),
        bareCores: medianOf(bare, "cores"),
        helpersCores: medianOf(bridge, "helpersCores"),
        heapKibPerVm,
        rssMib,
        readShare: medianOf(bridge, "bytesPerSecond") / medianOf(bare, "bytesPerSecond"),
      });
    }
    return {
      bench: bridgeScale.name,
      about: bridgeScale.about,
      measurements: [...sizes.map(cpuOf), ...sizes.map(heapOf), ...growthOf(sizes)],
      notes: [
        `Windows of ${windowMs / 1_000} s, two after each start, ${rounds} start${rounds > 1 ? "s" : ""} each, begun ${SETTLE_MS / 1_000} s after the last VM turned healthy; the median stands here.`,
        `Bytes that the bridge read a second, as a part of the bare loop's, which uses shorter ids: ${sizes.map(({ count, readShare }) => `${short(readShare)} at ${count}`).join(", ")}.`,
        `Of the bridge's CPU, its /proc helper: ${sizes.map(({ count, helpersCores }) => `${short(helpersCores)} core at ${count}`).join(", ")}.`,
        `Heap after a full collection, less the ${short(warmHeapBytes / 1_024 / 1_024)} MiB of a bridge with ${WARM_VMS} VMs, by the VMs beyond those. Resident: ${sizes.map(({ count, rssMib }) => `${rssMib.toFixed(0)} MiB at ${count}`).join(", ")}.`,
      ],
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function medianOf(windows: readonly Window[], member: keyof Window): number {
  return median(windows.map((window) => window[member]));
}

function cpuOf({ count, bridgeCores, bareCores }: Sizes): Measurement {
  const ratio = bridgeCores / bareCores;
  return {
    name: `CPU, ${count} VMs`,
    measured: `${short(bridgeCores)} core`,
    floor: `${short(bareCores)} core`,
    ratio,
    aim: `≤ ${AIM_TIMES_THE_FLOOR} × the floor`,
    isMet: ratio <= AIM_TIMES_THE_FLOOR,
  };
}

function heapOf({ count, heapKibPerVm }: Sizes): Measurement {
  return {
    name: `heap per VM, ${count} VMs`,
    measured: `${short(heapKibPerVm)} KiB`,
    aim: `≤ ${AIM_HEAP_KIB} KiB`,
    isMet: heapKibPerVm <= AIM_HEAP_KIB,
  };
}

function growthOf(sizes: readonly Sizes[]): Measurement[] {
  const small = sizes.find(({ count }) => count >= GROWTH_FROM_VMS);
  const large = sizes.at(-1);
  if (!small || !large || small === large) return [];
  const perVm = ({ bridgeCores, count }: Sizes): number => (bridgeCores / count) * 1e6;
  return [
    {
      name: `CPU per VM, ${large.count} against ${small.count} VMs`,
      measured: `${short(perVm(large))} µs/s`,
      floor: `${short(perVm(small))} µs/s`,
      ratio: perVm(large) / perVm(small),
      aim: "does not grow",
      isMet: perVm(large) <= perVm(small) * AIM_GROWTH,
    },
  ];
}

async function heapOfWarmBridge(directory: string): Promise<number> {
  const monitors = join(directory, "warm");
  mkdirSync(monitors);
  const simulator = await startSimulatorProcess({ directory: monitors, count: WARM_VMS });
  try {
    const { heapBytes } = await measureBridge({ directory, monitors, count: WARM_VMS, windowMs: 1_000 });
    return heapBytes;
  } finally {
    await simulator.close();
  }
}

interface Window {
  cores: number;
  helpersCores: number;
  bytesPerSecond: number;
}

/** Two windows in a row. */
async function windowsOf(child: MeasuredChild, windowMs: number): Promise<Window[]> {
  const windows: Window[] = [];
  for (let count = 0; count < 2; count++) {
    const before = await child.read();
    const startedMonoMs = performance.now();
    await delay(windowMs);
    const after = await child.read();
    const elapsedMs = performance.now() - startedMonoMs;
    windows.push({
      cores: (after.cpuMs - before.cpuMs) / elapsedMs,
      helpersCores: (after.helpersCpuMs - before.helpersCpuMs) / elapsedMs,
      bytesPerSecond: ((after.bytesRead - before.bytesRead) / elapsedMs) * 1_000,
    });
  }
  return windows;
}

async function measureBareLoop(monitors: string, windowMs: number): Promise<Window[]> {
  const child = await MeasuredChild.start(new URL("./support/bare-probe-loop.ts", import.meta.url), [monitors]);
  try {
    await delay(SETTLE_MS / 2);
    return await windowsOf(child, windowMs);
  } finally {
    await child.close();
  }
}

interface BridgeOfSize {
  directory: string;
  monitors: string;
  count: number;
  windowMs: number;
}

async function measureBridge({
  directory,
  monitors,
  count,
  windowMs,
}: BridgeOfSize): Promise<{ windows: Window[]; heapBytes: number; rssBytes: number }> {
  const hub = await startNullHub();
  const bridge = await startBridgeHost(directory, monitors, hub);
  try {
    await untilHealthy(hub, count);
    await delay(SETTLE_MS);
    const windows = await windowsOf(bridge, windowMs);
    const { heapBytes = 0, rssBytes } = await bridge.read(true);
    return { windows, heapBytes, rssBytes };
  } finally {
    await bridge.close();
    await hub.close();
  }
}

function startBridgeHost(directory: string, monitors: string, hub: NullHub): Promise<MeasuredChild> {
  const dataDir = mkdtempSync(join(directory, "data-"));
  return MeasuredChild.start(new URL("./support/bridge-host.ts", import.meta.url), [join(monitors, "*.sock"), dataDir, hub.url]);
}

async function untilHealthy(hub: NullHub, count: number): Promise<void> {
  const deadlineMonoMs = performance.now() + HEALTHY_WITHIN_MS;
  while (hub.settledCount() < count) {
    if (performance.now() > deadlineMonoMs) throw new Error(`Only ${hub.settledCount()} of ${count} VMs are healthy and read`);
    await delay(250);
  }
}
