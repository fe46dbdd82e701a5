import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";
import {
  actRequestSchema,
  API_PREFIX,
  pageQuerySchema,
  planRequestSchema,
  sessionRequestSchema,
  vmIdSchema,
  vmsQuerySchema,
} from "#lib/api/requests";
import type { SettingsView } from "#lib/api/settings";
import type { VmSummary } from "#lib/api/vm";
import type { AuditEvent } from "#lib/audit/events";
import type { Log } from "#server/log";
import type { Access } from "../auth/access.ts";
import type { SameOrigin } from "../auth/same-origin.ts";
import { BridgeLostError } from "../bridges/bridge-links.ts";
import type { BridgeLinks } from "../bridges/bridge-links.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { IncidentReader } from "../incidents/incident-reader.ts";
import type { Incidents } from "../incidents/incidents.ts";
import { LogLimit } from "../log-limit.ts";
import type { ActStore } from "../store/act-store.ts";
import type { Actor, AuditLog } from "../store/audit-log.ts";
import type { EventStore } from "../store/event-store.ts";
import type { MetricsSource } from "../metrics/metrics-listener.ts";
import { NoteLimit } from "../store/note-limit.ts";
import type { YankDesk } from "../yank-desk/yank-desk.ts";
import { incidentRoutes } from "./incident-routes.ts";
import { ProblemError } from "./problem-error.ts";
import { problemOf, problemResponse } from "./problems.ts";
import { readBody, readQuery } from "./read-body.ts";
import { chooseEncoding, encode, SnapshotCache } from "./snapshot-cache.ts";

export interface ApiOptions {
  fleet: Fleet;
  desk: YankDesk;
  acts: ActStore;
  events: EventStore;
  audit: AuditLog;
  links: Pick<BridgeLinks, "dismiss">;
  incidents: Incidents;
  incidentReader: IncidentReader;
  access: Access;
  sameOrigin: SameOrigin;
  clock: Clock;
  log: Log;
  /** Makes every socket that the session's cookie let in show it again. */
  endSessions(): void;
  /** The effective configuration, for people to read. */
  settings: SettingsView;
  /** What Prometheus scrapes. */
  metrics: MetricsSource;
  /** Why this hub cannot serve yet, or no longer; undefined while it can. */
  notReady(): string | undefined;
}

const MAX_LOGGED_PATH = 256;

/** What the Node listener adds to a request; absent where a page calls from within the process. */
export interface ApiEnvironment {
  incoming?: { socket?: { remoteAddress?: string } };
}
type ApiContext = Context<{ Bindings: ApiEnvironment }>;
type Handler = (context: ApiContext) => Response | Promise<Response>;
type Method = "GET" | "POST" | "DELETE";

export type ApiFetch = (request: Request, environment?: ApiEnvironment) => Promise<Response>;

const actsQuerySchema = z.object({ vmId: vmIdSchema.optional(), limit: z.coerce.number().int().min(1).max(200).default(50) });

/** The HTTP API: the same door for the screen, scripts and the command line, and the one place that authorises. */
export function createApi(options: ApiOptions): ApiFetch {
  const { fleet, desk, acts, events, audit, links, access, sameOrigin, clock, log } = options;
  const app = new Hono<{ Bindings: ApiEnvironment }>();
  const snapshots = new SnapshotCache(fleet, clock);
  const refusals = new NoteLimit();
  const logged = new LogLimit();

  app.use(async (context, next) => {
    const { headers, method } = context.req.raw;
    if (!sameOrigin.isOwnHost(headers.get("host") ?? new URL(context.req.url).host)) {
      throw new ProblemError("foreign-host", "This hub answers to loopback names and its own port only");
    }
    const isSafe = method === "GET" || method === "HEAD";
    if (!(isSafe ? sameOrigin.isOwnOrigin(headers.get("origin")) : sameOrigin.isOwnUnsafeRequest(headers))) {
      throw new ProblemError("foreign-origin", "This request comes from a page of another site");
    }
    await next();
  });

  /** A full disk must not keep anybody from looking. */
  const note = async (actor: Actor, event: AuditEvent) => {
    await audit
      .append(actor, event)
      .catch((error: unknown) => log.error({ err: error, type: event.type }, "the audit could not be written"));
  };

  const isPublic = (path: string) => path === "/healthz" || path === "/readyz" || path === `${API_PREFIX}/session`;
  app.use(async (context, next) => {
    const { headers } = context.req.raw;
    if (!isPublic(context.req.path) && !access.permits({ cookie: headers.get("cookie"), authorization: headers.get("authorization") })) {
      throw new ProblemError("not-signed-in", "Open the URL that Ripcord printed when it started, or send its token as a Bearer");
    }
    await next();
  });

  const route = (path: string, handlers: Partial<Record<Method, Handler>>) => {
    for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
    const allowed = Object.keys(handlers);
    app.all(path, () => {
      const response = problemResponse("method-not-allowed", `Only ${allowed.join(" and ")} can be used here`);
      response.headers.set("allow", [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : [])].join(", "));
      return response;
    });
  };

  route("/healthz", { GET: () => json({ status: "ok" }) });
  route("/readyz", {
    GET: () => {
      const reason = options.notReady();
      return reason === undefined ? json({ status: "ready" }) : problemResponse("not-ready", reason);
    },
  });

  route("/metrics", {
    GET: async () => {
      const { contentType } = options.metrics;
      return new Response(await options.metrics.render(), { headers: { "content-type": contentType, "cache-control": "no-store" } });
    },
  });

  route(`${API_PREFIX}/vms`, {
    GET: async (context) => {
      const { verdict, q, bridge } = readQuery(context.req.raw, vmsQuerySchema);
      const encoding = chooseEncoding(context.req.header("accept-encoding") ?? null);
      const isWhole = verdict === undefined && q === undefined && bridge === undefined;
      const encoded = isWhole
        ? await snapshots.get(encoding)
        : await encode(fleet.snapshotJson(rowFilter({ verdict, q, bridge })), encoding);
      const headers: Record<string, string> = { "content-type": "application/json", "cache-control": "no-store", vary: "accept-encoding" };
      if (encoded.encoding !== "identity") headers["content-encoding"] = encoded.encoding;
      return new Response(encoded.body, { headers });
    },
  });
  route(`${API_PREFIX}/vms/:vmId`, {
    GET: async (context) => {
      const vmId = vmIdOf(context);
      const vm = fleet.detail(vmId) ?? (await events.ended(vmId));
      if (!vm) throw new ProblemError("not-found", "There is no VM by this id, and none ended within the last 24 hours");
      return json({ epoch: fleet.epoch, revision: fleet.revision, serverTimeMs: clock.nowMs(), ...vm });
    },
  });
  route(`${API_PREFIX}/vms/:vmId/dismiss`, {
    POST: async (context) => {
      const vmId = vmIdOf(context);
      const bridgeId = fleet.bridgeIdOf(vmId);
      if (bridgeId === undefined) throw new ProblemError("not-found", "There is no VM by this id");
      try {
        return json({ ok: await links.dismiss(bridgeId, vmId) });
      } catch (error) {
        if (error instanceof BridgeLostError)
          throw new ProblemError("bridge-lost", "The bridge of this VM is not connected", {}, { cause: error });
        throw error;
      }
    },
  });

  route(`${API_PREFIX}/plans`, {
    POST: async (context) => json(await desk.plan(await readBody(context.req.raw, planRequestSchema), actorOf(context)), 201),
  });
  route(`${API_PREFIX}/acts`, {
    GET: async (context) => {
      const { vmId, limit } = readQuery(context.req.raw, actsQuerySchema);
      return json({ acts: await acts.recent(limit, vmId) });
    },
    POST: async (context) => json(await desk.confirm(await readBody(context.req.raw, actRequestSchema), actorOf(context)), 202),
  });
  route(`${API_PREFIX}/acts/:actId`, {
    GET: async (context) => {
      const act = await desk.act(context.req.param("actId") ?? "");
      if (!act) throw new ProblemError("not-found", "There is no act by this id");
      return json(act);
    },
  });

  const ofIncidents = incidentRoutes({ incidents: options.incidents, reader: options.incidentReader, clock });
  for (const [path, answers] of Object.entries(ofIncidents)) {
    const handlers = Object.entries(answers).map(([method, answer]): [string, Handler] => [
      method,
      (context) => answer({ request: context.req.raw, actor: actorOf(context), param: (name) => context.req.param(name) ?? "" }),
    ]);
    route(path, Object.fromEntries(handlers));
  }
  route(`${API_PREFIX}/events`, {
    GET: async (context) => json({ events: await events.page(readQuery(context.req.raw, pageQuerySchema)) }),
  });
  route(`${API_PREFIX}/audit`, { GET: async (context) => json({ rows: await audit.page(readQuery(context.req.raw, pageQuerySchema)) }) });
  route(`${API_PREFIX}/settings`, { GET: () => json(options.settings) });
  route(`${API_PREFIX}/bridges`, { GET: () => json({ serverTimeMs: clock.nowMs(), bridges: fleet.bridges() }) });

  route(`${API_PREFIX}/session`, {
    POST: async (context) => {
      const { token } = await readBody(context.req.raw, sessionRequestSchema);
      if (access.isOpen) return json({ ok: true });
      if (!access.isTokenRight(token)) {
        if (refusals.admit(clock.nowMs())) await note(actorOf(context), { type: "session-refused" });
        throw new ProblemError("not-signed-in", "This is not the access token of this hub");
      }
      await note(actorOf(context), { type: "session-opened" });
      const response = json({ ok: true });
      response.headers.set("set-cookie", access.setCookie());
      return response;
    },
    DELETE: (context) => {
      // Who has no session ends none.
      if (!access.isOpen && access.permits({ cookie: context.req.header("cookie") })) options.endSessions();
      const response = new Response(null, { status: 204 });
      response.headers.set("set-cookie", access.clearCookie());
      return response;
    },
  });

  app.notFound((context) => problemResponse("not-found", `There is nothing at ${context.req.path}`));
  app.onError((error, context) => {
    const code = error instanceof ProblemError ? error.code : "internal";
    const admitted = logged.admit(code, clock.nowMs());
    const details = { code, path: context.req.path.slice(0, MAX_LOGGED_PATH), ...admitted };
    if (error instanceof ProblemError) {
      // A client's mistake has no stack worth reading; the hub's own trouble has.
      if (admitted && error.status < 500) log.info(details, error.message.slice(0, MAX_LOGGED_PATH));
      else if (admitted) log.warn({ ...details, err: error.cause }, error.message);
      return problemOf(error);
    }
    if (admitted) log.error({ ...details, error: error.stack ?? String(error) }, "a request failed");
    return problemResponse("internal", "The hub could not answer; its log says why");
  });

  return async (request, environment = {}) => app.fetch(request, environment);
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

function vmIdOf(context: ApiContext): string {
  const parsed = vmIdSchema.safeParse(context.req.param("vmId"));
  if (!parsed.success) throw new ProblemError("not-found", "There is no VM by this id");
  return parsed.data;
}

function actorOf(context: ApiContext): Actor {
  // `env` is what the caller of `fetch` passed, if anything.
  const from = context.env.incoming?.socket?.remoteAddress;
  return { who: from === undefined ? "local operator" : `local operator (${from})`, ...(from === undefined ? {} : { from }) };
}

function rowFilter({ verdict, q, bridge }: { verdict?: string; q?: string; bridge?: string }): (row: VmSummary) => boolean {
  const words = (q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return (row) => {
    if (verdict !== undefined && row.health.kind !== verdict) return false;
    if (bridge !== undefined && row.bridgeId !== bridge) return false;
    const text = [row.name, row.host, row.address, row.vmId, row.launcher, ...row.tags].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
