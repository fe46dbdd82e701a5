import { readFileSync } from "node:fs";

/** One process, told from a later one that got the same pid by the time it was started. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of `/proc/PID/stat`, clock ticks since boot, as text: it may exceed 2^53 in theory and is only compared. */
  startTicks: string;
}

export interface ProcessStat extends ProcessIdentity {
  /** `R` running, `S` sleeping, `D` uninterruptible, `T` stopped, `Z` ended but not waited for, … */
  state: string;
}

/** @returns undefined when no such process exists. @see proc(5), /proc/PID/stat */
export function readProcessStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  return parseProcessStat(pid, text);
}

/** The second field is the program's name in brackets and may itself hold brackets and spaces, so fields count from the last one. */
export function parseProcessStat(pid: number, text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTicks = fields[19];
  return state === undefined || startTicks === undefined ? undefined : { pid, state, startTicks };
}

/** Whether exactly this process still runs (one that ended and was not waited for does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readProcessStat(identity.pid);
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== "Z";
}

/**
 * Sends a signal to exactly this process.
 * @returns false when it is gone, or its pid belongs to another one by now.
 */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}
