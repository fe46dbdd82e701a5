import type { ProcessView } from "#lib/api/vm";
import { Age } from "../ui/age.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatCount } from "../ui/format.ts";
import { conditionWord, roleWord, threadWords } from "./process-words.ts";

/** Threads beyond these are told as a number until somebody asks. */
const SHOWN_THREADS = 6;

/** What the host says of the QEMU process while it is in trouble. */
export function ProcessCard({ process, isOld }: { process: ProcessView; isOld: boolean }) {
  const { condition, threads, children = [] } = process;
  const detail = detailOf(process);
  const [shown, more] = [threads.slice(0, SHOWN_THREADS), threads.slice(SHOWN_THREADS)];
  return (
    <Card
      title="Process"
      aside={
        <>
          pid {process.pid} · read <Age atMs={process.atMs} />
        </>
      }
    >
      <div className={cx(isOld && "is-stale")}>
        <p className="wrap-anywhere">
          <span className="font-semibold text-strong">{conditionWord(condition)}</span>
          {detail !== "" && ` · ${detail}`}
        </p>
        {threads.length > 0 && <Threads threads={shown} label="Threads" />}
        {more.length > 0 && (
          <details className="mt-1">
            <summary className="text-sm text-body hover:text-strong">{formatCount(more.length, "more thread")}</summary>
            <Threads threads={more} label="More threads" />
          </details>
        )}
        {children.length > 0 && (
          <div className="mt-3">
            <h3 className="text-sm">Children that may hold it</h3>
            <ul>
              {children.map((child) => (
                <li key={child.pid} className="wrap-anywhere text-strong">
                  pid {child.pid} <span className="font-mono text-xs">{child.name}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </Card>
  );
}

function Threads({ threads, label }: { threads: ProcessView["threads"]; label: string }) {
  return (
    <ul aria-label={label} className="mt-2 grid gap-1">
      {threads.map((thread) => (
        <li key={thread.tid} className="grid grid-cols-[120px_1fr] gap-x-3">
          <span className="text-quiet">{thread.role === "vcpu" || thread.role === "other" ? thread.name : roleWord(thread.role)}</span>
          <span className="min-w-0 wrap-anywhere text-strong">{threadWords(thread)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What the host says beyond the condition itself, which stands before it. */
function detailOf({ condition, text }: ProcessView): string {
  const word = conditionWord(condition).toLowerCase();
  return text.toLowerCase().startsWith(word) ? text.slice(word.length).replace(/^[;:,\s]+/, "") : text;
}
