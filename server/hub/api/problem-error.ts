import { PROBLEM_CODES } from "#lib/api/problem";
import type { ProblemCode } from "#lib/api/problem";

/** Something a client has to be told: becomes a problem document at the API's edge, and nothing else of it is told. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  readonly extra: Readonly<Record<string, unknown>>;

  /** @param detail what was wrong and what to do, for people; without a full stop. */
  constructor(code: ProblemCode, detail: string, extra: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return PROBLEM_CODES[this.code];
  }
}
