import type { Clue } from "#lib/diagnosis/clue";
import type { HealthState, HealthThresholds } from "#lib/health/reduce-health";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport } from "#lib/vm/report";
import type { KnownVm } from "../vm/known-vm.ts";
import { ioClues } from "../vm/io-clues.ts";
import { socketClues } from "./socket-clues.ts";
import { threadClues } from "./thread-clues.ts";

/** What a clue may be made of: everything known of one VM at one moment. */
export interface ClueContext {
  readonly known: KnownVm;
  readonly health: HealthState;
  readonly thresholds: HealthThresholds;
  /** Age of the in-band request that waits; undefined where none is open. */
  readonly inBandOpenAgeMs: number | undefined;
  readonly migration: MigrationReport | undefined;
  readonly nowMonoMs: number;
}

/** Says of one instance what was measured for or against it; nothing where it measured nothing. Pure. */
export type ClueSource = (report: InstanceReport, context: ClueContext) => readonly Clue[];

/** In the order in which their clues are shown. */
export const CLUE_SOURCES: readonly ClueSource[] = [ioClues, socketClues, threadClues];
