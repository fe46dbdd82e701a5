import { connect } from "node:net";
import type { Socket } from "node:net";

const AGAIN_AFTER_MS = 20;

/** Whoever collects what a serial console says: reads, and connects again when it is cut off. Ended by `close`. */
export class ConsoleClient {
  readonly #path: string;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #connected = Promise.withResolvers<void>();

  constructor(path: string) {
    this.#path = path;
    this.#connect();
  }

  /** Resolves while the console is ours. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#path);
    this.#socket = socket;
    socket.resume();
    socket.once("connect", () => this.#connected.resolve());
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#connected = Promise.withResolvers();
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#connect(), AGAIN_AFTER_MS);
    });
  }
}
