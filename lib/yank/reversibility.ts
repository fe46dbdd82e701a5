import { REVERSIBILITIES } from "./plan.ts";
import type { Reversibility } from "./plan.ts";

/** The worst of several, in the order of `REVERSIBILITIES`; of none, "nothing". */
export function worstReversibility(all: readonly Reversibility[]): Reversibility {
  return all.reduce<Reversibility>((worst, next) => (rank(next) > rank(worst) ? next : worst), "nothing");
}

function rank(reversibility: Reversibility): number {
  return REVERSIBILITIES.indexOf(reversibility);
}
