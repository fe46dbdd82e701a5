const AGE = /(for at least |for )?(\d+(?:\.\d+)?) (ms|s)( ago)?(?![\w/])/g;
/** Few, so that what says no more than "still" is not told anew every few seconds. */
const STEPS_S = [1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400] as const;

/**
 * A reason for a row of the fleet: its ages are rounded down to few steps and said to be at least that, so that they stay
 * true while the row stays as it is, and the row changes seldom for an age alone. The VM's own page has the exact words.
 */
export function steadyReason(reason: string): string {
  return reason.replace(AGE, (whole, before: string | undefined, count: string, unit: string, ago: string | undefined) => {
    const seconds = unit === "ms" ? Number(count) / 1_000 : Number(count);
    const step = STEPS_S.findLast((each) => each <= seconds);
    if (ago !== undefined) return step === undefined ? "just now" : `over ${stepWords(step)} ago`;
    if (before !== undefined) return step === undefined ? "for a moment" : `for at least ${stepWords(step)}`;
    return whole;
  });
}

function stepWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3_600 ? `${seconds / 60} min` : `${seconds / 3_600} h`;
}
