import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100; // USER_HZ, fixed at 100 on Linux for what /proc shows.

/** CPU seconds, user and system, that a process has used so far. @see proc(5), /proc/pid/stat */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The command name may hold blanks and brackets: count fields from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Cores used by some processes over a window; a benchmark is the one place that may wait for time. */
export async function coresUsed(pids: readonly number[], windowMs: number): Promise<number> {
  const before = pids.map(cpuSeconds);
  const started = performance.now();
  await delay(windowMs);
  const seconds = (performance.now() - started) / 1_000;
  return pids.reduce((sum, pid, index) => sum + cpuSeconds(pid) - (before[index] ?? 0), 0) / seconds;
}
