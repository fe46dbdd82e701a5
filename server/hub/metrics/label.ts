import { plainLine } from "../plain-line.ts";

const MAX_LABEL = 128;

/** Text from elsewhere as a label's value. What the format itself needs escaped is escaped where it is rendered. */
export function labelText(text: string): string {
  return plainLine(text, MAX_LABEL);
}
