import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100; // USER_HZ, fixed at 100 on Linux for what /proc shows.

/** CPU seconds, user and system, that a process has used so far; 0 once it is gone. @see proc(5), /proc/pid/stat */
export function cpuSeconds(pid: number): number {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return 0;
  }
  // The command name may hold blanks and brackets: count fields from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** A benchmark is the one place that may wait for time. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
