import { Hono } from "hono";
import type { Context } from "hono";
import type { SettingsView } from "#lib/api/settings";
import type { Log } from "#server/log";
import type { ChainWatch } from "../audit/chain-watch.ts";
import type { Access } from "../auth/access.ts";
import type { SameOrigin } from "../auth/same-origin.ts";
import type { BridgeLinks } from "../bridges/bridge-links.ts";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { IncidentReader } from "../incidents/incident-reader.ts";
import type { Incidents } from "../incidents/incidents.ts";
import { LogLimit } from "../log-limit.ts";
import type { MetricsSource } from "../metrics/metrics-listener.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { ActStore } from "../store/act-store.ts";
import type { Actor, AuditLog } from "../store/audit-log.ts";
import type { EventStore } from "../store/event-store.ts";
import type { YankDesk } from "../yank-desk/yank-desk.ts";
import type { EventStreams } from "./event-streams.ts";
import { Idempotency } from "./idempotency.ts";
import { documentOperations } from "./operations/document-operations.ts";
import { hubOperations } from "./operations/hub-operations.ts";
import { actOperations } from "./operations/act-operations.ts";
import { fleetOperations } from "./operations/fleet-operations.ts";
import { streamOperation } from "./operations/stream-operation.ts";
import { incidentOperations } from "./operations/incident-operations.ts";
import { notifyOperations } from "./operations/notify-operations.ts";
import type { Operation } from "./operation.ts";
import { ProblemError } from "./problem-error.ts";
import { problemOf, problemResponse } from "./problems.ts";

export interface ApiOptions {
  fleet: Fleet;
  desk: YankDesk;
  acts: ActStore;
  events: EventStore;
  audit: AuditLog;
  chain: Pick<ChainWatch, "state">;
  links: Pick<BridgeLinks, "dismiss">;
  incidents: Incidents;
  incidentReader: IncidentReader;
  access: Access;
  sameOrigin: SameOrigin;
  clock: Clock;
  log: Log;
  streams: EventStreams;
  /** Makes every socket and stream that the session's cookie let in show it again. */
  endSessions(): void;
  /** The effective configuration, for people to read. */
  settings: SettingsView;
  notifier: Pick<Notifier, "statuses" | "test">;
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

export type ApiFetch = (request: Request, environment?: ApiEnvironment) => Promise<Response>;

/** The HTTP API: the same door for the screen, scripts and the command line, and the one place that authorises. */
export function createApi(options: ApiOptions): ApiFetch {
  const { access, sameOrigin, clock, log } = options;
  const app = new Hono<{ Bindings: ApiEnvironment }>();
  const operations = allOperations(options);
  const idempotency = new Idempotency(clock);
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

  // A path is open where nothing at it asks who one is.
  const isClosed = new Set(operations.flatMap((operation) => (operation.isPublic ? [] : operation.path)));
  const isPublic = new Set(operations.flatMap(({ path }) => (isClosed.has(path) ? [] : path)));
  app.use(async (context, next) => {
    const { headers } = context.req.raw;
    if (
      !isPublic.has(context.req.path) &&
      !access.permits({ cookie: headers.get("cookie"), authorization: headers.get("authorization") })
    ) {
      throw new ProblemError("not-signed-in", "Open the URL that Ripcord printed when it started, or send its token as a Bearer");
    }
    await next();
  });

  for (const [path, atPath] of Map.groupBy(operations, (operation) => operation.path)) {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
    for (const { method, run, takesKey } of atPath) {
      app.on(method, pattern, (context) => {
        const actor = actorOf(context);
        const answer = (request: Request) => run({ request, actor, param: (name) => context.req.param(name) ?? "" });
        const scope = `${actor.who} ${method} ${context.req.path}`;
        return takesKey ? idempotency.once(context.req.raw, scope, answer) : answer(context.req.raw);
      });
    }
    const allowed = atPath.map(({ method }) => method as string);
    app.all(pattern, () => {
      const response = problemResponse("method-not-allowed", `Only ${allowed.join(" and ")} can be used here`);
      response.headers.set("allow", [...allowed, ...(allowed.includes("GET") ? ["HEAD"] : [])].join(", "));
      return response;
    });
  }

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

/** The one table of what can be asked. */
function allOperations(options: ApiOptions): Operation[] {
  const operations = [
    ...fleetOperations(options),
    streamOperation(options),
    ...actOperations(options),
    ...incidentOperations(options),
    ...hubOperations(options),
    ...notifyOperations(options),
  ];
  return [...operations, ...documentOperations(operations, options.settings.version)];
}

function actorOf(context: ApiContext): Actor {
  // `env` is what the caller of `fetch` passed, if anything.
  const from = context.env.incoming?.socket?.remoteAddress;
  return { who: from === undefined ? "local operator" : `local operator (${from})`, ...(from === undefined ? {} : { from }) };
}
