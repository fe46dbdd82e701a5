import { PROBLEM_CODES, PROBLEM_MEDIA_TYPE } from "#lib/api/problem";
import type { Problem, ProblemCode } from "#lib/api/problem";
import type { ProblemError } from "./problem-error.ts";

export const TITLES: Record<ProblemCode, string> = {
  "bad-request": "The request cannot be understood",
  "not-signed-in": "Not signed in",
  "foreign-origin": "From another site",
  "foreign-host": "Another host's name",
  "not-found": "Not found",
  "method-not-allowed": "Method not allowed",
  "too-large": "Too large",
  "unsupported-media-type": "Not JSON",
  "plan-void": "The plan does not hold any more",
  "plan-expired": "The plan has expired",
  "act-in-progress": "An act is under way",
  "cannot-plan": "Cannot be planned",
  "wrong-name": "The name does not match",
  "not-acknowledged": "What it costs was not acknowledged",
  "invalid-plan-request": "The request contradicts itself",
  "key-reused": "The key belongs to another request",
  "not-recorded": "Not recorded, so not sent",
  "bridge-lost": "The bridge is not connected",
  "not-ready": "Not ready",
  "too-many-streams": "Too many streams",
  internal: "Something went wrong here",
};

/** The one place where an error becomes what a client sees: never a stack, a path or an address. */
export function problemResponse(code: ProblemCode, detail: string, extra: Readonly<Record<string, unknown>> = {}): Response {
  const status = PROBLEM_CODES[code];
  const problem: Problem = { ...extra, type: `urn:ripcord:problem:${code}`, title: TITLES[code], status, code, detail };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store" },
  });
}

export function problemOf(error: ProblemError): Response {
  return problemResponse(error.code, error.message, error.extra);
}
