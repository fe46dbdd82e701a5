import type { Clue } from "#lib/diagnosis/clue";
import type { InstanceReport } from "#lib/vm/instance";
import type { ClueContext } from "./clue-sources.ts";

/** What the threads of the process tell of one instance. */
export function threadClues(report: InstanceReport, { known, nowMonoMs }: ClueContext): readonly Clue[] {
  void report;
  void known;
  void nowMonoMs;
  return [];
}
