import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { VmDetail } from "#lib/api/vm";
import { fleetQuery } from "../queries/fleet.ts";
import { useIncidentSummary } from "../queries/incidents.ts";
import type { AsOf } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords } from "../ui/format.ts";
import { Instant } from "../ui/instant.tsx";
import { TextLink } from "../ui/text-link.tsx";
import { onlyThisOne, whatHoldsIt, whatItCosts } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { VerdictIcon } from "./verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, verdictMeaning, verdictTitle } from "./verdict-words.ts";

const DAY_MS = 86_400_000;

/** The five questions in one look: what is wrong and since when, what holds it, what it costs, is it only this one. */
export function VmHeader({ vm, asOf, children }: { vm: VmDetail; asOf: AsOf; children?: ReactNode }) {
  const { data: fleet } = useQuery(fleetQuery());
  const incident = useIncidentSummary(vm.incidentId);
  const now = useNow();
  const { health } = vm;
  const title = verdictTitle(health);
  return (
    <div className={cx("-mx-4 border-b border-line px-4 pb-4 sm:-mx-6 sm:px-6", asOf.isStale && "is-stale")}>
      <div className="flex flex-col gap-x-8 gap-y-4 xl:flex-row xl:items-start">
        <div className="flex min-w-0 items-start gap-4 xl:w-2/5 xl:max-w-120 xl:shrink-0">
          <div className="pt-1">
            <VerdictIcon kind={health.kind} size={40} isMuted={asOf.isStale} />
          </div>
          <div className="min-w-0">
            <p className="text-xs text-quiet">{health.kind === "healthy" ? "How it is" : "What is wrong"}</p>
            {/* Only what is worth hearing stands in the live region: an age in it would be read out every second. */}
            <div role="status" aria-label="Health">
              <p className={cx("text-xl font-semibold", asOf.isStale ? "text-muted" : VERDICT_TEXT_CLASS[health.kind])}>
                {asOf.isStale ? `Was: ${title}` : title}
              </p>
            </div>
            <p className="text-body">
              {asOf.isStale ? (
                <>
                  last known <Instant atMs={asOf.asOfMs} />, {formatAgeInWords(now - asOf.asOfMs)} ago
                </>
              ) : (
                <>
                  {formatAgeInWords(asOf.asOfMs - health.sinceAtMs)} · since{" "}
                  <Instant atMs={health.sinceAtMs} withDate={asOf.asOfMs - health.sinceAtMs > DAY_MS} />
                </>
              )}
            </p>
            {health.kind === "unknown" && health.was && (
              <p className="text-body">
                was {verdictTitle(health.was.verdict)} {formatAgeInWords(now - health.was.atMs)} ago
              </p>
            )}
            <p className="mt-1 text-strong">{verdictMeaning(health, vm)}</p>
            {health.mayStillFinish && <p className="text-body">It may still finish: {health.mayStillFinish}</p>}
            {children}
          </div>
        </div>
        {health.kind !== "healthy" && (
          <dl className="grid flex-1 grid-cols-1 gap-x-8 gap-y-3 sm:grid-cols-3">
            <Question ask="What holds it" answer={whatHoldsIt(vm)} />
            <Question ask="What it costs" answer={whatItCosts(vm)} />
            <Question ask="Only this one?" answer={onlyThisOne(vm, fleet?.vms, incident)} />
          </dl>
        )}
      </div>
    </div>
  );
}

function Question({ ask, answer }: { ask: string; answer: Answer }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-quiet">{ask}</dt>
      <dd className="text-pretty wrap-anywhere">
        <span className="block font-semibold text-strong">{answer.strong}</span>
        {answer.text && <span className="block text-body">{answer.text}</span>}
        {answer.reason && <span className="block text-strong">{answer.reason}</span>}
        {answer.link && (
          <TextLink href={answer.link.href}>
            {answer.link.text} <span aria-hidden="true">→</span>
          </TextLink>
        )}
      </dd>
    </div>
  );
}
