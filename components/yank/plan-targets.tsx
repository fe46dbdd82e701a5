import { isTrouble } from "#lib/health/verdict";
import type { Plan, PlanTarget, Reversibility } from "#lib/yank/plan";
import { REVERSIBILITIES } from "#lib/yank/plan";
import { CodeBlock } from "../ui/code-block.tsx";
import { cx } from "../ui/cx.ts";
import { formatCount } from "../ui/format.ts";
import { SCORE_WORD } from "../vm/suspicion-words.ts";
import { comesBackWords, isGrave, splitConsequence } from "./consequence.ts";
import { EffectView } from "./effect-view.tsx";
import { LeftOut } from "./left-out.tsx";

const MOST_SPREAD_OUT = 20;

/** What a plan does, to one VM in full, to several as a sum and a list of each. */
export function PlanTargets({ plan }: { plan: Plan }) {
  const [only, ...others] = plan.targets;
  if (only && others.length === 0) return <OneTarget target={only} />;
  return (
    <>
      <SeveralTargets targets={plan.targets} />
      {plan.incidentId !== undefined && <LeftOut plan={plan} incidentId={plan.incidentId} />}
    </>
  );
}

function OneTarget({ target }: { target: PlanTarget }) {
  return (
    <div className="grid gap-3">
      {target.effects.map((effect) => (
        <EffectView key={effect.sentence} effect={effect} />
      ))}
      <WhatSpeaksForIt target={target} reasonCount={2} />
      {target.warnings.map((warning) => (
        <Warning key={warning} text={warning} />
      ))}
    </div>
  );
}

function SeveralTargets({ targets }: { targets: readonly PlanTarget[] }) {
  const warnings = [...new Set(targets.flatMap((target) => target.warnings))];
  return (
    <div className="grid gap-3">
      <ul className="grid gap-1 text-lg text-strong">
        {sumUp(targets).map(({ reversibility, count }) => (
          <li key={reversibility}>
            On {formatCount(count, "VM")},{" "}
            <strong className={cx("font-semibold", isGrave(reversibility) && "text-hung")}>{comesBackWords(reversibility)}</strong>.
          </li>
        ))}
      </ul>
      <p>A few at a time, each looked at again at its turn. It stops at the first VM that gets worse.</p>
      {/* A list of hundreds would put what arms the plan out of reach. */}
      <details open={targets.length <= MOST_SPREAD_OUT}>
        <summary className="w-fit rounded text-sm hover:text-strong">What happens on each VM</summary>
        <ul aria-label="What happens on each VM" className="mt-2 grid gap-3 border-l-2 border-line pl-3">
          {targets.map((target) => (
            <li key={target.vmId} className="wrap-anywhere">
              <p>
                <span className="font-semibold text-strong">{target.vmName}</span> {target.host}
              </p>
              {target.effects.map((effect) => (
                <ShortEffect key={effect.sentence} sentence={effect.sentence} />
              ))}
              <WhatSpeaksForIt target={target} reasonCount={1} />
            </li>
          ))}
        </ul>
      </details>
      {warnings.map((warning) => (
        <Warning key={warning} text={warning} />
      ))}
    </div>
  );
}

/** How much spoke for each instance when the plan was made: what is cut should be what holds the VM. */
function WhatSpeaksForIt({ target, reasonCount }: { target: PlanTarget; reasonCount: number }) {
  const suspected = target.instances.filter(({ suspicion }) => suspicion !== undefined);
  if (suspected.length === 0 || !isTrouble(target.bindings.healthClass)) return null;
  return (
    <ul aria-label="What speaks for it">
      {suspected.map(({ key, name, suspicion }) => (
        <li key={key} className="text-sm wrap-anywhere">
          {name} holds it: <span className="font-semibold text-strong">{suspicion && SCORE_WORD[suspicion.score]}</span>
          {suspicion && suspicion.reasons.length > 0 && ` · ${suspicion.reasons.slice(0, reasonCount).join(" · ")}`}
        </li>
      ))}
    </ul>
  );
}

/** What happens in its strongest words; in full it is asked for on the page of that VM. */
function ShortEffect({ sentence }: { sentence: string }) {
  const { before, strong } = splitConsequence(sentence);
  return (
    <p className="text-sm" title={sentence}>
      {before}
      <span className="text-strong">{strong}</span>
    </p>
  );
}

function Warning({ text }: { text: string }) {
  return <p className="rounded-lg border border-migration/60 px-3 py-2 text-strong">{text}</p>;
}

/** How many VMs each reversibility is the worst of, the worst first. */
function sumUp(targets: readonly Pick<PlanTarget, "reversibility">[]): { reversibility: Reversibility; count: number }[] {
  return REVERSIBILITIES.toReversed().flatMap((reversibility) => {
    const count = targets.filter((target) => target.reversibility === reversibility).length;
    return count === 0 ? [] : [{ reversibility, count }];
  });
}

/** The exact commands, and what the plan depends on. Of several VMs they are folded away: they differ in names alone. */
export function PlanCommands({ targets }: { targets: readonly PlanTarget[] }) {
  const [only, ...others] = targets;
  if (only && others.length === 0) return <Command target={only} />;
  return (
    <details>
      <summary className="w-fit rounded text-sm hover:text-strong">What is sent to each, exactly and once</summary>
      <div className="mt-2 grid gap-3">
        {targets.map((target) => (
          <Command key={target.vmId} target={target} />
        ))}
      </div>
    </details>
  );
}

function Command({ target }: { target: PlanTarget }) {
  return (
    <div>
      <p className="mb-1 text-sm">
        Sent {target.lane === "oob" ? "out of band" : "in-band"} to {target.vmName} on {target.host}, exactly this and once:
      </p>
      <CodeBlock text={qmpText(target.command)} copyLabel={`Copy the QMP command for ${target.vmName}`} />
      <p className="mt-1 text-xs text-quiet">{voidsWords(target)}</p>
    </div>
  );
}

/** On one line that breaks at its spaces. */
function qmpText(command: PlanTarget["command"]): string {
  return JSON.stringify(command, null, 1).replaceAll(/(,?)\n\s*/g, (_, comma: string) => (comma === "" ? "" : ", "));
}

/** What the plan depends on. */
function voidsWords({ bindings }: PlanTarget): string {
  const parts = ["the process", "the verdict"];
  if (bindings.instances.length > 0) parts.push("what it serves or where it leads");
  if (bindings.migration) parts.push(`the migration's status (${bindings.migration.status})`);
  return `Void as soon as one of these changes: ${parts.join(", ")}. Nothing is sent then.`;
}
