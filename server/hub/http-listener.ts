import { createServer } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { REALTIME_PATH } from "#lib/link/contract";
import type { ApiFetch } from "./api/api.ts";
import { problemResponse } from "./api/problems.ts";
import { setSecurityHeaders } from "./api/security-headers.ts";
import type { SameOrigin } from "./auth/same-origin.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** Answers what is not the API: the pages. */
export type WebHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The one server of the hub, with limits on how long and how large a request may be. Not yet listening. */
export function createHttpServer(): HttpServer {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  });
  return server;
}

export interface ListenerOptions {
  api: ApiFetch;
  sameOrigin: SameOrigin;
  /** Absent: there are no pages, only the API. */
  web?: WebHandler;
  isDevelopment: boolean;
}

/** Sends `/api/*`, `/metrics`, `/healthz` and `/readyz` to the API and everything else to the pages. */
export function createListener({ api, sameOrigin, web, isDevelopment }: ListenerOptions) {
  const listenApi = getRequestListener((request, environment) => api(request, environment), { overrideGlobalObjects: false });
  const refusing = (...problem: Parameters<typeof problemResponse>) =>
    getRequestListener(() => problemResponse(...problem), { overrideGlobalObjects: false });
  const refuseHost = refusing("foreign-host", "This hub answers to loopback names and its own port only");
  const refuseTarget = refusing("bad-request", "The request's target must be a path that begins with / and decodes as UTF-8");
  return (request: IncomingMessage, response: ServerResponse): void => {
    setSecurityHeaders(response, isDevelopment);
    if (!sameOrigin.isOwnHost(request.headers.host)) return void refuseHost(request, response);
    if (!isReadablePath(request.url ?? "")) return void refuseTarget(request, response);
    if (web === undefined || isApiPath(request.url ?? "/")) return void listenApi(request, response);
    web(request, response).catch(() => {
      if (!response.headersSent) response.statusCode = 500;
      response.end();
    });
    return undefined;
  };
}

/**
 * Turns away upgrades to anything but the realtime path, which nobody would ever answer. `isDevelopment` leaves Next's own,
 * for its hot reload.
 */
export function refuseOtherUpgrades(server: HttpServer, isDevelopment: boolean): void {
  server.on("upgrade", (request, socket) => {
    const url = request.url ?? "/";
    if (url.startsWith(`${REALTIME_PATH}/`) || (isDevelopment && url.startsWith("/_next/"))) return;
    socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
}

/** Next answers any other target with an error of its own, as if it were the hub's fault. */
function isReadablePath(target: string): boolean {
  if (!target.startsWith("/")) return false;
  try {
    decodeURIComponent(target.split("?", 1)[0] ?? "");
    return true;
  } catch {
    return false;
  }
}

function isApiPath(url: string): boolean {
  const path = url.split("?", 1)[0] ?? "/";
  return path === "/api" || path.startsWith("/api/") || path === "/healthz" || path === "/metrics" || path === "/readyz";
}
