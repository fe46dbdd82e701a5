import type { ReactNode } from "react";
import type { HealthKind } from "#lib/health/verdict";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { cx } from "../ui/cx.ts";
import { formatNumber } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_WORD } from "../vm/verdict-words.ts";

export interface VerdictFilterProps {
  counts: Map<HealthKind, number>;
  total: number;
  /** None: all are shown. */
  selected: readonly string[];
  /** One verdict more or less; undefined: all of them. */
  onSelect: (kind: HealthKind | undefined) => void;
  /** The counts are not of now. */
  isStale: boolean;
}

/** One chip per verdict that there is; the chosen one stays when its last VM leaves it. */
export function VerdictFilter({ counts, total, selected, onSelect, isStale }: VerdictFilterProps) {
  const kinds = HEALTH_KINDS.filter((kind) => counts.has(kind) || selected.includes(kind));
  return (
    <div
      role="group"
      aria-label="Filter by verdict"
      className={cx("-mx-4 flex gap-2 overflow-x-auto px-4 py-1 sm:mx-0 sm:flex-wrap sm:px-0", isStale && "is-stale")}
    >
      <Chip isSelected={selected.length === 0} onClick={() => onSelect(undefined)}>
        <span className="font-semibold">All</span> {formatNumber(total)}
      </Chip>
      {kinds.map((kind) => (
        <Chip key={kind} isSelected={selected.includes(kind)} onClick={() => onSelect(kind)}>
          <VerdictIcon kind={kind} size={14} />
          {formatNumber(counts.get(kind) ?? 0)} {lowerWord(VERDICT_WORD[kind])}
        </Chip>
      ))}
    </div>
  );
}

function Chip({ isSelected, onClick, children }: { isSelected: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-pressed={isSelected}
      onClick={onClick}
      className={cx(
        "inline-flex min-h-8 shrink-0 items-center gap-1.5 rounded-full border px-3 text-sm whitespace-nowrap",
        isSelected ? "border-line-strong bg-sunken text-strong" : "border-line text-body hover:border-line-strong",
      )}
    >
      {children}
    </button>
  );
}

/** "I/O stalled" keeps its capitals. */
function lowerWord(word: string): string {
  return word.startsWith("I/O") ? word : word.toLowerCase();
}
