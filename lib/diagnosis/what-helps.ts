import type { VmReport } from "../vm/report.ts";
import type { Help } from "./help.ts";
import type { Suspicion } from "./suspicion.ts";

/** What helps this VM as it is now, the first to try first; empty where nothing is wrong. Pure. */
export function whatHelps(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  void suspicions;
  const { mayStillFinish } = report.health;
  return mayStillFinish === undefined ? [] : [{ code: "wait", text: `wait: ${mayStillFinish}` }];
}
