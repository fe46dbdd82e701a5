import Link from "next/link";
import { useState } from "react";
import type { IncidentDetail } from "#lib/api/incident";
import type { TimelineEntry } from "#lib/incident/incident";
import { Age } from "../ui/age.tsx";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatNumber, formatUtc, formatUtcTime } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { countKinds, shownTimeline, TIMELINE_KINDS, TIMELINE_WORD } from "./incident-words.ts";

/** More rows than this are drawn only when somebody asks for them. */
const SHOWN_ROWS = 100;

/** Verdicts, events, acts and notes of all its VMs on the hub's one clock; newest first. */
export function TimelineCard({ incident }: { incident: IncidentDetail }) {
  const [hidden, setHidden] = useState<ReadonlySet<TimelineEntry["kind"]>>(new Set());
  const [showsAll, setShowsAll] = useState(false);
  const counts = countKinds(incident.timeline);
  const entries = shownTimeline(incident.timeline, hidden);
  const shown = showsAll ? entries : entries.slice(0, SHOWN_ROWS);
  function handleToggle(kind: TimelineEntry["kind"]) {
    const next = new Set(hidden);
    if (!next.delete(kind)) next.add(kind);
    setHidden(next);
  }
  return (
    <Card title="Timeline" aside={incident.timelineIsCut ? "the newest 2,000 · hub's clock" : "hub's clock"} isFlush>
      <div role="group" aria-label="Show in the timeline" className="flex flex-wrap gap-2 px-4 py-3">
        {TIMELINE_KINDS.filter((kind) => counts.has(kind)).map((kind) => (
          <button
            key={kind}
            type="button"
            aria-pressed={!hidden.has(kind)}
            onClick={() => handleToggle(kind)}
            className={cx(
              "inline-flex min-h-7 items-center gap-1.5 rounded-full border px-2.5 text-xs",
              hidden.has(kind) ? "border-line text-quiet line-through" : "border-line-strong bg-sunken text-strong",
            )}
          >
            {TIMELINE_WORD[kind]} {formatNumber(counts.get(kind) ?? 0)}
          </button>
        ))}
      </div>
      {entries.length === 0 ? (
        <p className="px-4 pb-4">{incident.timeline.length === 0 ? "Nothing is on record yet" : "Nothing of the kinds that are shown"}</p>
      ) : (
        <ol aria-label="Timeline, newest first">
          {shown.map((entry, index) => (
            <Row key={`${entry.atMs} ${entry.kind} ${entry.vmId ?? ""} ${entry.text} ${index}`} entry={entry} />
          ))}
        </ol>
      )}
      {shown.length < entries.length && (
        <div className="px-4 py-3">
          <Button onClick={() => setShowsAll(true)}>Show all {formatNumber(entries.length)}</Button>
        </div>
      )}
    </Card>
  );
}

function Row({ entry }: { entry: TimelineEntry }) {
  const { atMs, kind, vmId, vmName, text, who, actId, count } = entry;
  const isLoud = kind === "act" || kind === "note";
  return (
    <li className="grid grid-cols-[92px_1fr] gap-x-4 border-t border-line px-4 py-1.5 md:grid-cols-[188px_1fr]">
      <span className="flex flex-col justify-between text-xs leading-5 text-quiet md:flex-row">
        <time dateTime={new Date(atMs).toISOString()} title={formatUtc(atMs)} className="whitespace-nowrap">
          {formatUtcTime(atMs)}
        </time>
        <Age atMs={atMs} />
      </span>
      <div className="min-w-0 wrap-anywhere">
        <p>
          {vmId !== undefined && (
            <Link
              href={`/vms/${vmId}`}
              prefetch={false}
              className="mr-2 rounded text-body underline decoration-line-strong decoration-1 underline-offset-2 hover:text-strong"
            >
              {vmName ?? vmId}
            </Link>
          )}
          <span className={cx("text-strong", isLoud && "font-semibold")}>{text}</span>
          {count !== undefined && count > 1 && <span className="ml-2">× {formatNumber(count)}</span>}
        </p>
        {(who !== undefined || actId !== undefined) && (
          <p className="text-sm">
            {who !== undefined && `by ${who}`}
            {actId !== undefined && (
              <>
                {who !== undefined && " · "}
                <TextLink href={`/acts/${actId}`}>act and evidence</TextLink>
              </>
            )}
          </p>
        )}
      </div>
    </li>
  );
}
