import type { Clue } from "#lib/diagnosis/clue";
import type { InstanceReport } from "#lib/vm/instance";
import type { ClueContext } from "./clue-sources.ts";
import { ageText } from "./measure-text.ts";

/**
 * A vCPU that waits in a write to a chardev. The threads do not tell which chardev it is: those with a guest's device and
 * somebody connected may be it, and their queues tell more.
 */
export function threadClues(report: InstanceReport, { known, nowMonoMs }: ClueContext): readonly Clue[] {
  if (report.instance.type !== "chardev" || report.isMonitor === true || report.connection === "listening") return [];
  const seen = known.hostIfAny?.vcpuInWrite;
  if (!seen) return [];
  const text = `${seen.name} sleeps between two tries while the main thread waits for a lock, for at least ${ageText(seen.readMonoMs - seen.sinceMonoMs)}: as in a write that nobody takes`;
  return [{ code: "vcpu-in-write", text, ageMs: nowMonoMs - seen.readMonoMs }];
}
