/** What Ripcord reads of /proc/PID/stat. @see proc_pid_stat(5) */
export interface ProcessStat {
  /** R S D T t Z X …; of the main thread. */
  readonly state: string;
  /** Field 22, in clock ticks since boot; a pid and this together name one process. */
  readonly startTimeTicks: string;
}

/** The name stands in parentheses and may itself contain parentheses and blanks, so fields are counted from its end. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const close = text.lastIndexOf(")");
  if (close < 0) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const [state, startTimeTicks] = [fields[0], fields[19]];
  if (state === undefined || startTimeTicks === undefined || !/^\d+$/.test(startTimeTicks)) return undefined;
  return { state, startTimeTicks };
}
