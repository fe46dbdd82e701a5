import type { VmSummary } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import type { SilentReason } from "#lib/health/verdict";
import { isTerminalMigration } from "#lib/qapi/migration";
import { formatBytesPerSecond, formatCount } from "../ui/format.ts";
import { migrationFraction } from "../vm/migration-progress.ts";
import { SCORE_WORD } from "../vm/suspicion-words.ts";
import { verdictTitle } from "../vm/verdict-words.ts";

export interface RowNote {
  text: string;
  /** The name of the instance that is suspected, set off before the text. */
  suspect?: string;
  /** Where it is about a migration that told how far it has come: 0 to 1. */
  migrationFraction?: number;
}

/** What a row says beside its numbers, the most useful thing only; undefined where there is nothing to add. */
export function rowNote(vm: VmSummary): RowNote | undefined {
  const text = specialNote(vm);
  if (text !== undefined) return { text };
  return suspectNote(vm) ?? (isTrouble(vm.health.kind) ? troubleNote(vm) : undefined) ?? migrationNote(vm);
}

/** Where one instance stands out: how much speaks for it, what it serves, and why. */
function suspectNote(vm: VmSummary): RowNote | undefined {
  const { suspect } = vm;
  if (!suspect) return undefined;
  const migration = suspect.key === "migration" ? migrationNote(vm) : undefined;
  if (migration) return { ...migration, suspect: suspect.name, text: `${SCORE_WORD[suspect.score]} · ${migration.text}` };
  return { suspect: suspect.name, text: [SCORE_WORD[suspect.score], suspect.serves, suspect.reason].filter(Boolean).join(" · ") };
}

function troubleNote({ health, yankableCount }: VmSummary): RowNote | undefined {
  if (health.kind === "main-loop-hung") return { text: cordNote(yankableCount) };
  if (health.kind === "io-stalled") return { text: `nothing completes on ${health.nodes.join(", ")}` };
  return undefined;
}

function specialNote(vm: VmSummary): string | undefined {
  const { health } = vm;
  if (vm.actInProgress) return `an act by ${vm.actInProgress.who} is under way`;
  if (health.kind === "unknown" && health.was) return `was ${lowerFirst(verdictTitle(health.was.verdict))}`;
  if (health.kind === "main-loop-hung" && health.cord === "out-of-reach") return "out of reach: hung before we came";
  if (health.kind === "silent") return SILENT_NOTE[health.reason];
  if (health.kind === "monitor-busy") return "another client holds the socket";
  return health.mayStillFinish;
}

/** Where none stands out: how many cords there are. Why one is refused is not known here. */
function cordNote(yankableCount: number): string {
  return yankableCount === 0 ? "none may be pulled: its page says why" : `${formatCount(yankableCount, "cord")} in reach`;
}

const SILENT_NOTE: Record<SilentReason, string> = {
  stopped: "nothing to yank: continue the process",
  uninterruptible: "nothing to yank: heal the storage it waits for",
  frozen: "nothing to yank: thaw its cgroup",
  zombie: "nothing to yank: its process has exited",
  "no-oob": "nothing to yank",
  unknown: "nothing to yank",
};

function migrationNote(vm: VmSummary): RowNote | undefined {
  const { migration } = vm;
  if (!migration || isTerminalMigration(migration.status)) return undefined;
  const fraction = migrationFraction(migration);
  const parts = [migration.direction === "incoming" ? "migrating in" : "migrating out"];
  if (fraction !== undefined) parts.push(`${Math.floor(fraction * 100)} %`);
  if (migration.stalledSinceAtMs !== undefined) parts.push("0 B/s");
  else if (migration.bytesPerSecond !== undefined) parts.push(formatBytesPerSecond(migration.bytesPerSecond));
  if (migration.isNotConverging) parts.push("not converging");
  if (fraction === undefined) parts.push(migration.status);
  return { text: parts.join(" · "), migrationFraction: fraction };
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
