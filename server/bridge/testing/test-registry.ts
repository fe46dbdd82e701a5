import { stat } from "node:fs/promises";
import { pino } from "pino";
import { vi } from "vitest";
import { configSchema } from "#lib/config/schema";
import type { Config } from "#lib/config/schema";
import type { FactBody } from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";
import type { OpenTransport, QmpClock } from "#server/qmp/client";
import { systemClock } from "#server/qmp/clock";
import { SchemaCache } from "#server/qmp/schema-cache";
import { SettingsTable } from "../config.ts";
import { HostWatch } from "../evidence/host-watch.ts";
import { StallLog } from "../stalls/stall-log.ts";
import { StallWatch } from "../stalls/stall-watch.ts";
import { describeInstances } from "../topology/describe-instances.ts";
import { guessLauncher } from "../topology/guess-launcher.ts";
import { readTopology } from "../topology/read-topology.ts";
import { Gate } from "../vm/gate.ts";
import type { ProcReader } from "../vm/ports.ts";
import { TickWheel } from "../vm/tick-wheel.ts";
import { VmRegistry } from "../vm/vm-registry.ts";
import type { MonitorSpot } from "../vm/vm-host.ts";

/** Short enough for a test that waits for the fact, long enough for a busy machine. */
const FAST_PROBES = { intervalMs: 200, slowAfterMs: 250, hungAfterMs: 700, oobSilentAfterMs: 400, migrationStallAfterMs: 1_500 };

/** A /proc that knows nothing, unless told. */
export function fakeProc(answers: Partial<ProcReader> = {}): ProcReader {
  return {
    findListener: async () => ({ unknown: "not-permitted" }),
    readState: async () => ({ unknown: "not-permitted" }),
    readCommandLine: async () => undefined,
    hasOtherPeer: async () => false,
    readHost: async () => undefined,
    close: async () => {},
    ...answers,
  };
}

export interface TestRegistry {
  registry: VmRegistry;
  facts: FactBody[];
  /** The same with whose they are. */
  vmFacts: { vmId: VmId; body: FactBody }[];
  ended: VmReport[];
  appear(path: string, overrides?: Partial<MonitorSpot>): void;
  /** The one VM's report. @throws Error while there is none. */
  report(): VmReport;
  until(check: (report: VmReport) => void): Promise<void>;
  close(): void;
}

export interface TestRegistryOptions {
  proc?: ProcReader;
  probe?: Partial<Config["bridge"]["probe"]>;
  queries?: Partial<Config["queries"]>;
  clock?: QmpClock;
  openTransport?: OpenTransport;
  socketExists?: (path: string) => Promise<boolean>;
  readUptimeSeconds?: () => number;
  /** Called whenever something that is published changed. */
  onChanged?: (vmId: VmId) => void;
}

/** A registry without discovery and link; with real sockets and real time, unless told otherwise. */
export function startTestRegistry(options: TestRegistryOptions = {}): TestRegistry {
  const config = configSchema.parse({ bridge: { probe: { ...FAST_PROBES, ...options.probe } }, queries: options.queries });
  const settings = new SettingsTable(config);
  const facts: FactBody[] = [];
  const ended: VmReport[] = [];
  const vmFacts: { vmId: VmId; body: FactBody }[] = [];
  const clock = options.clock ?? systemClock;
  const stalls = new StallLog();
  const stallWatch = new StallWatch({
    clock,
    readUptimeSeconds: options.readUptimeSeconds ?? (() => undefined),
    onStall: (fromMonoMs, untilMonoMs) => {
      stalls.record(fromMonoMs, untilMonoMs);
      registry.bridgeStalled(fromMonoMs, untilMonoMs);
    },
  });
  const wheel = new TickWheel(clock, () => stallWatch.beat());
  const proc = options.proc ?? fakeProc();
  const hostWatch = new HostWatch(proc, clock);
  const registry = new VmRegistry(
    {
      bridgeId: "test",
      epoch: "test-epoch",
      isSimulated: false,
      clock,
      random: () => 0.5,
      wheel,
      stalls,
      proc,
      hostWatch,
      logger: pino({ level: "silent" }),
      openTransport: options.openTransport,
      schemas: new SchemaCache(),
      topologyGate: new Gate(8),
      readTopology,
      describeInstances,
      guessLauncher,
      settingsFor: (name) => settings.settingsFor(name),
      socketExists: options.socketExists ?? (async (path) => (await stat(path).catch(() => undefined))?.isSocket() ?? false),
    },
    {
      vmChanged: (vmId) => options.onChanged?.(vmId),
      vmEnded: (report) => void ended.push(report),
      fact: ({ vmId }, body) => {
        facts.push(body);
        vmFacts.push({ vmId, body });
      },
    },
  );
  const report = (): VmReport => {
    const [vmId] = registry.listedIds();
    const made = vmId === undefined ? undefined : registry.report(vmId);
    if (!made) throw new Error("No VM is listed");
    return made;
  };
  return {
    registry,
    facts,
    vmFacts,
    ended,
    appear: (path, overrides = {}) =>
      registry.appeared({ address: { kind: "unix", path }, order: 0, isExplicit: false, isNotOurs: false, ...overrides }),
    report,
    until: (check) => vi.waitFor(() => check(report()), { timeout: 8_000, interval: 10 }),
    close() {
      registry.close();
      hostWatch.close();
      wheel.close();
      stallWatch.close();
    },
  };
}
