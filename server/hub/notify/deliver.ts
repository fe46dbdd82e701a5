import { createHmac } from "node:crypto";

const MAX_RETRY_AFTER_MS = 15 * 60_000;

export interface Delivery {
  url: string;
  method: "GET" | "POST";
  body?: string;
  headers?: Record<string, string>;
  timeoutMs: number;
  /** Cuts it short. */
  closing?: AbortSignal;
}

/**
 * `retry`: it may go through later. `refused`: the receiver read it and will never take it. What is told of an address is
 * never more than its origin: paths of chat tools are secrets.
 */
export type Outcome =
  { kind: "delivered"; status: number } | { kind: "retry"; reason: string; afterMs?: number } | { kind: "refused"; reason: string };

/** One request. Follows no redirect: an address that the config does not name gets nothing. Never throws. */
export async function deliver({ url, method, body, headers, timeoutMs, closing }: Delivery): Promise<Outcome> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = closing === undefined ? timeout : AbortSignal.any([timeout, closing]);
  let response: Response;
  try {
    response = await fetch(url, { method, body, headers, redirect: "manual", signal });
  } catch (error) {
    return { kind: "retry", reason: reasonOf(error, timeoutMs) };
  }
  // Its body may never end, and says nothing that is needed.
  response.body?.cancel().catch(() => undefined);
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "delivered", status };
  if (status === 400 || status === 413 || status === 422) return { kind: "refused", reason: `answered ${status}` };
  const afterMs = Number(response.headers.get("retry-after") ?? Number.NaN) * 1_000;
  return { kind: "retry", reason: `answered ${status}`, ...(afterMs > 0 ? { afterMs: Math.min(afterMs, MAX_RETRY_AFTER_MS) } : {}) };
}

/**
 * What a receiver checks: `X-Ripcord-Signature` is "v1=" and the hex HMAC-SHA256, by the shared secret, of the timestamp
 * (Unix seconds, as in its header), a dot, and the body as it was sent. An old timestamp is a replay.
 */
export function signatureHeaders(secret: string, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return { "x-ripcord-timestamp": timestamp, "x-ripcord-signature": `v1=${signature}` };
}

/** After so many failures: 1, 2, 4 s and so on up to five minutes, a quarter of it by chance. */
export function backoffMs(failures: number, random: () => number): number {
  const base = Math.min(300_000, 1_000 * 2 ** Math.min(failures - 1, 20));
  return base * (0.875 + random() * 0.25);
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${timeoutMs / 1_000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  // Only the system's code: messages may hold the address.
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return code === undefined ? "could not be reached" : `could not be reached (${code})`;
}
