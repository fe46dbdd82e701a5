/** Text from elsewhere as one bounded, well-formed line: what controls a terminal, a line or a direction is replaced. */
export function plainLine(text: string, maxCharacters: number): string {
  const plain = text
    .slice(0, maxCharacters * 2)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
  // By code points, so that nothing is cut in half.
  const points = Array.from(plain);
  return points.length <= maxCharacters ? plain : `${points.slice(0, maxCharacters - 1).join("")}…`;
}
