import { useState } from "react";
import type { ReactNode } from "react";
import type { IncidentDetail } from "#lib/api/incident";
import { API_PREFIX } from "#lib/api/prefix";
import { KIND_WORDS } from "#lib/incident/title";
import { Age } from "../ui/age.tsx";
import { Button, buttonClass } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatCount, formatDuration } from "../ui/format.ts";
import { Instant } from "../ui/instant.tsx";
import { TextLink } from "../ui/text-link.tsx";
import { CloseForm } from "./close-form.tsx";
import { incidentSummaryText, membersWords, STATE_MEANING } from "./incident-words.ts";
import { StateIcon, StateWord } from "./state-label.tsx";
import { WhoIsOnIt } from "./who-is-on-it.tsx";

const DAY_MS = 86_400_000;

/** The cause on top, and what an operator asks of an incident: how bad, since when, how soon seen, over when. */
export function IncidentHeader({
  incident,
  asOf,
  cannotSend,
}: {
  incident: IncidentDetail;
  asOf: { asOfMs: number; isStale: boolean };
  cannotSend: string | undefined;
}) {
  const [isClosing, setIsClosing] = useState(false);
  const { state, worstKind, title, cause, incidentId } = incident;
  const { isStale } = asOf;
  return (
    <div className={cx("-mx-4 border-b border-line px-4 pb-4 sm:-mx-6 sm:px-6", isStale && "is-stale")}>
      <div className="flex flex-wrap items-start gap-x-8 gap-y-4">
        <div className="flex min-w-0 flex-1 basis-96 items-start gap-4">
          <div className="pt-1">
            <StateIcon state={state} kind={worstKind} size={40} isStale={isStale} />
          </div>
          <div className="min-w-0 wrap-anywhere">
            <h1 className="text-xl font-semibold text-strong">{isStale ? `When last heard: ${title}` : title}</h1>
            <p role="status" aria-label="State">
              <StateWord state={state} kind={worstKind} isStale={isStale} />
              <span className="text-body">: {STATE_MEANING[state]}</span>
            </p>
            {cause.text !== "" && !title.includes(cause.text) && <p className="text-strong">{cause.text}</p>}
            {cause.kind === "far-side" && cause.isEstablished !== true && (
              <p className="text-body">That is what its VMs have in common; no reading shows yet that it holds them.</p>
            )}
            {incident.mergedIntoId !== undefined && (
              <p>
                Its cause turned out to be that of <TextLink href={`/incidents/${incident.mergedIntoId}`}>another one</TextLink>: everything
                goes on there
              </p>
            )}
            {incident.continuesId !== undefined && (
              <p>
                It continues <TextLink href={`/incidents/${incident.continuesId}`}>an earlier one</TextLink>
              </p>
            )}
          </div>
        </div>
        <div className="flex flex-wrap items-center gap-2">
          <CopyButton text={incidentSummaryText(incident)} label="Copy what is known in three lines" />
          <a href={`${API_PREFIX}/incidents/${encodeURIComponent(incidentId)}/export?format=markdown`} download className={buttonClass()}>
            Export Markdown
          </a>
          <a href={`${API_PREFIX}/incidents/${encodeURIComponent(incidentId)}/export?format=json`} download className={buttonClass()}>
            JSON
          </a>
          {state !== "resolved" && (
            <Button aria-expanded={isClosing} onClick={() => setIsClosing(!isClosing)}>
              Close incident…
            </Button>
          )}
        </div>
      </div>
      {isClosing && state !== "resolved" && <CloseForm incident={incident} cannotSend={cannotSend} onDone={() => setIsClosing(false)} />}
      {state !== "resolved" && <WhoIsOnIt incident={incident} cannotSend={cannotSend} />}
      <Facts incident={incident} asOfMs={asOf.asOfMs} isStale={isStale} />
    </div>
  );
}

function Facts({ incident, asOfMs: now, isStale }: { incident: IncidentDetail; asOfMs: number; isStale: boolean }) {
  const { beganAtMs, detectedAfterMs, recoveredAfterMs, flapCount, worstKind, state, resolvedAtMs, resolvedBy } = incident;
  return (
    <dl className="mt-4 grid grid-cols-2 gap-x-8 gap-y-3 lg:grid-cols-[repeat(5,auto)] lg:justify-start lg:gap-x-12">
      <Fact name="VMs" strong={membersWords(incident)}>
        worst {KIND_WORDS[worstKind]}
        {flapCount > 0 && `, fell back ${formatCount(flapCount, "time")}`}
      </Fact>
      <Fact name="Began" strong={<Instant atMs={beganAtMs} withDate={now - beganAtMs > DAY_MS} />}>
        <Age atMs={beganAtMs} />
      </Fact>
      <Fact name="Time to detect" strong={formatDuration(detectedAfterMs)}>
        from the first reading that shows it
      </Fact>
      <Fact
        name="Time to recover"
        strong={
          recoveredAfterMs === undefined
            ? `${formatAgeInWords(now - beganAtMs)} ${isStale ? "when last heard" : "so far"}`
            : formatAgeInWords(recoveredAfterMs)
        }
      >
        {recoveredAfterMs === undefined ? "until no VM of it is in trouble" : "until none was in trouble"}
      </Fact>
      {state === "resolved" && resolvedAtMs !== undefined && (
        <Fact name="Closed" strong={<Instant atMs={resolvedAtMs} withDate={now - resolvedAtMs > DAY_MS} />}>
          {resolvedBy === undefined ? "by itself: it stayed well" : `by ${resolvedBy}`}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, strong, children }: { name: string; strong: ReactNode; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-quiet">{name}</dt>
      <dd className="wrap-anywhere">
        <span className="block font-semibold text-strong">{strong}</span>
        <span className="block text-body">{children}</span>
      </dd>
    </div>
  );
}
