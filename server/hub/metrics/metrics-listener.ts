import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SameOrigin } from "../auth/same-origin.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 8 * 1024;

export interface MetricsSource {
  contentType: string;
  render(): Promise<string>;
}

/**
 * `/metrics` on a port of its own, without a token: for a Prometheus on this machine that is to know no secret. The config
 * allows loopback only. @throws what the listening socket says
 */
export async function listenForMetrics(
  { host, port }: { host: string; port: number },
  metrics: MetricsSource,
): Promise<{ port: number; close(): Promise<void> }> {
  const sameOrigin = new SameOrigin(host);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      const end = (status: number, text: string, contentType = "text/plain; charset=utf-8") =>
        void response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(text);
      if (!sameOrigin.isOwnHost(request.headers.host)) return end(421, "This port answers to loopback names only\n");
      if (request.url?.split("?", 1)[0] !== "/metrics") return end(404, "There is only /metrics here\n");
      if (request.method !== "GET" && request.method !== "HEAD") return end(405, "Only GET and HEAD can be used here\n");
      metrics.render().then(
        (text) => end(200, text, metrics.contentType),
        () => end(500, "The metrics could not be put together\n"),
      );
    },
  );
  server.listen({ host: host.replace(/^\[|\]$/g, ""), port });
  await once(server, "listening");
  const { port: taken } = server.address() as AddressInfo;
  sameOrigin.usePort(taken);
  return {
    port: taken,
    async close() {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}
