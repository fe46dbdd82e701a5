import type { Clue } from "#lib/diagnosis/clue";
import type { InstanceReport } from "#lib/vm/instance";
import type { ClueContext } from "./clue-sources.ts";

/** What the connections of one instance tell. */
export function socketClues(report: InstanceReport, { known, nowMonoMs }: ClueContext): readonly Clue[] {
  void report;
  void known;
  void nowMonoMs;
  return [];
}
