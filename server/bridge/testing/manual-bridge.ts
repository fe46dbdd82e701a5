import type { VmReport } from "#lib/vm/report";
import { ManualClock } from "#server/qmp/manual-clock";
import { ScriptedQemu } from "./scripted-qemu.ts";
import { startTestRegistry } from "./test-registry.ts";
import type { TestRegistry, TestRegistryOptions } from "./test-registry.ts";

const STEP_MS = 50;
export const MANUAL_PATH = "/run/ripcord/monitors/db-07.sock";

export interface ManualBridge extends TestRegistry {
  clock: ManualClock;
  qemu: ScriptedQemu;
  /** Every state that was published, in order, each once. */
  published: VmReport[];
  /** Whether the socket's file is there. */
  socket: { exists: boolean };
  /** Lets time pass in small steps, with everything done in each that is to be done by then. */
  pass(forMs: number): Promise<void>;
  /** What the verdicts became, one after the other. */
  verdicts(): string[];
}

/** One scripted QEMU under a registry with the default thresholds, on a clock that stands still until it is told to go on. */
export function startManualBridge(
  options: Pick<TestRegistryOptions, "proc" | "readUptimeSeconds"> & { clock?: ManualClock } = {},
): ManualBridge {
  const clock = options.clock ?? new ManualClock();
  const qemu = new ScriptedQemu();
  const socket = { exists: true };
  const published: VmReport[] = [];
  const test = startTestRegistry({
    ...options,
    clock,
    openTransport: qemu.open,
    socketExists: async () => socket.exists,
    probe: { intervalMs: 1_000, slowAfterMs: 1_000, hungAfterMs: 5_000, oobSilentAfterMs: 2_000, migrationStallAfterMs: 10_000 },
    onChanged: (vmId) => {
      const report = test.registry.report(vmId);
      if (report) published.push(report);
    },
  });
  return {
    ...test,
    clock,
    qemu,
    published,
    socket,
    async pass(forMs) {
      for (let left = forMs; left > 0; left -= STEP_MS) {
        clock.advance(Math.min(left, STEP_MS));
        await new Promise((resume) => setImmediate(resume));
      }
    },
    verdicts: () => test.facts.flatMap((fact) => (fact.kind === "verdict" ? [fact.to] : [])),
  };
}
