import type { ReactNode } from "react";
import type { ActEvidenceView } from "#lib/api/incident";
import type { ActEvidence } from "#lib/link/contract";
import { instanceKey, instanceName } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { formatAgeInWords, formatNumber, formatUtc } from "../ui/format.ts";
import { cx } from "../ui/cx.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { connectionWords, servesInFull } from "../vm/instance-words.ts";
import { roleWord, threadWords } from "../vm/process-words.ts";
import { verdictTitle } from "../vm/verdict-words.ts";

type Kept = ActEvidenceView["targets"][number];

/** What was stored right before an act, to be read later. Ages in it are of that moment. */
export function EvidenceOfAct({ kept }: { kept: Kept }) {
  const evidence = asEvidence(kept.evidence);
  const json = JSON.stringify(kept.evidence, null, 2);
  return (
    <div>
      <p className="mb-3 text-sm">Known at {formatUtc(kept.recordedAtMs, { withMilliseconds: true })}, right before it was sent</p>
      {evidence ? (
        <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-[112px_1fr]">
          <WhatWasKnown report={evidence.report} />
          {evidence.recentEvents.length > 0 && (
            <Part name="Events before">
              {evidence.recentEvents
                .slice(-12)
                .toReversed()
                .map((event, index) => (
                  <Line key={`${event.name} ${event.ageMs} ${index}`}>
                    <span className="font-mono text-xs">{event.name}</span>
                    {event.count > 1 && ` × ${formatNumber(event.count)}`} {formatAgeInWords(event.ageMs)} before
                  </Line>
                ))}
              {evidence.recentEvents.length > 12 && <Line>and {evidence.recentEvents.length - 12} older ones, in the JSON</Line>}
            </Part>
          )}
          {evidence.leftOut && evidence.leftOut.length > 0 && (
            <Part name="Left out">
              {evidence.leftOut.map((text) => (
                <Line key={text}>{text}</Line>
              ))}
            </Part>
          )}
        </dl>
      ) : (
        <p>It was written by another version of Ripcord and is shown as it is.</p>
      )}
      <details className="mt-4" open={evidence === undefined}>
        <summary className="w-fit rounded text-sm hover:text-strong">All of it, as JSON</summary>
        {/* The button stands within what scrolls: with the focus on it the arrow keys scroll the text. */}
        <div className="mt-2 flex max-h-120 items-start justify-between gap-2 overflow-auto rounded-lg border border-line bg-base pl-3">
          <pre className="shrink-0 py-3 font-mono text-xs leading-5 text-strong">{json}</pre>
          <div className="sticky top-0 right-0 bg-base p-1">
            <CopyButton text={json} label="Copy the evidence as JSON" />
          </div>
        </div>
      </details>
    </div>
  );
}

function WhatWasKnown({ report }: { report: VmReport }) {
  const { health, instances, process, migration, disks = [] } = report;
  return (
    <>
      <Part name="Verdict">
        <Line>
          <span className="font-semibold">{verdictTitle(health.verdict)}</span> for {formatAgeInWords(health.sinceAgeMs)}
        </Line>
      </Part>
      <Part name="Readings">
        {health.evidence.map((line) => (
          <Line key={`${line.code} ${line.text}`}>{line.text}</Line>
        ))}
      </Part>
      {instances.map((instance) => (
        <Part key={instanceKey(instance.instance)} name={instanceName(instance.instance)}>
          <Line>
            {servesInFull(instance.serves)}
            {instance.farSide && ` → ${instance.farSide.text}`}, {connectionWords(instance.connection)}
          </Line>
          {(instance.clues ?? []).map((clue) => (
            <Line key={`${clue.code} ${clue.text}`}>
              {clue.text} <span className="text-quiet">({formatAgeInWords(clue.ageMs)} before)</span>
            </Line>
          ))}
        </Part>
      ))}
      {migration && (
        <Part name="Migration">
          <Line>
            {migration.status}
            {migration.uri !== undefined && ` to ${migration.uri}`}
          </Line>
        </Part>
      )}
      {disks.length > 0 && (
        <Part name="Disks">
          {disks.map((disk) => (
            <Line key={disk.device} beginsWithName>
              {disk.device}: {formatNumber(disk.completedCount)} done
              {disk.outstandingCount !== undefined && `, ${formatNumber(disk.outstandingCount)} in use`}
            </Line>
          ))}
        </Part>
      )}
      {process && (
        <Part name="Process">
          <Line>
            pid {process.pid}: {process.text}
          </Line>
          {process.threads.map((thread) => (
            <Line key={thread.tid} beginsWithName={thread.role !== "main"}>
              {thread.role === "main" ? roleWord(thread.role) : thread.name}: {threadWords(thread)}
            </Line>
          ))}
        </Part>
      )}
    </>
  );
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-quiet">{name}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  );
}

/** A device or a thread keeps its name as it is spelled. */
function Line({ children, beginsWithName = false }: { children: ReactNode; beginsWithName?: boolean }) {
  return <p className={cx("text-strong", !beginsWithName && "first-letter:uppercase")}>{children}</p>;
}

/** Stored evidence outlives this code: what has not the shape of now is shown raw. */
function asEvidence(value: unknown): ActEvidence | undefined {
  if (typeof value !== "object" || value === null || !("report" in value) || !("recentEvents" in value)) return undefined;
  const { report, recentEvents } = value;
  const isReport =
    typeof report === "object" && report !== null && "health" in report && "instances" in report && Array.isArray(report.instances);
  return isReport && Array.isArray(recentEvents) ? (value as ActEvidence) : undefined;
}
