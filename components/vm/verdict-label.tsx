import type { Verdict } from "#lib/health/verdict";
import { cx } from "../ui/cx.ts";
import { VerdictIcon } from "./verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, verdictTitle } from "./verdict-words.ts";

/** Shape, word and colour, always all three. An old verdict is worded as one and loses its colour. */
export function VerdictLabel({ verdict, isStale }: { verdict: Verdict; isStale: boolean }) {
  const title = verdictTitle(verdict);
  const isQuiet = verdict.kind === "healthy";
  return (
    <span className={cx("flex min-w-0 items-center gap-2", isStale ? "text-muted" : VERDICT_TEXT_CLASS[verdict.kind])}>
      <VerdictIcon kind={verdict.kind} isMuted={isStale} />
      <span className={cx("truncate", !isQuiet && "font-semibold")} title={title}>
        {isStale ? `Was: ${title}` : title}
      </span>
    </span>
  );
}
