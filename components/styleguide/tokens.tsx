import { SUSPICION_SCORES } from "#lib/diagnosis/suspicion";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { StateIcon, StateWord } from "../incident/state-label.tsx";
import { SuspicionMark } from "../vm/suspicion-mark.tsx";
import { SCORE_WORD } from "../vm/suspicion-words.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, VERDICT_WORD } from "../vm/verdict-words.ts";
import { OutcomeIcon } from "../yank/outcome-icon.tsx";

const SURFACES = ["bg-base", "bg-raised", "bg-sunken"];
const INKS = ["text-strong", "text-body", "text-quiet", "text-hung", "text-io", "text-migration", "text-silent", "text-stopped"];
const SIGNS = ["text-muted", "text-good", "text-info"];

/** Every ink on every surface, as the tests of the tokens hold them. */
export function Colours() {
  return (
    <div className="grid grid-cols-1 gap-2 sm:grid-cols-3">
      {SURFACES.map((surface) => (
        <ul key={surface} className={`rounded-lg border border-line p-3 ${surface}`}>
          <li className="mb-1 text-xs text-quiet">{surface}</li>
          {[...INKS, ...SIGNS].map((ink) => (
            <li key={ink} className={`font-semibold ${ink}`}>
              {ink.replace("text-", "")}
            </li>
          ))}
        </ul>
      ))}
    </div>
  );
}

export function Type() {
  return (
    <div className="grid gap-2 text-strong">
      <p className="text-xl font-semibold">20 px, the verdict of a page</p>
      <p className="text-lg font-semibold">16 px, titles</p>
      <p className="text-base">14 px, the body: 0123456789 in tabular figures</p>
      <p className="text-sm">13 px, what stands beside</p>
      <p className="text-xs">12 px, labels; never smaller</p>
      <p className="font-mono text-xs">12 px monospaced, for what is copied</p>
      <div className="flex flex-wrap items-end gap-3 text-xs text-quiet">
        <span className="flex size-12 items-center justify-center rounded-md border border-line-strong">6</span>
        <span className="flex size-12 items-center justify-center rounded-lg border border-line-strong">8</span>
        <span className="flex size-12 items-center justify-center rounded-xl border border-line-strong">12</span>
        <span className="flex size-12 items-center justify-center rounded-2xl border border-line-strong">16</span>
      </div>
    </div>
  );
}

export function Verdicts() {
  return (
    <ul className="grid gap-2">
      {HEALTH_KINDS.map((kind) => (
        <li key={kind} className={`flex items-center gap-4 font-semibold ${VERDICT_TEXT_CLASS[kind]}`}>
          <VerdictIcon kind={kind} size={14} />
          <VerdictIcon kind={kind} />
          <VerdictIcon kind={kind} size={24} />
          <VerdictIcon kind={kind} size={40} />
          <VerdictIcon kind={kind} size={24} isMuted />
          {VERDICT_WORD[kind]}
        </li>
      ))}
    </ul>
  );
}

export function Marks() {
  return (
    <ul className="grid gap-2">
      {SUSPICION_SCORES.map((score) => (
        <li key={score} className="flex items-center gap-2">
          <SuspicionMark score={score} kind="main-loop-hung" /> {SCORE_WORD[score]}
        </li>
      ))}
      {(["open", "good", "plain", "bad"] as const).map((tone) => (
        <li key={tone} className="flex items-center gap-2">
          <OutcomeIcon tone={tone} /> outcome: {tone}
        </li>
      ))}
      {(["open", "mitigated", "resolved"] as const).map((state) => (
        <li key={state} className="flex items-center gap-2">
          <StateIcon state={state} kind="main-loop-hung" isStale={false} />
          <StateWord state={state} kind="main-loop-hung" isStale={false} />
        </li>
      ))}
    </ul>
  );
}
