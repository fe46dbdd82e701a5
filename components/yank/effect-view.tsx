import type { Effect } from "#lib/yank/plan";
import { cx } from "../ui/cx.ts";
import { isGrave, reversibilityWords, splitConsequence } from "./consequence.ts";

/** What happens, its strongest words first seen, and whether it comes back. */
export function EffectView({ effect }: { effect: Effect }) {
  const { before, strong, after } = splitConsequence(effect.sentence);
  return (
    <div>
      <p className="text-lg text-strong">
        {before}
        <strong className={cx("font-semibold", isGrave(effect.reversibility) && "text-hung")}>{strong}</strong>
        {after}
      </p>
      <ul className="mt-2 list-disc pl-5 marker:text-quiet">
        <li>
          Comes back: <span className="font-semibold text-strong">{reversibilityWords(effect.reversibility)}</span>
        </li>
        {effect.details.map((detail) => (
          <li key={detail}>{detail}</li>
        ))}
      </ul>
    </div>
  );
}
