/**
 * What the lab says when it cannot do what was asked of it: a missing tool, a path that is too long, a recipe that did
 * not take. The message is written for the person at the terminal.
 */
export class LabError extends Error {
  override readonly name = "LabError";
}

/** The text of anything that was thrown, for one line on a terminal. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
