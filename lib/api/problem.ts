/**
 * A problem document (RFC 9457). `code` is stable and for programs; `detail` names what was wrong and what to do and
 * is for people. Extra members depend on the code.
 */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  [extra: string]: unknown;
}

export const PROBLEM_CODES = {
  "bad-request": 400,
  "not-signed-in": 401,
  "foreign-origin": 403,
  "foreign-host": 421,
  "not-found": 404,
  "method-not-allowed": 405,
  "too-large": 413,
  "unsupported-media-type": 415,
  /** The plan's bindings changed; `void` says which. */
  "plan-void": 409,
  "plan-expired": 409,
  /** Another act on this VM is under way; `act` says who and since when. */
  "act-in-progress": 409,
  /** The VM cannot be acted on as it is; `reasons` per instance. */
  "cannot-plan": 422,
  "wrong-name": 422,
  /** The plan asks for more than a name: `acknowledge` says what has to be acknowledged. */
  "not-acknowledged": 422,
  "invalid-plan-request": 422,
  /** An `Idempotency-Key` that came with another body before. */
  "key-reused": 422,
  /** The intent could not be written to the audit, so nothing was sent. */
  "not-recorded": 503,
  "bridge-lost": 503,
  "not-ready": 503,
  /** As many event streams as this hub holds are open. */
  "too-many-streams": 503,
  internal: 500,
} as const;
export type ProblemCode = keyof typeof PROBLEM_CODES;

export const PROBLEM_MEDIA_TYPE = "application/problem+json";
