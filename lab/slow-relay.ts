import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import type { Closers } from "./closers.ts";

const TICK_MS = 20;
/** What Node reads ahead of us; it bounds what passes in one tick. */
const READ_AHEAD_BYTES = 512 * 1024;

export interface RelayTarget {
  path?: string;
  port?: number;
}

export interface SlowRelayOptions {
  /** Where the relay connects to for every connection that it takes; asked at that moment. */
  target: () => RelayTarget;
  /** How many bytes a second go on towards the target; the way back is not held up. */
  bytesPerSecond: number;
}

/**
 * A network between two processes that is as slow as wanted, stands still on request, or is cut: a TCP port of this host
 * that passes on what it is sent. What it does not read stays in the sender's kernel, as with a congested network.
 */
export class SlowRelay {
  readonly port: number;
  readonly #close: () => Promise<void>;
  readonly #connections: Map<Socket, Socket>;
  readonly #state: { bytesPerSecond: number };
  #isHolding = false;

  private constructor(
    port: number,
    parts: { close: () => Promise<void>; connections: Map<Socket, Socket>; state: { bytesPerSecond: number } },
  ) {
    this.port = port;
    this.#close = parts.close;
    this.#connections = parts.connections;
    this.#state = parts.state;
  }

  static async start(closers: Closers, options: SlowRelayOptions): Promise<SlowRelay> {
    const connections = new Map<Socket, Socket>();
    const state = { bytesPerSecond: options.bytesPerSecond };
    const server = createServer({ pauseOnConnect: true, highWaterMark: READ_AHEAD_BYTES }, (near) => {
      const far = connect(options.target() as { port: number });
      connections.set(near, far);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on("error", () => {});
        socket.on("close", () => {
          connections.delete(near);
          other.destroy();
        });
      }
      far.pipe(near);
      passSlowly(near, far, state);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const close = async () => {
      for (const near of connections.keys()) near.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    const relay = new SlowRelay((server.address() as AddressInfo).port, { close, connections, state });
    return closers.add(relay, (opened) => opened.close());
  }

  /** 0 stands still: the connections stay open and nothing is read any more. */
  setBytesPerSecond(bytesPerSecond: number): void {
    this.#state.bytesPerSecond = bytesPerSecond;
  }

  /** As a server does that flushes: everything that is sent is taken, and no answer comes until `passReplies`. */
  holdReplies(): void {
    this.#isHolding = true;
    for (const [near, far] of this.#connections) far.unpipe(near).pause();
  }

  passReplies(): void {
    // Piped twice, every byte would go twice.
    if (!this.#isHolding) return;
    this.#isHolding = false;
    for (const [near, far] of this.#connections) far.pipe(near);
  }

  /** Breaks every connection off; new ones are taken. */
  cut(): void {
    for (const near of this.#connections.keys()) near.destroy();
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function passSlowly(from: Socket, to: Socket, state: { bytesPerSecond: number }): void {
  let lastMonoMs = performance.now();
  const timer = setInterval(() => {
    const nowMonoMs = performance.now();
    // By the clock and not by the tick, because a busy host's ticks come late.
    const share = Math.floor((state.bytesPerSecond * (nowMonoMs - lastMonoMs)) / 1_000);
    lastMonoMs = nowMonoMs;
    if (share === 0) return;
    const chunk = from.read(Math.min(share, from.readableLength)) as Buffer | null;
    if (chunk !== null) to.write(chunk);
    // Has Node fetch more, which a paused stream does only when it is asked for what it has not got.
    if (from.readableLength === 0) from.read(0);
  }, TICK_MS);
  from.once("close", () => clearInterval(timer));
  from.once("end", () => to.end());
}
