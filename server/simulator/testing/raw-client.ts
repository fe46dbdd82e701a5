import { connect, type NetConnectOpts, type Socket } from "node:net";

/** One message as the peer wrote it, parsed. */
export type Message = Record<string, unknown>;

/**
 * A QMP client that checks nothing and hides nothing, for the simulator's own tests: what it is sent comes in order,
 * and it tells silence on one lane by an answer on another.
 */
export class RawClient {
  readonly #socket: Socket;
  readonly #messages: Message[] = [];
  #text = "";
  #hasEnded = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#received(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#hasEnded = true;
      this.#wake?.();
    });
  }

  static async connect(target: string | NetConnectOpts): Promise<RawClient> {
    const socket = typeof target === "string" ? connect(target) : connect(target);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawClient(socket);
  }

  /** Connects, reads the greeting and negotiates. */
  static async negotiated(path: string, enable: string[] = ["oob"]): Promise<RawClient> {
    const client = await RawClient.connect(path);
    await client.next();
    client.send({ execute: "qmp_capabilities", arguments: { enable } });
    await client.next();
    return client;
  }

  send(request: Message): void {
    this.sendText(`${JSON.stringify(request)}\n`);
  }

  sendText(text: string | Buffer): void {
    this.#socket.write(text);
  }

  /** Sends one request and answers with the very next message. */
  async ask(request: Message): Promise<Message> {
    this.send(request);
    return this.next();
  }

  /** The next message, whatever it is. @throws when the connection ends first. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message) return message;
      if (this.#hasEnded) throw new Error(`The connection ended before a message came; left over: ${this.#text}`);
      await this.#more();
    }
  }

  /** The next so many messages. */
  async take(count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) messages.push(await this.next());
    return messages;
  }

  /** Messages up to and with the first that fits. */
  async until(fits: (message: Message) => boolean): Promise<Message[]> {
    const messages: Message[] = [];
    for (;;) {
      const message = await this.next();
      messages.push(message);
      if (fits(message)) return messages;
    }
  }

  /** Everything that is left until the peer hangs up. */
  async untilEnd(): Promise<Message[]> {
    while (!this.#hasEnded) await this.#more();
    return this.#messages.splice(0);
  }

  /** Bytes that made no message, once there are as many. */
  async rawText(length: number): Promise<string> {
    while (this.#text.length < length && !this.#hasEnded) await this.#more();
    return this.#text;
  }

  /** What has come so far and has not been asked for. */
  get unread(): number {
    return this.#messages.length;
  }

  close(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #received(chunk: string): void {
    this.#text += chunk;
    // Pretty messages spread over lines; only one that is whole parses.
    for (let end = this.#text.indexOf("\r\n"); end >= 0; end = this.#text.indexOf("\r\n", end + 2)) {
      const message = parse(this.#text.slice(0, end));
      if (!message) continue;
      this.#messages.push(message);
      this.#text = this.#text.slice(end + 2);
      end = -2;
    }
    this.#wake?.();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function parse(text: string): Message | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An event without its time. */
export function eventOf(message: Message): Message {
  const { timestamp: _, ...rest } = message;
  return rest;
}
