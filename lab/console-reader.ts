import { type Socket, connect } from "node:net";
import type { Closers } from "./closers.ts";
import { LabError, messageOf } from "./lab-error.ts";

/**
 * Whoever collects what a VM writes to a socket console. It reads, or it holds the connection and does not read, which
 * is how a log collector that got stuck looks to the VM.
 */
export class ConsoleReader {
  readonly #path: string;
  #socket: Socket | undefined;

  constructor(path: string, closers: Closers) {
    this.#path = path;
    closers.add(this, (reader) => reader.close());
  }

  /** Connects if the connection is gone, and reads whatever comes. */
  async read(): Promise<void> {
    const socket = await this.#connected();
    socket.on("data", () => {});
    socket.resume();
  }

  /** Holds a fresh connection from which nothing is ever read. */
  async hold(): Promise<void> {
    this.close();
    await this.#connected();
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    const socket = connect({ path: this.#path });
    // Before it connects, because Node reads ahead from the moment it is connected unless it was paused.
    socket.pause();
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (error) => reject(new LabError(`Cannot read the console ${this.#path}: ${messageOf(error)}`)));
    });
    socket.on("error", () => {});
    this.#socket = socket;
    return socket;
  }
}
