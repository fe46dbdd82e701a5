import type { VmSummary } from "#lib/api/vm";
import { isTerminalMigration } from "#lib/qapi/migration";
import { formatBytesPerSecond, formatCount } from "../ui/format.ts";
import { migrationFraction } from "../vm/migration-progress.ts";
import { verdictTitle } from "../vm/verdict-words.ts";

export interface RowNote {
  text: string;
  /** Where it is about a migration that told how far it has come: 0 to 1. */
  migrationFraction?: number;
}

/** What a row says beside its numbers, the most useful thing only; undefined where there is nothing to add. */
export function rowNote(vm: VmSummary): RowNote | undefined {
  const text = specialNote(vm);
  if (text !== undefined) return { text };
  return migrationNote(vm);
}

function specialNote(vm: VmSummary): string | undefined {
  const { health } = vm;
  if (vm.actInProgress) return `an act by ${vm.actInProgress.who} is under way`;
  if (health.kind === "unknown" && health.was) return `was ${lowerFirst(verdictTitle(health.was.verdict))}`;
  if (health.kind === "main-loop-hung") {
    if (health.cord === "out-of-reach") return "out of reach: hung before we came";
    return health.mayStillFinish ?? cordNote(vm.yankableCount);
  }
  if (health.kind === "io-stalled") return `nothing completes on ${health.nodes.join(", ")}`;
  if (health.kind === "silent") return health.reason === "stopped" ? "nothing to yank: continue the process" : "nothing to yank";
  if (health.kind === "monitor-busy") return "another client holds the socket";
  return health.mayStillFinish;
}

/** How many cords there are, never which one: what holds the main loop is not known here, nor why a cord is refused. */
function cordNote(yankableCount: number): string {
  return yankableCount === 0 ? "none may be pulled: its page says why" : `${formatCount(yankableCount, "cord")} in reach`;
}

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
