import { instanceKey } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { namedReports, touchesMigration } from "./act-baseline.ts";
import type { ActBaseline } from "./act-baseline.ts";

/** What shows that something was cut. QEMU says of no NBD node that it was: its sockets do, and the errors of its requests. */
export function cutEvidence(baseline: ActBaseline, report: VmReport, events: readonly string[]): string | undefined {
  const migration = migrationEvidence(baseline, report);
  if (migration !== undefined) return migration;
  for (const before of namedReports(baseline)) {
    const key = instanceKey(before.instance);
    const now = report.instances.find((candidate) => instanceKey(candidate.instance) === key);
    const change = now && connectionChange(before, now);
    if (change !== undefined) return `${key} ${change}`;
    if (before.instance.type === "block-node" && events.includes("BLOCK_IO_ERROR")) return "requests to the cut node ended in I/O errors";
  }
  return undefined;
}

/** That the migration came to an end that this act can have caused. */
export function migrationEvidence(baseline: ActBaseline, report: VmReport): string | undefined {
  if (!touchesMigration(baseline)) return undefined;
  const [was, is] = [baseline.report.migration?.status, report.migration?.status];
  if (is === undefined || is === was) return undefined;
  const ended = baseline.action === "pause-postcopy" ? ["postcopy-paused"] : ["failed", "cancelled", "postcopy-paused"];
  return ended.includes(is) ? `the migration was ${was ?? "under way"} and is ${is} now` : undefined;
}

function connectionChange(before: InstanceReport, now: InstanceReport): string | undefined {
  if (before.connection === "connected" && isDown(now)) return `was connected and is ${now.connection} now`;
  const was = establishedSocket(before);
  // Sockets that were not looked at again tell nothing.
  if (was === undefined || now.sockets === undefined) return undefined;
  const is = establishedSocket(now);
  if (is === undefined) return "had a connection and has none now";
  const isAnother = was.local !== undefined && is.local !== undefined && was.transport === "tcp" && was.local !== is.local;
  return isAnother ? "was cut, and is connected again" : undefined;
}

function establishedSocket({ sockets }: InstanceReport) {
  return sockets?.find(({ state }) => state === "ESTAB");
}

function isDown({ connection }: InstanceReport): boolean {
  return connection === "listening" || connection === "disconnected" || connection === "reconnecting" || connection === "given-up";
}
