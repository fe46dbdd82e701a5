import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import type { IncidentList } from "#lib/api/incident";
import type { FleetSnapshot, VmDetail } from "#lib/api/vm";
import { DEFAULT_THRESHOLDS } from "#lib/health/thresholds";
import { REALTIME_PATH } from "#lib/link/contract";
import type { ClientToServerEvents, ServerToClientEvents } from "#lib/realtime/events";
import { BRIDGE_TOKEN_FILE } from "#server/hub/compose";
import { delay } from "./support/cpu.ts";
import { MeasuredChild } from "./support/measured-child.ts";
import type { Bench, BenchOptions, BenchResult } from "./support/result.ts";
import { startSimulatorProcess } from "./support/simulator-process.ts";
import { short } from "./support/stats.ts";

const CROWD = 200;
/** One of them dies. */
const SERVERS = 2;
const BRIDGE_ID = "bench";
const TOKEN = "bench";
const AIM_INCIDENT_MS = 5_000;
const HEALTHY_WITHIN_MS = 120_000;
const INCIDENT_WITHIN_MS = 60_000;
const WINDOW_MS = 10_000;

export const oneIncident: Bench = {
  name: "one-incident",
  about:
    "How soon VMs that hang at the same moment on one dead NBD server are one incident in a client of the hub, and what that costs the hub, beside as many VMs that are well on another server. Hub (without pages), bridge and simulator are processes of their own.",
  run: measure,
};

async function measure({ isQuick, log }: BenchOptions): Promise<BenchResult> {
  const crowd = isQuick ? CROWD / 4 : CROWD;
  const directory = mkdtempSync(join(tmpdir(), "rci-"));
  const monitors = join(directory, "m");
  const dataDir = join(directory, "hub");
  for (const folder of [monitors, dataDir]) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(dataDir, BRIDGE_TOKEN_FILE), `${TOKEN}\n`, { mode: 0o600 });
  const simulator = await startSimulatorProcess({ directory: monitors, count: SERVERS * crowd, serverCount: SERVERS });
  const hub = await MeasuredChild.start(new URL("./support/hub-host.ts", import.meta.url), [dataDir, BRIDGE_ID]);
  const url = readFileSync(join(dataDir, "url"), "utf8");
  const bridge = await MeasuredChild.start(new URL("./support/bridge-host.ts", import.meta.url), [
    join(monitors, "*.sock"),
    mkdtempSync(join(directory, "data-")),
    url,
  ]);
  const watch = new CrowdWatch(url, crowd);
  try {
    await untilRead(url, SERVERS * crowd);
    const quiet = await cpuOver(hub, () => delay(WINDOW_MS));
    log(`${crowd} of ${SERVERS * crowd} VMs hang on one server`);
    let result: CrowdTimes | undefined;
    const killedAtMs = Date.now();
    const busy = await cpuOver(hub, async () => {
      await simulator.command("kill-server 0 drain");
      result = await watch.done;
      await delay(Math.max(0, killedAtMs + WINDOW_MS - Date.now()));
    });
    if (!result) throw new Error("Nothing was seen of the crowd");
    const { incidents } = await ask<IncidentList>(url, "incidents");
    const afterVerdictsMs = result.incidentAtMs - result.lastVerdictAtMs;
    const extraMs = busy.cpuMs - (quiet.cpuMs * busy.elapsedMs) / quiet.elapsedMs;
    return {
      bench: oneIncident.name,
      about: oneIncident.about,
      measurements: [
        {
          name: `from the last of ${crowd} verdicts to one incident with all of them`,
          measured: `${short(Math.max(0, afterVerdictsMs))} ms`,
          aim: `≤ ${AIM_INCIDENT_MS} ms`,
          isMet: afterVerdictsMs <= AIM_INCIDENT_MS,
        },
        {
          name: "incidents",
          measured: String(incidents.length),
          aim: "1",
          isMet: incidents.length === 1,
        },
        {
          name: "from the server's death to that incident",
          measured: `${short(result.incidentAtMs - killedAtMs)} ms`,
          aim: "",
          isMet: undefined,
        },
        {
          name: "the hub's CPU for it, beyond that of a quiet fleet",
          measured: `${short(extraMs)} ms`,
          aim: "",
          isMet: undefined,
        },
      ],
      notes: [
        `hungAfterMs ${DEFAULT_THRESHOLDS.hungAfterMs}. The first verdict came ${short(result.firstVerdictAtMs - killedAtMs)} ms after the server's death, the last ${short(result.lastVerdictAtMs - killedAtMs)} ms.`,
        `The hub in the ${short(busy.elapsedMs / 1_000)} s around it: ${short(busy.cpuMs / busy.elapsedMs)} core, against ${short(quiet.cpuMs / quiet.elapsedMs)} core while all are well.`,
      ],
    };
  } finally {
    watch.close();
    await bridge.close();
    await hub.close();
    await simulator.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface CrowdTimes {
  firstVerdictAtMs: number;
  lastVerdictAtMs: number;
  incidentAtMs: number;
}

/** A client of the hub, as a browser is one, that notes when the crowd is called hung, and when it is one incident. */
class CrowdWatch {
  readonly done: Promise<CrowdTimes>;
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly #hung = new Set<string>();
  #firstVerdictAtMs = 0;
  #lastVerdictAtMs = 0;
  #incidentAtMs = 0;

  constructor(origin: string, crowd: number) {
    const { promise, resolve, reject } = Promise.withResolvers<CrowdTimes>();
    this.done = promise;
    this.#socket = io(origin, { path: REALTIME_PATH, transports: ["websocket"] });
    const timer = setTimeout(
      () => reject(new Error(`${this.#hung.size} of ${crowd} were called hung in time`)),
      HEALTHY_WITHIN_MS + INCIDENT_WITHIN_MS,
    );
    promise.catch(() => {}).finally(() => clearTimeout(timer));
    const settle = () => {
      if (this.#hung.size < crowd || this.#incidentAtMs === 0) return;
      resolve({
        firstVerdictAtMs: this.#firstVerdictAtMs,
        lastVerdictAtMs: this.#lastVerdictAtMs,
        incidentAtMs: this.#incidentAtMs,
      });
    };
    this.#socket.on("fleet:changed", ({ changed }) => {
      for (const { vmId, health } of changed) {
        if (health.kind !== "main-loop-hung" || this.#hung.has(vmId)) continue;
        this.#hung.add(vmId);
        this.#lastVerdictAtMs = Date.now();
        this.#firstVerdictAtMs ||= this.#lastVerdictAtMs;
      }
      settle();
    });
    this.#socket.on("incident:changed", ({ incident }) => {
      if (incident.memberCount === crowd) this.#incidentAtMs ||= Date.now();
      settle();
    });
  }

  close(): void {
    this.#socket.close();
  }
}

async function cpuOver(child: MeasuredChild, run: () => Promise<void>): Promise<{ cpuMs: number; elapsedMs: number }> {
  const before = await child.read();
  const startedMonoMs = performance.now();
  await run();
  const after = await child.read();
  return { cpuMs: after.cpuMs - before.cpuMs, elapsedMs: performance.now() - startedMonoMs };
}

async function ask<T>(origin: string, path: string): Promise<T> {
  const response = await fetch(new URL(`/api/v1/${path}`, origin));
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as T;
}

/** Where a disk leads is read while its VM is well, a few VMs at a time. */
async function untilRead(origin: string, count: number): Promise<void> {
  const deadlineMonoMs = performance.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    const { vms } = await ask<FleetSnapshot>(origin, "vms");
    const healthy = vms.filter(({ health }) => health.kind === "healthy");
    const details = healthy.length < count ? [] : await Promise.all(healthy.map(({ vmId }) => ask<VmDetail>(origin, `vms/${vmId}`)));
    if (details.length === count && details.every(({ topologyAtMs }) => topologyAtMs !== undefined)) return;
    if (performance.now() > deadlineMonoMs) throw new Error(`Only ${healthy.length} of ${count} VMs turned healthy and were read`);
    await delay(500);
  }
}
