import { stat } from "node:fs/promises";
import { pino } from "pino";
import { vi } from "vitest";
import { configSchema } from "#lib/config/schema";
import type { Config } from "#lib/config/schema";
import type { FactBody } from "#lib/link/contract";
import type { VmReport } from "#lib/vm/report";
import { systemClock } from "#server/qmp/clock";
import { SettingsTable } from "../config.ts";
import { StallLog } from "../stalls/stall-log.ts";
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
    close: async () => {},
    ...answers,
  };
}

export interface TestRegistry {
  registry: VmRegistry;
  facts: FactBody[];
  ended: VmReport[];
  appear(path: string, overrides?: Partial<MonitorSpot>): void;
  /** The one VM's report. @throws Error while there is none. */
  report(): VmReport;
  until(check: (report: VmReport) => void): Promise<void>;
  close(): void;
}

/** A registry with real sockets and real time, without discovery and link. */
export function startTestRegistry(
  options: { proc?: ProcReader; probe?: Partial<Config["bridge"]["probe"]>; queries?: Partial<Config["queries"]> } = {},
): TestRegistry {
  const config = configSchema.parse({ bridge: { probe: { ...FAST_PROBES, ...options.probe } }, queries: options.queries });
  const settings = new SettingsTable(config);
  const facts: FactBody[] = [];
  const ended: VmReport[] = [];
  const wheel = new TickWheel(systemClock);
  const registry = new VmRegistry(
    {
      bridgeId: "test",
      epoch: "test-epoch",
      isSimulated: false,
      clock: systemClock,
      random: () => 0.5,
      wheel,
      stalls: new StallLog(),
      proc: options.proc ?? fakeProc(),
      logger: pino({ level: "silent" }),
      topologyGate: new Gate(8),
      readTopology,
      describeInstances,
      guessLauncher,
      settingsFor: (name) => settings.settingsFor(name),
      socketExists: async (path) => (await stat(path).catch(() => undefined))?.isSocket() ?? false,
    },
    { vmChanged: () => {}, vmEnded: (report) => void ended.push(report), fact: (_vm, body) => void facts.push(body) },
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
    ended,
    appear: (path, overrides = {}) =>
      registry.appeared({ address: { kind: "unix", path }, order: 0, isExplicit: false, isNotOurs: false, ...overrides }),
    report,
    until: (check) => vi.waitFor(() => check(report()), { timeout: 8_000, interval: 10 }),
    close() {
      registry.close();
      wheel.close();
    },
  };
}
