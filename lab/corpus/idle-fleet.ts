import { setTimeout as delay } from "node:timers/promises";
import type { Qemu } from "../qemu.ts";
import type { CorpusRun } from "./corpus-run.ts";
import { verdictText } from "./verdict-trail.ts";

const VMS = 50;

/** Fifty idle VMs with their idle disks on one server. @returns what was raised of them; nothing may be. */
export async function watchIdleFleet(
  run: CorpusRun,
  { qemu, forMs, signal }: { qemu: Qemu; forMs: number; signal: AbortSignal },
): Promise<string[]> {
  const fleet = await run.startWatched("nbd-crowd", qemu, { vmName: `idle-${qemu.version.major}`, vmCount: VMS });
  try {
    const fromMonoMs = performance.now();
    await delay(forMs, undefined, { signal }).catch(() => {});
    return [...fleet.trails].flatMap(([name, trail]) =>
      trail
        .since(fromMonoMs)
        .filter(({ verdict }) => verdict.kind !== "healthy" && verdict.kind !== "slow")
        .map(({ verdict }) => `idle ${name} was shown as ${verdictText(verdict)}`),
    );
  } finally {
    await fleet.close();
  }
}
