import "server-only";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { API_PREFIX } from "#lib/api/prefix";
import type { Problem } from "#lib/api/problem";

/** What the hub publishes to its pages: its API's own `fetch`, the same door as everybody's. */
type HubFetch = (request: Request) => Promise<Response>;

/** `no-hub`: the pages run without their hub, so nothing can be said of any VM. */
export type HubAnswer<T> = { ok: true; data: T; atMs: number } | { ok: false; status: number; code: string; detail: string };

/** What of the visitor's request the API judges by. */
const PASSED_ON = ["cookie", "authorization", "host", "x-forwarded-for", "x-real-ip", "user-agent"];

/**
 * Asks the hub on behalf of the visitor. Sends whoever is not signed in to the page that says how.
 * @param path below the API's prefix, with its query.
 */
export async function askHub<T>(path: string): Promise<HubAnswer<T>> {
  const hubFetch = publishedFetch();
  if (!hubFetch) {
    return {
      ok: false,
      status: 503,
      code: "no-hub",
      detail: "These pages run without their hub. Start it with ./ripcord serve or ./ripcord demo",
    };
  }
  const visitor = await headers();
  const passed = new Headers({ accept: "application/json" });
  for (const name of PASSED_ON) {
    const value = visitor.get(name);
    if (value !== null) passed.set(name, value);
  }
  const response = await hubFetch(new Request(`http://${visitor.get("host") ?? "localhost"}${API_PREFIX}${path}`, { headers: passed }));
  if (response.status === 401) redirect("/login");
  if (response.ok) return { ok: true, data: (await response.json()) as T, atMs: Date.now() };
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
  return {
    ok: false,
    status: response.status,
    code: problem?.code ?? "internal",
    detail: problem?.detail ?? `The hub answered ${response.status}`,
  };
}

function publishedFetch(): HubFetch | undefined {
  const published: unknown = Reflect.get(globalThis, Symbol.for("ripcord.api"));
  return isHubFetch(published) ? published : undefined;
}

function isHubFetch(value: unknown): value is HubFetch {
  return typeof value === "function";
}
