import { isPostcopy } from "../qapi/migration.ts";
import { isGuestStopped } from "../qapi/run-state.ts";
import type { VmReport } from "../vm/report.ts";
import { namedReports } from "./act-baseline.ts";
import type { ActBaseline } from "./act-baseline.ts";

/** What the plan foretold and was seen. */
export function foretoldAftermath(baseline: ActBaseline, report: VmReport, events: readonly string[]): string[] {
  const seen: string[] = [];
  if (newlyStopped(baseline, report) === "io-error" && isPauseForetold(baseline)) {
    seen.push("the guest is paused by an I/O error (io-error), as foretold");
  }
  if (events.includes("BLOCK_IO_ERROR") && baseline.instances.some((instance) => instance.type === "block-node")) {
    seen.push("requests to the cut node ended in I/O errors, as foretold");
  }
  return seen;
}

/** The guest was stopped by something that went wrong, and the plan did not foretell it. */
export function unforetoldStop(baseline: ActBaseline, report: VmReport): string | undefined {
  const stopped = newlyStopped(baseline, report);
  return stopped === undefined || (stopped === "io-error" && isPauseForetold(baseline)) ? undefined : stopped;
}

/** The destination of a precopy migration exits when it is cut. */
export function isProcessEndForetold(baseline: ActBaseline): boolean {
  const { migration } = baseline.report;
  const cutsMigration = baseline.action === "yank" && baseline.instances.some((instance) => instance.type === "migration");
  return cutsMigration && migration?.direction === "incoming" && !isPostcopy(migration.status);
}

function newlyStopped(baseline: ActBaseline, { runState }: VmReport): string | undefined {
  if (!runState || runState.isLastKnown || !isGuestStopped(runState.value)) return undefined;
  return baseline.report.runState?.value === runState.value ? undefined : runState.value;
}

/** A cut node answers every request with EIO, and a device with the policy `stop` then pauses its guest. Unread counts as possible. */
function isPauseForetold(baseline: ActBaseline): boolean {
  if (baseline.action !== "yank") return false;
  return namedReports(baseline).some(({ instance, serves }) => {
    if (instance.type !== "block-node") return false;
    if (serves.kind !== "guest-disk") return serves.kind === "unknown";
    return [serves.werror, serves.rerror].some((policy) => policy === undefined || policy === "stop");
  });
}
