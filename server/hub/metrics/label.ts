const MAX_LABEL = 128;

/**
 * Text from elsewhere as a label's value: bounded, one line, well-formed. What the format itself needs escaped (quotes,
 * backslashes) is escaped where it is rendered.
 */
export function labelText(text: string): string {
  const plain = text
    .slice(0, MAX_LABEL * 2)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
  // By code points, so that nothing is cut in half.
  const points = Array.from(plain);
  return points.length <= MAX_LABEL ? plain : `${points.slice(0, MAX_LABEL - 1).join("")}…`;
}
