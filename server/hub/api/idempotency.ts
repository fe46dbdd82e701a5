import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { ProblemError } from "./problem-error.ts";
import { readText } from "./read-body.ts";

export const IDEMPOTENCY_HEADER = "Idempotency-Key";
const KEEP_FOR_MS = 600_000;
const MAX_KEPT = 1_000;
const KEY = /^[\x21-\x7e]{1,128}$/;

interface Kept {
  digest: string;
  atMs: number;
  answer: Promise<{ status: number; body: string; headers: [string, string][] }>;
}

/**
 * The answers to requests that carried a key, so that whoever lost an answer can ask again without doing the thing twice.
 * Kept for ten minutes and not over a restart of the hub; what was refused is not kept.
 */
export class Idempotency {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param scope what the key belongs to: who asks, and for which operation.
   * @throws ProblemError bad-request, key-reused, and what `run` throws.
   */
  async once(request: Request, scope: string, run: (request: Request) => Promise<Response>): Promise<Response> {
    const key = request.headers.get(IDEMPOTENCY_HEADER);
    if (key === null) return run(request);
    if (!KEY.test(key)) throw new ProblemError("bad-request", `${IDEMPOTENCY_HEADER} must be 1 to 128 visible ASCII characters`);
    const text = await readText(request);
    const digest = createHash("sha256").update(text).digest("base64");
    this.#forgetOld();
    const id = JSON.stringify([scope, key]);
    const kept = this.#kept.get(id);
    if (kept) {
      if (kept.digest !== digest) throw new ProblemError("key-reused", `This ${IDEMPOTENCY_HEADER} came with another request before`);
      return responseOf(await kept.answer);
    }
    const again = new Request(request.url, { method: request.method, headers: request.headers, body: text });
    const answer = run(again).then(async (response) => ({
      status: response.status,
      body: await response.text(),
      headers: [...response.headers],
    }));
    this.#kept.set(id, { digest, atMs: this.#clock.monoMs(), answer });
    try {
      return responseOf(await answer);
    } catch (error) {
      this.#kept.delete(id);
      throw error;
    }
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monoMs();
    for (const [id, { atMs }] of this.#kept) {
      if (nowMs - atMs < KEEP_FOR_MS && this.#kept.size < MAX_KEPT) return;
      this.#kept.delete(id);
    }
  }
}

function responseOf({ status, body, headers }: Awaited<Kept["answer"]>): Response {
  return new Response(body, { status, headers });
}
