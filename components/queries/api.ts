import { API_PREFIX } from "#lib/api/prefix";
import type { Problem } from "#lib/api/problem";

/** A request to the hub that did not succeed. `problem` is absent where no answer arrived or it was not ours. */
export class ApiError extends Error {
  readonly status: number | undefined;
  readonly problem: Problem | undefined;

  constructor(message: string, options: { status?: number; problem?: Problem; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "ApiError";
    this.status = options.status;
    this.problem = options.problem;
  }
}

const REQUEST_TIMEOUT_MS = 20_000;

/** @throws ApiError with the problem document where there is one. */
export async function apiGet<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, { method: "GET", signal });
}

/**
 * Sends once, now or not at all: a browser that knows itself offline does not even try, and nothing is kept for later.
 * @throws ApiError; without a `status` nobody knows whether the hub got it.
 */
export async function apiPost<T>(path: string, body: unknown): Promise<T> {
  if (!navigator.onLine) throw new ApiError("This browser is offline: nothing was sent", { status: 0 });
  return request<T>(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

/** As `apiPost`: now or not at all. @throws ApiError */
export async function apiDelete<T>(path: string): Promise<T> {
  if (!navigator.onLine) throw new ApiError("This browser is offline: nothing was sent", { status: 0 });
  return request<T>(path, { method: "DELETE" });
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  try {
    response = await fetch(`${API_PREFIX}${path}`, { ...init, signal, cache: "no-store" });
  } catch (error) {
    throw new ApiError("The hub did not answer", { cause: error });
  }
  const body = await readJson(response);
  if (response.ok) return body as T;
  // Not on the page that signs in: there the refusal is the answer.
  if (response.status === 401 && location.pathname !== "/login") location.assign("/login");
  const problem = isProblem(body) ? body : undefined;
  throw new ApiError(problem?.detail ?? `The hub answered ${response.status}`, { status: response.status, problem });
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  try {
    return await response.json();
  } catch (error) {
    throw new ApiError("The hub's answer could not be read", { status: response.ok ? undefined : response.status, cause: error });
  }
}

/** Whether the body is a problem document of the hub. */
function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body && typeof body.detail === "string";
}
