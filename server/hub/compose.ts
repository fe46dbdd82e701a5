import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Server } from "socket.io";
import { LINK_NAMESPACE, REALTIME_PATH } from "#lib/link/contract";
import { nextSteps } from "#lib/yank/next-steps";
import type { ResolvedConfig } from "#server/config/read-config";
import type { Log } from "#server/log";
import { createApi } from "./api/api.ts";
import type { ApiFetch } from "./api/api.ts";
import { EventStreams } from "./api/event-streams.ts";
import { Access } from "./auth/access.ts";
import { SameOrigin } from "./auth/same-origin.ts";
import { ChainWatch } from "./audit/chain-watch.ts";
import { noteConfig } from "./audit/config-notes.ts";
import { ensureSecret, readSecret } from "./auth/secrets.ts";
import { BridgeLinks } from "./bridges/bridge-links.ts";
import type { LinkNamespace } from "./bridges/bridge-links.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { DeadMan } from "./dead-man/dead-man.ts";
import { notWell } from "./dead-man/wellness.ts";
import { Fleet } from "./fleet/fleet.ts";
import { Gateway } from "./gateway/gateway.ts";
import type { BrowserServer } from "./gateway/gateway.ts";
import { viewSettings } from "./settings-view.ts";
import { createHttpServer, createListener, refuseOtherUpgrades } from "./http-listener.ts";
import type { WebHandler } from "./http-listener.ts";
import { IncidentReader } from "./incidents/incident-reader.ts";
import { Incidents } from "./incidents/incidents.ts";
import { Metrics, SAMPLE_MS } from "./metrics/metrics.ts";
import { listenForMetrics } from "./metrics/metrics-listener.ts";
import { Notifier } from "./notify/notifier.ts";
import { NotifyStore } from "./notify/notify-store.ts";
import { ActStore } from "./store/act-store.ts";
import { AuditLog, HUB_ACTOR } from "./store/audit-log.ts";
import { HeadFile, headFileOf } from "./store/audit-head.ts";
import { EventStore } from "./store/event-store.ts";
import { IncidentStore } from "./store/incident-store.ts";
import { NoteLimit } from "./store/note-limit.ts";
import { openStore } from "./store/open-store.ts";
import { OpenActs } from "./yank-desk/open-acts.ts";
import { RehangWatch } from "./yank-desk/rehang-watch.ts";
import { YankDesk } from "./yank-desk/yank-desk.ts";

/** Where the pages find the API: one function, `fetch(Request)`. They share the process, and no module. */
export const API_SYMBOL = Symbol.for("ripcord.api");
const ACCESS_TOKEN_FILE = "access-token";
export const BRIDGE_TOKEN_FILE = "bridge-token";

const CHECK_PULSES_MS = 500;
const SETTLE_EVENTS_MS = 1_000;
const CHECK_INCIDENTS_MS = 1_000;
const CHECK_OVERDUE_MS = 2_000;
const CHECK_REHANGS_MS = 1_000;
const NOTIFY_MS = 1_000;
const PRUNE_MS = 60_000;
const MAX_REFUSAL = 2_000;
const MAX_SOCKET_MESSAGE_BYTES = 512 * 1024;
const PING_INTERVAL_MS = 5_000;
const PING_TIMEOUT_MS = 10_000;

export interface HubOptions {
  resolved: ResolvedConfig;
  log: Log;
  /** What stands in the audit as this hub's version. */
  version: string;
  /** No access token: only for `demo`, whose VMs are its own. */
  isOpen?: boolean;
  isSimulated?: boolean;
  /** Whether a bridge on this host is expected, under the config's `bridge.id`. */
  hasLocalBridge?: boolean;
  clock?: Clock;
  /** Makes the pages, before anything listens on the server. Absent: only the API is served. */
  prepareWeb?(
    server: ReturnType<typeof createHttpServer>,
  ): Promise<{ handle: WebHandler; isDevelopment: boolean; build?: string; close(): Promise<void> }>;
}

export interface Hub {
  port: number;
  /** Without a path: "http://127.0.0.1:7979". */
  url: string;
  /** What to open: the log-in page with the token in its fragment, or the fleet where there is no token. */
  openUrl: string;
  fleet: Fleet;
  api: ApiFetch;
  /** Where `/metrics` is read without a token, where the config gives it a port of its own. */
  metricsPort?: number;
  /** Puts into the record what the configuration says now, or why it was refused. */
  noteReload(reloaded: ResolvedConfig | { refused: string }): Promise<void>;
  /** Ends everything in order; safe to call twice. The bridges stay. */
  close(): Promise<void>;
}

/**
 * Builds the hub and starts it; resolves when it listens.
 * @throws what the listening socket says (EADDRINUSE), or the store when the data folder cannot be used.
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { resolved, log, version, clock = systemClock } = options;
  const { config, dataDir } = resolved;
  // The parts know each other only through what is handed to them here; what is called before all stand, waits for them.
  let isReady = false;
  const store = await openStore(dataDir, (database) => isReady && metrics.storeFailed(database));
  const audit = await AuditLog.open(store.record, clock, {
    heads: await HeadFile.open(dataDir),
    onHeadFailed: (error) => log.error({ error: String(error) }, "audit-head could not be written"),
  });
  const acts = new ActStore(store.record, audit);
  const events = new EventStore(store.history, clock);
  const madeTokens: ("access" | "bridge")[] = [];
  const token = options.isOpen ? undefined : ensureSecret(join(dataDir, ACCESS_TOKEN_FILE), () => madeTokens.push("access"));
  const access = new Access(token);
  const sameOrigin = new SameOrigin(config.listen.host);
  const localTokenFile = join(dataDir, BRIDGE_TOKEN_FILE);
  ensureSecret(localTokenFile, () => madeTokens.push("bridge"));

  const server = createHttpServer();
  const web = await options.prepareWeb?.(server);
  const io: BrowserServer = new Server({
    path: REALTIME_PATH,
    serveClient: false,
    destroyUpgrade: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: MAX_SOCKET_MESSAGE_BYTES,
    pingInterval: PING_INTERVAL_MS,
    pingTimeout: PING_TIMEOUT_MS,
  });

  const note = (event: Parameters<AuditLog["append"]>[1]) => {
    audit
      .append(HUB_ACTOR, event)
      .catch((error: unknown) => log.error({ error: String(error), type: event.type }, "the audit could not be written"));
  };
  const fleet = new Fleet({
    clock,
    epoch: randomBytes(9).toString("base64url"),
    events: {
      rowsChanged: () => {
        if (!isReady) return;
        gateway.rowsChanged();
        streams.rowsChanged();
      },
      detailsChanged: (vmIds) => {
        if (!isReady) return;
        gateway.detailsChanged(vmIds);
        incidents.vmsChanged(vmIds);
      },
      bridgesChanged: () => isReady && gateway.tick(),
      vmEnded: (detail) => {
        if (isReady) incidents.vmEnded(detail);
        events.saveEnded(detail).catch((error: unknown) => log.error({ error: String(error) }, "an ended VM could not be kept"));
      },
    },
  });
  const incidents = await Incidents.open({
    fleet,
    store: new IncidentStore(store.record, audit),
    audit,
    clock,
    log,
    resolveAfterMs: config.incidents.resolveAfterMs,
    onChanged: (changed) => {
      if (!isReady) return;
      gateway.incidentsChanged(changed);
      streams.incidentsChanged(changed);
      metrics.incidentsChanged(changed);
      notifier.incidentsChanged(changed);
    },
  });
  // Whoever dials with a wrong token does so again and again.
  const refusals = new NoteLimit();
  const links = new BridgeLinks({
    namespace: linkNamespace(io),
    fleet,
    clock,
    log,
    tokenOf: (bridgeId) => {
      if (bridgeId === resolved.bridgeId) return readSecret(localTokenFile);
      const remote = config.bridges.find((bridge) => bridge.id === bridgeId);
      return remote && readSecret(remote.tokenFile);
    },
    events: {
      connected: ({ bridgeId, epoch }) => {
        note({ type: "bridge-connected", bridgeId, epoch });
        openActs.bridgeConnected(bridgeId);
      },
      lost: ({ bridgeId, epoch }) => {
        note({ type: "bridge-lost", bridgeId, epoch });
        openActs.bridgeLost(bridgeId);
      },
      refused: (bridgeId, reason) => {
        fleet.bridgeRefused(bridgeId, reason);
        if (refusals.admit(clock.nowMs())) note({ type: "bridge-refused", bridgeId, reason });
      },
      async facts({ bridgeId, epoch, missedBefore, facts, lastSeq }) {
        if (missedBefore > 0) {
          log.warn({ bridgeId, missedBefore }, "facts were lost while no hub listened");
          fleet.noteBridge(bridgeId, "missed", `${missedBefore} events of its VMs were lost while no hub listened`);
        }
        const { throughSeq, stored } = await events.append({ bridgeId, epoch, facts, lastSeq });
        gateway.eventsStored(stored);
        return { throughSeq };
      },
      progressed: (bridgeId, report) => openActs.progressed(bridgeId, report),
    },
  });
  const openActs = new OpenActs({
    acts,
    links,
    clock,
    log,
    events: {
      actChanged: (act) => {
        rehangs.actChanged(act);
        metrics.actChanged(act);
        gateway.actChanged(act);
        streams.actChanged(act);
      },
      actInProgress: (vmId, act) => fleet.setAct(vmId, act),
    },
    nextSteps: (action, target) => nextSteps(action, target, fleet.reportOf(target.vmId)?.report),
  });
  const rehangs = new RehangWatch({
    acts,
    clock,
    log,
    look: (vmId) => {
      const known = fleet.reportOf(vmId);
      const sinceAtMs = fleet.detail(vmId)?.health.sinceAtMs;
      return known === undefined || known.isLost || sinceAtMs === undefined ? undefined : { report: known.report, sinceAtMs };
    },
    onAmended: (act) => {
      gateway.actChanged(act);
      streams.actChanged(act);
    },
  });
  const desk = new YankDesk({ acts, audit, links, openActs, clock, log, limits: config.desk, find: (vmId) => fleet.reportOf(vmId) });
  const gateway = new Gateway({ io, fleet, access, clock, log, build: web?.build, onWatched: (vmIds) => links.watch(vmIds) });
  const metrics = new Metrics({
    fleet,
    incidents,
    clock,
    version,
    maxVms: config.metrics.maxVms,
    browserCount: () => io.of("/").sockets.size,
    receivers: () => (isReady ? notifier.statuses() : []),
  });
  const streams = new EventStreams(fleet, clock);
  const wellness = () =>
    notWell({
      bridges: () => fleet.bridges(),
      needs: config.deadMan?.bridges ?? "all",
      write: () => store.beat(clock.nowMs()),
    });
  const notifier = await Notifier.open(config.notify, {
    store: new NotifyStore(store.history),
    clock,
    log,
    random: Math.random,
    active: () => incidents.active(),
    find: (incidentId) => incidents.summary(incidentId),
    notWell: wellness,
    instance: resolved.bridgeId,
    onOutcome: (target, outcome) => metrics.notified(target, outcome),
  });
  const deadMan =
    config.deadMan &&
    new DeadMan({ config: config.deadMan, clock, log, notWell: wellness, onOutcome: (outcome) => metrics.notified("dead man", outcome) });
  isReady = true;
  let stopReason: string | undefined = "The hub is starting";
  const incidentReader = new IncidentReader({ incidents, fleet, acts, openAct: (actId) => openActs.get(actId), audit, events, clock });
  const chain = new ChainWatch({
    db: store.record,
    audit,
    headFile: headFileOf(dataDir),
    clock,
    log,
    keepDays: config.audit.keepDays,
    onBroken: ({ text }) => fleet.noteBridge(resolved.bridgeId, "audit", `The record of this hub does not verify: ${text}`),
  });
  const api = createApi({
    fleet,
    incidents,
    incidentReader,
    desk,
    acts,
    events,
    audit,
    chain,
    links,
    access,
    sameOrigin,
    clock,
    log,
    streams,
    endSessions: () => {
      gateway.endSessions();
      streams.endSessions();
    },
    settings: viewSettings({ resolved, version, build: web?.build, startedAtMs: clock.nowMs() }),
    metrics,
    notifier,
    notReady: () => stopReason,
  });

  if (options.hasLocalBridge ?? true) fleet.expectBridge(resolved.bridgeId, resolved.bridgeLabel, options.isSimulated);
  for (const { id } of config.bridges) fleet.expectBridge(id, id);
  await audit.append(
    HUB_ACTOR,
    { type: "hub-started", version },
    ...madeTokens.map((made) => ({ type: "token-created", token: made }) as const),
  );
  await noteConfig(store.record, audit, resolved, "start");
  chain.start();
  await openActs.recover();
  await rehangs.recover();

  // Before socket.io attaches: it takes its own path away from the listeners that it finds.
  server.on("request", createListener({ api, sameOrigin, web: web?.handle, isDevelopment: web?.isDevelopment ?? false }));
  refuseOtherUpgrades(server, web?.isDevelopment ?? false);
  io.attach(server);
  io.engine.use((request: { headers: { host?: string; origin?: string } }, _response: unknown, next: (error?: Error) => void) => {
    const { host, origin } = request.headers;
    next(sameOrigin.isOwnHost(host) && sameOrigin.isOwnOrigin(origin) ? undefined : new Error("foreign host or origin"));
  });
  let metricsPort: { port: number; close(): Promise<void> } | undefined;
  const listening = async () => {
    const { port: own, host } = config.metrics;
    if (own !== undefined) metricsPort = await listenForMetrics({ host, port: own }, metrics);
    return listen(server, config.listen);
  };
  const port = await listening().catch(async (error: unknown) => {
    await metricsPort?.close();
    metrics.close();
    gateway.close();
    streams.close();
    desk.close();
    openActs.close();
    fleet.close();
    await incidents.close();
    await web?.close();
    chain.close();
    await audit.close();
    await store.close();
    throw error;
  });
  access.usePort(port);
  sameOrigin.usePort(port);
  publishApi(api);
  stopReason = undefined;

  const quietly = (work: Promise<unknown>) => {
    work.catch((error: unknown) => log.error({ error: String(error) }, "the history could not be kept up"));
  };
  const stops = [
    clock.every(NOTIFY_MS, () => notifier.tick()),
    clock.every(NOTIFY_MS, () => deadMan?.tick()),
    clock.every(SAMPLE_MS, () => metrics.sample()),
    clock.every(CHECK_PULSES_MS, () => fleet.checkPulses()),
    clock.every(CHECK_INCIDENTS_MS, () => incidents.tick()),
    clock.every(CHECK_OVERDUE_MS, () => openActs.checkOverdue()),
    clock.every(CHECK_REHANGS_MS, () => rehangs.check()),
    clock.every(SETTLE_EVENTS_MS, () => quietly(events.settle().then((stored) => gateway.eventsStored(stored)))),
    clock.every(PRUNE_MS, () => quietly(Promise.all([events.prune(), incidents.prune(), acts.forgetPlans(clock.nowMs() - 3_600_000)]))),
  ];
  const url = `http://${hostInUrl(config.listen.host)}:${port}`;
  let closing: Promise<void> | undefined;
  const close = async () => {
    stopReason = "The hub is stopping";
    for (const stop of stops) stop();
    await deadMan?.close();
    await notifier.close();
    await metricsPort?.close();
    metrics.close();
    gateway.close();
    streams.close();
    desk.close();
    openActs.close();
    fleet.close();
    await incidents.close();
    await audit.append(HUB_ACTOR, { type: "hub-stopped" }).catch(() => undefined);
    server.closeAllConnections();
    await io.close();
    await web?.close();
    chain.close();
    await audit.close();
    await store.close();
  };
  return {
    port,
    url,
    openUrl: token === undefined ? `${url}/` : `${url}/login#${token}`,
    fleet,
    api,
    ...(metricsPort === undefined ? {} : { metricsPort: metricsPort.port }),
    noteReload: (reloaded) =>
      "refused" in reloaded
        ? audit.append(HUB_ACTOR, { type: "config-refused", detail: reloaded.refused.slice(0, MAX_REFUSAL) })
        : noteConfig(store.record, audit, reloaded, "reload"),
    close: () => (closing ??= close()),
  };
}

function publishApi(api: ApiFetch): void {
  Reflect.set(globalThis, API_SYMBOL, (request: Request) => api(request));
}

/** The bridges' namespace lives on the same server and speaks another language than the browsers' one. */
function linkNamespace(io: BrowserServer): LinkNamespace {
  return io.of(LINK_NAMESPACE) as unknown as LinkNamespace;
}

async function listen(server: ReturnType<typeof createHttpServer>, { host, port }: { host: string; port: number }): Promise<number> {
  server.listen({ host: host.replace(/^\[|\]$/g, ""), port });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function hostInUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
