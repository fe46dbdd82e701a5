import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import type { FleetSnapshot } from "#lib/api/vm";
import { DEFAULT_THRESHOLDS } from "#lib/health/thresholds";
import { REALTIME_PATH } from "#lib/link/contract";
import type { ClientToServerEvents, ServerToClientEvents } from "#lib/realtime/events";
import { startSimulatedFleet } from "../server/simulator/index.ts";
import type { SimulatedFleet } from "../server/simulator/index.ts";
import { RipcordProcess } from "../e2e/support/ripcord-process.ts";
import { delay } from "./support/cpu.ts";
import type { Bench, BenchOptions, BenchResult } from "./support/result.ts";
import { short, summarise } from "./support/stats.ts";

const FLEET = 400;
const HANG_AT_ONCE = 200;
const AIM_P99_MS = 1_500;
const SETTLED_WITHIN_MS = 60_000;
const VERDICT_WITHIN_MS = 30_000;
/** Between two rounds at another phase of the probe's second each. */
const PHASE_STEP_MS = 370;

export const hangVerdict: Bench = {
  name: "hang-verdict",
  about:
    "How long beyond the threshold the verdict takes to arrive in a client of the hub, when many simulated VMs hang at the same moment beside as many healthy ones, without any event that tells of it. It begins when QEMU stops answering; the clock of the threshold begins with the first probe after that, which is up to a second (the probes' interval) later.",
  run: measure,
};

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const hungAtOnce = isQuick ? HANG_AT_ONCE / 4 : HANG_AT_ONCE;
  const total = isQuick ? FLEET / 4 : FLEET;
  const rounds = isQuick ? 1 : 3;
  const ripcord = await RipcordProcess.start();
  const fleet = await startSimulatedFleet({ directory: ripcord.monitorsDirectory, count: total });
  const watch = new VerdictWatch(ripcord.origin);
  try {
    await untilHealthy(ripcord, total);
    const delaysMs: number[] = [];
    let falseVerdicts = 0;
    for (let round = 0; round < rounds; round++) {
      await delay(round * PHASE_STEP_MS);
      log(`round ${round + 1} of ${rounds}: ${hungAtOnce} of ${total} VMs hang`);
      const hung = [...fleet.vms.keys()].slice(round * 7, round * 7 + hungAtOnce);
      const result = await hangAll(fleet, watch, hung);
      delaysMs.push(...result.delaysMs);
      falseVerdicts += result.falseVerdicts;
      for (const release of result.releases) release();
      await untilHealthy(ripcord, total);
    }
    const { p50, p95, p99, max, count } = summarise(delaysMs);
    return {
      bench: hangVerdict.name,
      about: hangVerdict.about,
      measurements: [
        {
          name: `verdict beyond the threshold, ${hungAtOnce} at once, p99`,
          measured: `${short(p99)} ms`,
          aim: `≤ ${AIM_P99_MS} ms`,
          isMet: p99 <= AIM_P99_MS,
        },
        {
          name: "the same, median",
          measured: `${short(p50)} ms`,
          aim: "",
          isMet: undefined,
        },
        {
          name: "healthy VMs called anything worse meanwhile",
          measured: String(falseVerdicts),
          aim: "0",
          isMet: falseVerdicts === 0,
        },
      ],
      notes: [
        `${count} hangs in ${rounds} round${rounds > 1 ? "s" : ""} among ${total} VMs; hungAfterMs ${DEFAULT_THRESHOLDS.hungAfterMs}. p95 ${short(p95)}, at most ${short(max)} ms.`,
      ],
    };
  } finally {
    watch.close();
    await fleet.close();
    await ripcord.close();
  }
}

async function hangAll(
  fleet: SimulatedFleet,
  watch: VerdictWatch,
  names: readonly string[],
): Promise<{ delaysMs: number[]; falseVerdicts: number; releases: (() => void)[] }> {
  const beganAtMs = new Map<string, number>();
  const releases: (() => void)[] = [];
  const verdicts = watch.expect(names);
  for (const name of names) {
    beganAtMs.set(name, Date.now());
    const vm = fleet.vms.get(name);
    if (vm) releases.push(vm.blockMainLoop());
  }
  const { seenAtMs, falseVerdicts } = await verdicts;
  const thresholdMs = DEFAULT_THRESHOLDS.hungAfterMs;
  const delaysMs = names.map((name) => (seenAtMs.get(name) ?? Infinity) - (beganAtMs.get(name) ?? 0) - thresholdMs);
  return { delaysMs, falseVerdicts, releases };
}

interface Seen {
  seenAtMs: Map<string, number>;
  falseVerdicts: number;
}

/** A client of the hub, as a browser is one, that notes when each verdict arrives. */
class VerdictWatch {
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  #names: ReadonlySet<string> = new Set();
  #seen: Seen = { seenAtMs: new Map(), falseVerdicts: 0 };
  #resolve: ((seen: Seen) => void) | undefined;

  constructor(origin: string) {
    this.#socket = io(origin, { path: REALTIME_PATH, transports: ["websocket"] });
    this.#socket.on("fleet:changed", ({ changed }) => {
      const nowMs = Date.now();
      for (const { name, health } of changed) this.#take(name, health.kind, nowMs);
    });
  }

  /** Resolves when all of these are called hung. @throws when they are not in time */
  expect(names: readonly string[]): Promise<Seen> {
    this.#names = new Set(names);
    this.#seen = { seenAtMs: new Map(), falseVerdicts: 0 };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`Only ${this.#seen.seenAtMs.size} of ${names.length} hung VMs were called so in time`));
      }, VERDICT_WITHIN_MS);
      this.#resolve = (seen) => {
        clearTimeout(timer);
        resolve(seen);
      };
    });
  }

  close(): void {
    this.#socket.close();
  }

  #take(name: string, kind: string, nowMs: number): void {
    if (this.#resolve === undefined) return;
    const { seenAtMs } = this.#seen;
    if (!this.#names.has(name)) {
      if (kind !== "healthy") this.#seen.falseVerdicts++;
      return;
    }
    if (kind !== "main-loop-hung" || seenAtMs.has(name)) return;
    seenAtMs.set(name, nowMs);
    if (seenAtMs.size < this.#names.size) return;
    this.#resolve(this.#seen);
    this.#resolve = undefined;
  }
}

async function untilHealthy(ripcord: RipcordProcess, count: number): Promise<void> {
  const deadlineMonoMs = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const { vms } = await ripcord.api<FleetSnapshot>("/vms");
    const healthy = vms.filter(({ health, instanceCount }) => health.kind === "healthy" && instanceCount > 0).length;
    if (healthy >= count) return;
    if (performance.now() > deadlineMonoMs) throw new Error(`Only ${healthy} of ${count} VMs turned healthy`);
    await delay(250);
  }
}
