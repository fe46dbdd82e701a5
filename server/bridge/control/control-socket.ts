import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import type { ControlReply, ControlRequest } from "#lib/link/contract";
import type { QmpClock } from "#server/qmp/client";
import { MAX_SOCKET_PATH_BYTES } from "../discovery/monitor-pattern.ts";
import { tryLockBridge } from "./bridge-lock.ts";

const ASK_WITHIN_MS = 2_000;
const LOCK_RETRY_MS = 50;
const LOCK_WITHIN_MS = 5_000;
const MAX_LINE_BYTES = 16 * 1024;

const requestSchema: z.ZodType<ControlRequest> = z.discriminatedUnion("op", [
  z.object({ op: z.literal("hello") }),
  z.object({ op: z.literal("adopt"), hubUrl: z.url() }),
  z.object({ op: z.literal("reload") }),
  z.object({ op: z.literal("stop") }),
]);

const replySchema: z.ZodType<ControlReply> = z.union([
  z.object({
    ok: z.literal(true),
    bridgeId: z.string(),
    epoch: z.string(),
    pid: z.number(),
    linkVersion: z.number(),
    hubUrl: z.string().optional(),
  }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

/** This data folder has its bridge already. */
export class BridgeRunsAlreadyError extends Error {
  override readonly name = "BridgeRunsAlreadyError";
  readonly running: ControlReply;
  constructor(running: ControlReply) {
    super(running.ok ? `A bridge runs already (pid ${running.pid})` : `A bridge runs already: ${running.error}`);
    this.running = running;
  }
}

export function controlSocketPath(dataDir: string): string {
  const path = join(dataDir, "bridge.sock");
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `The data folder's path is too long: ${path} has more than the ${MAX_SOCKET_PATH_BYTES} bytes that a socket's path may have`,
    );
  }
  return path;
}

/**
 * The control socket of this data folder's bridge, and the lock that goes with it. It is open to the same account only,
 * speaks one JSON object per line, and ends with `close`.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #path: string;
  readonly #unlock: () => void;
  readonly #connections = new Set<Socket>();
  #isClosed = false;

  private constructor(server: Server, path: string, unlock: () => void) {
    this.#server = server;
    this.#path = path;
    this.#unlock = unlock;
    server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
  }

  /**
   * Takes the lock. The socket file of a bridge that died is replaced; of two that start at once, one wins.
   * @throws BridgeRunsAlreadyError
   */
  static async take(dataDir: string, clock: QmpClock, answer: (request: ControlRequest) => Promise<ControlReply>): Promise<ControlSocket> {
    const path = controlSocketPath(dataDir);
    // Whoever has the lock may remove the file that a dead bridge left, and nobody makes another meanwhile.
    const unlock = await takeLock(dataDir, clock);
    try {
      const running = await askWhoRuns(dataDir);
      if (running) throw new BridgeRunsAlreadyError(running);
      rmSync(path, { force: true });
      const server = createServer((socket) => serve(socket, answer));
      await listen(server, path);
      return new ControlSocket(server, path, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    rmSync(this.#path, { force: true });
    this.#unlock();
    return closed;
  }
}

/**
 * Asks the bridge of a data folder.
 * @throws Error with `code` ENOENT or ECONNREFUSED where no bridge runs there.
 */
export function askControl(dataDir: string, request: ControlRequest): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(controlSocketPath(dataDir));
    let text = "";
    socket.setEncoding("utf8");
    socket.setTimeout(ASK_WITHIN_MS, () => socket.destroy(new Error("The bridge's control socket does not answer")));
    socket.once("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("The bridge's control socket closed without an answer")));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0 && text.length <= MAX_LINE_BYTES) return;
      const reply = replySchema.safeParse(parseJson(text.slice(0, end)));
      if (reply.success) resolve(reply.data);
      else reject(new Error("The bridge's control socket answered something else"));
      socket.destroy();
    });
  });
}

/** Whether this error of `askControl` means that no bridge runs. */
export function isNobodyThere(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ECONNREFUSED";
}

function serve(socket: Socket, answer: (request: ControlRequest) => Promise<ControlReply>): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      void reply(socket, line, answer);
    }
    if (text.length > MAX_LINE_BYTES) socket.destroy();
  });
}

async function reply(socket: Socket, line: string, answer: (request: ControlRequest) => Promise<ControlReply>): Promise<void> {
  const request = requestSchema.safeParse(parseJson(line));
  const made: ControlReply = request.success
    ? await answer(request.data).catch((error: unknown) => ({ ok: false, error: error instanceof Error ? error.message : String(error) }))
    : { ok: false, error: "not understood" };
  if (!socket.destroyed) socket.write(`${JSON.stringify(made)}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Nobody else can connect at any moment: the file is made with mode 0600, and not only given it. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** The bridge that listens, also where it does not answer; undefined where none does. */
async function askWhoRuns(dataDir: string): Promise<ControlReply | undefined> {
  try {
    return await askControl(dataDir, { op: "hello" });
  } catch (error) {
    return isNobodyThere(error) ? undefined : { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Waits for one that starts or ends at this moment. @throws BridgeRunsAlreadyError */
async function takeLock(dataDir: string, clock: QmpClock): Promise<() => void> {
  const deadlineMonoMs = clock.nowMonoMs() + LOCK_WITHIN_MS;
  // The clock's timers keep no process alive, and at this point of a start nothing else does.
  const awake = setInterval(() => undefined, LOCK_WITHIN_MS);
  try {
    for (;;) {
      const unlock = tryLockBridge(dataDir);
      if (unlock) return unlock;
      const running = await askWhoRuns(dataDir);
      if (running) throw new BridgeRunsAlreadyError(running);
      if (clock.nowMonoMs() >= deadlineMonoMs) {
        throw new BridgeRunsAlreadyError({ ok: false, error: "another process holds bridge.lock and does not listen on bridge.sock" });
      }
      await new Promise<void>((resolve) => void clock.setTimer(resolve, LOCK_RETRY_MS));
    }
  } finally {
    clearInterval(awake);
  }
}
