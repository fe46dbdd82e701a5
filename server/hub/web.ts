import { existsSync, readFileSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { join } from "node:path";
import next from "next";
import type { WebHandler } from "./http-listener.ts";

export interface WebOptions {
  /** The folder that holds `app` and, where it is built, `.next`. */
  root: string;
  host: string;
  port: number;
  /** Compile pages as they are asked for, and reload them as they change. */
  isDevelopment: boolean;
}

/** The web app has not been built. */
class WebNotBuiltError extends Error {
  override readonly name = "WebNotBuiltError";
  constructor() {
    super("The web app is not built: start through ./ripcord, which builds what is missing, or run next build");
  }
}

/** Which build is served; a page of another one is out of date. */
function readBuildId(root: string): string {
  return readFileSync(join(root, ".next", "BUILD_ID"), "utf8").trim();
}

/** The pages, beside the API on one server. @throws WebNotBuiltError */
export async function prepareWeb(server: HttpServer, { root, host, port, isDevelopment }: WebOptions) {
  if (!isDevelopment && !existsSync(join(root, ".next", "BUILD_ID"))) throw new WebNotBuiltError();
  const app = next({ dev: isDevelopment, dir: root, hostname: host, port, httpServer: server, quiet: true });
  await app.prepare();
  const handler = app.getRequestHandler();
  const handle: WebHandler = (request, response) => handler(request, response);
  return { handle, isDevelopment, build: isDevelopment ? undefined : readBuildId(root), close: () => app.close() };
}
