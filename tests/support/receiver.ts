import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  json: Record<string, unknown>;
}

/** A receiver of notifications on loopback, which keeps what it got and answers as the test says. */
export async function startReceiver(answer: (response: ServerResponse, count: number) => void = (response) => void response.end()) {
  const received: Received[] = [];
  const state = { answer };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const json = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
      received.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, text, json });
      state.answer(response, received.length);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, state };
}

export const failing = (status: number) => (response: ServerResponse) => {
  response.statusCode = status;
  response.end();
};
