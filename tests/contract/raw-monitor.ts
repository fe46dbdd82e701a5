import { connect, type Socket } from "node:net";
import { Scanner } from "#server/qmp/scanner";
import { within } from "./wait.ts";

export type Message = Record<string, unknown>;

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * A bare line to a monitor, without manners: it writes what it is told, valid or not, and keeps what comes. For what
 * the real client would never send.
 */
export class RawMonitor {
  /** Everything that came, as text. */
  text = "";
  readonly events: Message[] = [];
  /** Everything but events that nobody has taken yet. */
  readonly unread: Message[] = [];
  readonly ended: Promise<void>;
  isEnded = false;
  readonly #socket: Socket;
  #wake = Promise.withResolvers<void>();

  static async connect(path: string): Promise<RawMonitor> {
    const socket = connect({ path });
    const monitor = new RawMonitor(socket);
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      }),
      `a connection to ${path}`,
    );
    return monitor;
  }

  /** Connected, greeted and in command mode; out-of-band unless told otherwise. */
  static async open(path: string, enable: string[] = ["oob"]): Promise<RawMonitor> {
    const monitor = await RawMonitor.connect(path);
    await monitor.next();
    await monitor.ask({ execute: "qmp_capabilities", arguments: { enable } });
    return monitor;
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const scanner = new Scanner(MAX_MESSAGE_BYTES, (value) => this.#take(value as Message));
    socket.on("data", (bytes) => {
      this.text += bytes.toString("utf8");
      // A peer may write what is no JSON (an id beyond double); `text` has it all the same.
      try {
        scanner.push(bytes);
      } catch {
        scanner.stop();
      }
      this.#notify();
    });
    socket.on("error", () => socket.destroy());
    this.ended = new Promise((resolve) => {
      socket.once("close", () => {
        this.isEnded = true;
        this.#notify();
        resolve();
      });
    });
  }

  send(words: string | Buffer): void {
    this.#socket.write(words);
  }

  /** Sends a request and gives its reply, which must be the next message that is no event. */
  async ask(request: Message): Promise<Message> {
    this.send(`${JSON.stringify(request)}\n`);
    return this.next();
  }

  /** The next message that is no event. */
  async next(): Promise<Message> {
    return within(
      (async () => {
        for (;;) {
          const message = this.unread.shift();
          if (message !== undefined) return message;
          if (this.isEnded) throw new Error("The monitor hung up");
          await this.#wake.promise;
        }
      })(),
      "a message",
    );
  }

  async event(name: string): Promise<Message> {
    return within(
      (async () => {
        for (;;) {
          const event = this.events.find((one) => one["event"] === name);
          if (event !== undefined) return event;
          await this.#wake.promise;
        }
      })(),
      `the event ${name}`,
    );
  }

  /** Waits until the text that came contains this. */
  async saw(part: string): Promise<void> {
    await within(
      (async () => {
        while (!this.text.includes(part)) await this.#wake.promise;
      })(),
      part,
    );
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: Message): void {
    if ("event" in message) this.events.push(message);
    else this.unread.push(message);
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** The class of an error reply; undefined for a success. Its `desc` is no contract (11.1 puts a position before it). */
export function errorClass(message: Message): string | undefined {
  const error = message["error"] as { class?: unknown } | undefined;
  return error === undefined ? undefined : String(error.class);
}
