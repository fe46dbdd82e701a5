import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import type { ControlReply, ControlRequest } from "#lib/link/contract";

const ANSWER_TIMEOUT_MS = 3_000;
const MAX_LINE_BYTES = 64 * 1024;

const replySchema: z.ZodType<ControlReply> = z.union([
  z.object({
    ok: z.literal(true),
    bridgeId: z.string(),
    epoch: z.string(),
    pid: z.number().int(),
    linkVersion: z.number().int(),
    hubUrl: z.string().optional(),
  }),
  z.object({ ok: z.literal(false), error: z.string() }),
]);

/** The socket whose listener is this data folder's bridge. */
export function controlSocketPath(dataDir: string): string {
  return join(dataDir, "bridge.sock");
}

/**
 * A connection to a bridge's control socket. Its end is the end of the bridge: the socket is the bridge's lock, and it is
 * held for as long as the bridge lives.
 */
export class ControlClient {
  readonly #socket: Socket;
  readonly #waiting: { resolve(reply: ControlReply): void; reject(error: Error): void }[] = [];
  #text = "";
  /** Resolves when the bridge is gone or has hung up. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error("The bridge hung up on its control socket"));
        resolve();
      });
    });
    socket.on("error", () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#read(chunk));
  }

  /** Undefined where nobody listens. */
  static async connect(dataDir: string): Promise<ControlClient | undefined> {
    const socket = connect(controlSocketPath(dataDir));
    return new Promise((resolve) => {
      socket.once("connect", () => {
        socket.removeAllListeners("error");
        resolve(new ControlClient(socket));
      });
      socket.once("error", () => resolve(undefined));
    });
  }

  /** @throws when the bridge does not answer in time, or hangs up. */
  ask(request: ControlRequest): Promise<ControlReply> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#socket.destroy(), ANSWER_TIMEOUT_MS);
      const settle = <Value>(finish: (value: Value) => void) => {
        return (value: Value) => {
          clearTimeout(timer);
          finish(value);
        };
      };
      this.#waiting.push({ resolve: settle(resolve), reject: settle(reject) });
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf("\n"); end !== -1; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      const reply = parseReply(line);
      if (reply) this.#waiting.shift()?.resolve(reply);
      else this.#socket.destroy();
    }
    if (this.#text.length > MAX_LINE_BYTES) this.#socket.destroy();
  }
}

function parseReply(line: string): ControlReply | undefined {
  try {
    return replySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
