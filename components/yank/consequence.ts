import { assertNever } from "#lib/assert-never";
import type { Reversibility } from "#lib/yank/plan";

/** A sentence of effect in three parts, of which `strong` is the one that must not be overlooked. */
export interface Consequence {
  before: string;
  strong: string;
  after: string;
}

/**
 * Finds the strongest words of a plan's sentence. The plan writes "what happens: why", "what is so; what follows", or
 * "what happens, and what goes on"; a sentence of another form is strong as a whole.
 */
export function splitConsequence(sentence: string): Consequence {
  const colon = sentence.search(/:\s/);
  if (colon > 0) return { before: "", strong: sentence.slice(0, colon), after: sentence.slice(colon) };
  const semicolon = sentence.indexOf("; ");
  if (semicolon > 0) return { before: sentence.slice(0, semicolon + 2), strong: sentence.slice(semicolon + 2), after: "" };
  const goesOn = sentence.search(/, (and|but) /);
  if (goesOn > 0) return { before: "", strong: sentence.slice(0, goesOn), after: sentence.slice(goesOn) };
  return { before: "", strong: sentence, after: "" };
}

/** Whether what is cut comes back, in words that follow "Comes back:". */
export function reversibilityWords(reversibility: Reversibility): string {
  switch (reversibility) {
    case "nothing":
      return "nothing is cut";
    case "comes-back":
      return "by itself";
    case "stays-down":
      return "once somebody reconnects it";
    case "ends":
      return "no, it has to be started again";
    case "one-way":
      return "never in this QEMU process";
    case "loses-state":
      return "no, and the guest's state may be lost";
    case "unknown":
      return "not known";
    default:
      return assertNever(reversibility);
  }
}

/** The same as a sentence about what is cut, for several VMs at once. */
export function comesBackWords(reversibility: Reversibility): string {
  switch (reversibility) {
    case "nothing":
      return "nothing is cut";
    case "comes-back":
      return "what is cut comes back by itself";
    case "stays-down":
      return "what is cut stays down until somebody reconnects it";
    case "ends":
      return "what is cut has to be started again";
    case "one-way":
      return "what is cut never comes back in this QEMU process";
    case "loses-state":
      return "the guest's state may be lost for good";
    case "unknown":
      return "it is not known whether what is cut comes back";
    default:
      return assertNever(reversibility);
  }
}

/** Whether the words deserve the colour of trouble: something does not come back by itself. */
export function isGrave(reversibility: Reversibility): boolean {
  return reversibility === "one-way" || reversibility === "loses-state" || reversibility === "unknown" || reversibility === "stays-down";
}
