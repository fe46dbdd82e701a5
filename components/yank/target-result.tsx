import type { ReactNode } from "react";
import { VERIFY_FOR_MS } from "#lib/yank/act";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import { useNow } from "../realtime/live-clock.tsx";
import { CommandSteps } from "../ui/command-steps.tsx";
import { cx } from "../ui/cx.ts";
import { formatDuration, formatUtcTime } from "../ui/format.ts";
import { ACTION_NOUN, outcome, recoveredWords } from "./act-words.ts";
import type { OutcomeTone } from "./act-words.ts";
import { OutcomeIcon } from "./outcome-icon.tsx";

const TONE_CLASS: Record<OutcomeTone, string> = { open: "text-strong", good: "text-good", plain: "text-strong", bad: "text-hung" };

/** What became of one VM of an act, fact by fact as they arrive, and what a person does next. Nothing is drawn ahead of its fact. */
export function TargetResult({ act, target, children }: { act: ActRecord; target: ActTarget; children?: ReactNode }) {
  const { title, tone } = outcome(act.action, target);
  return (
    <div className="grid gap-3">
      <div role="status" aria-label="Result" className={cx("flex items-center gap-3 text-lg font-semibold", TONE_CLASS[tone])}>
        <OutcomeIcon tone={tone} size={24} />
        <p>{title}</p>
      </div>
      {target.amendments?.map((amendment) => (
        <p key={`${amendment.atMs} ${amendment.text}`} className="wrap-anywhere text-strong first-letter:uppercase">
          {amendment.text} <span className="text-body">(seen {formatUtcTime(amendment.atMs)})</span>
        </p>
      ))}
      <ol className="grid gap-1.5">
        <Fact isKnown>Recorded {formatUtcTime(act.createdAtMs, { withMilliseconds: true })}</Fact>
        <Fact isKnown={target.sentAtMs !== undefined}>
          {target.sentAtMs === undefined
            ? sendingWords(target)
            : `Sent ${target.lane === "oob" ? "out of band" : "in-band"} ${formatUtcTime(target.sentAtMs, { withMilliseconds: true })}`}
        </Fact>
        <AnswerFact target={target} />
        <VerdictFact act={act} target={target} />
      </ol>
      {children}
      {target.detail && <p className="wrap-anywhere text-strong first-letter:uppercase">{target.detail}</p>}
      {target.aftermath.length > 0 && (
        <div>
          <p className="text-sm">As foretold</p>
          <ul className="list-disc pl-5">
            {target.aftermath.map((line) => (
              <li key={line} className="text-strong">
                {line}
              </li>
            ))}
          </ul>
        </div>
      )}
      {target.nextSteps && target.nextSteps.length > 0 && (
        <section aria-label="What now" className="border-t border-line pt-3">
          <h3 className="mb-2 font-semibold text-strong">
            What now <span className="text-sm font-normal text-body">to be done by hand</span>
          </h3>
          <CommandSteps label="What now, in this order" steps={target.nextSteps} />
        </section>
      )}
    </div>
  );
}

function AnswerFact({ target }: { target: ActTarget }) {
  if (target.state === "accepted") {
    return <Fact isKnown>QEMU accepted it{target.replyAfterMs !== undefined && ` in ${formatDuration(target.replyAfterMs)}`}</Fact>;
  }
  if (target.state === "refused") {
    const said = target.qmpError ? `: ${target.qmpError.class}, ${target.qmpError.desc}` : "";
    return <Fact isKnown>QEMU refused it{said}</Fact>;
  }
  if (target.state === "not-sent" || target.state === "skipped") return null;
  if (target.state === "unknown") return <Fact isKnown>No answer from QEMU arrived</Fact>;
  return <Fact isKnown={false}>QEMU's answer</Fact>;
}

function VerdictFact({ act, target }: { act: ActRecord; target: ActTarget }) {
  const now = useNow(100);
  if (target.state === "not-sent" || target.state === "skipped" || target.state === "refused") return null;
  if (target.verdict !== "pending") {
    const parts = target.verdict === "recovered" ? recoveredWords(target) : undefined;
    return (
      <>
        {target.recoveredAfterMs !== undefined && (
          <Fact isKnown>
            First sign of life {formatDuration(target.recoveredAfterMs)} after the {ACTION_NOUN[act.action]}, confirmed by more probes
          </Fact>
        )}
        {parts !== undefined && <Fact isKnown>Came back: {parts}</Fact>}
        {!target.isFinal && <Fact isKnown={false}>Still watched for what follows</Fact>}
      </>
    );
  }
  if (target.sentAtMs === undefined) return <Fact isKnown={false}>What it did</Fact>;
  const elapsedMs = Math.min(VERIFY_FOR_MS, Math.max(0, now - target.sentAtMs));
  return (
    <Fact isKnown={false}>
      Probing what it did: {(Math.floor(elapsedMs / 100) / 10).toFixed(1)} s of at most {VERIFY_FOR_MS / 1_000} s
    </Fact>
  );
}

function Fact({ isKnown, children }: { isKnown: boolean; children: ReactNode }) {
  return (
    <li className={cx("flex items-baseline gap-2", isKnown ? "text-strong" : "text-quiet")}>
      <span
        aria-hidden="true"
        className={cx("size-2 shrink-0 translate-y-[-1px] rounded-full border", isKnown ? "border-strong bg-strong" : "border-quiet")}
      />
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </li>
  );
}

function sendingWords(target: ActTarget): string {
  return target.isFinal ? "Not sent" : "Being sent";
}
