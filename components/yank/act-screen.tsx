"use client";
import { useQuery } from "@tanstack/react-query";
import type { ActRecord } from "#lib/yank/act";
import { API_PREFIX } from "#lib/api/prefix";
import { actQuery } from "../queries/acts.ts";
import { actEvidenceQuery } from "../queries/incidents.ts";
import { Screen } from "../shell/screen.tsx";
import { buttonClass } from "../ui/button.tsx";
import { formatUtc } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { EvidenceOfAct } from "./act-evidence.tsx";
import { actName } from "./act-words.ts";
import { TargetResult } from "./target-result.tsx";

/** One act as the record has it: what came of it, what to do now, and everything that was known before it was done. */
export function ActScreen({ seed }: { seed: ActRecord }) {
  const { data: act } = useQuery({ ...actQuery(seed.actId), initialData: seed });
  const evidence = useQuery(actEvidenceQuery(seed.actId));
  return (
    <Screen heading={<h1 className="min-w-0 truncate text-lg font-semibold text-strong">{actName(act)}</h1>}>
      <div className="flex flex-wrap items-start justify-between gap-x-8 gap-y-3">
        <p className="min-w-0 wrap-anywhere">
          {formatUtc(act.createdAtMs, { withMilliseconds: true })} by {act.who}
          {act.reason && ` · “${act.reason}”`}
          {act.incidentId !== undefined && (
            <>
              {" "}
              · begun from <TextLink href={`/incidents/${act.incidentId}`}>its incident</TextLink>
            </>
          )}
        </p>
        <a
          href={`${API_PREFIX}/acts/${encodeURIComponent(act.actId)}/evidence?format=json`}
          download={`evidence-${act.actId}.json`}
          className={buttonClass()}
        >
          Download evidence (JSON)
        </a>
      </div>
      {act.targets.map((target) => {
        const kept = evidence.data?.targets.find(({ vmId }) => vmId === target.vmId);
        return (
          <section key={target.vmId} aria-label={target.vmName} className="mt-4 border-t border-line pt-4">
            <h2 className="mb-3 text-lg font-semibold text-strong">
              <TextLink href={`/vms/${target.vmId}`}>{target.vmName}</TextLink> <span className="font-normal text-body">{target.host}</span>
            </h2>
            <div className="grid gap-x-10 gap-y-6 xl:grid-cols-[2fr_3fr]">
              <div className="min-w-0">
                <TargetResult act={act} target={target} />
              </div>
              <div className="min-w-0">
                {kept ? (
                  <EvidenceOfAct kept={kept} />
                ) : (
                  <p role="status">
                    {evidence.isError
                      ? `The evidence could not be read: ${evidence.error.message}`
                      : evidence.data
                        ? "No evidence was stored for this VM: it was not prepared"
                        : "Reading the evidence"}
                  </p>
                )}
              </div>
            </div>
          </section>
        );
      })}
    </Screen>
  );
}
