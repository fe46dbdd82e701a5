import type { HealthKind } from "../health/verdict.ts";
import { isTrouble } from "../health/verdict.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { REHANG_WATCH_MS } from "./act.ts";
import type { ActTarget } from "./act.ts";

/** The hub's estimate of when a command was sent, and of when a hang began, waver by this much. */
const CLOCKS_DIFFER_MS = 500;

/**
 * Whether the trouble that an act ended has come back within a minute of it, in words; undefined where it has not. Only
 * trouble that began after the act counts: what goes on is not what comes back. Pure.
 * @param sinceAtMs since when the VM's verdict holds, Unix ms on the clock of `target.sentAtMs`.
 */
export function rehungText(target: ActTarget, report: VmReport, sinceAtMs: number): string | undefined {
  const { sentAtMs, healthBefore } = target;
  const { verdict } = report.health;
  if (sentAtMs === undefined || healthBefore === undefined || !isTrouble(healthBefore) || !isSame(healthBefore, verdict.kind))
    return undefined;
  // What the cut of a postcopy leads to is its pause, not its trouble come back.
  if (verdict.kind === "migration-stalled" && verdict.migrationStatus === "postcopy-paused") return undefined;
  const afterMs = sinceAtMs - sentAtMs;
  if (afterMs < (target.recoveredAfterMs ?? 0) - CLOCKS_DIFFER_MS || afterMs > REHANG_WATCH_MS) return undefined;
  return `hung again ${Math.max(0, Math.round(afterMs / 1_000))} s after the act: reads ${verdict.kind}${whereText(target, report)}`;
}

function isSame(before: HealthKind, now: HealthKind): boolean {
  const isHung = (kind: HealthKind) => kind === "main-loop-hung" || kind === "silent";
  return before === now || (isHung(before) && isHung(now));
}

/** Of what was cut, that which is connected again. */
function whereText(target: ActTarget, report: VmReport): string {
  const keys = new Set(target.instances.map(instanceKey));
  const back = report.instances.find((each) => keys.has(instanceKey(each.instance)) && each.connection === "connected");
  if (back === undefined) return "";
  const far = back.farSide === undefined ? "" : ` to ${back.farSide.text}`;
  return `; ${instanceName(back.instance)} is connected again${far}`;
}
