import type { OpenTransport, QmpAddress, QmpTransport, TransportEvents } from "./transport.ts";

/** A request as the peer reads it. */
export interface WrittenRequest {
  readonly verb: "execute" | "exec-oob";
  readonly command: string;
  readonly arguments: unknown;
  readonly id: string;
}

/** A monitor without a socket, for tests: it records what is written, and says what the test tells it to. */
export class MemoryPeer implements QmpTransport {
  readonly written: string[] = [];
  address: QmpAddress | undefined;
  isDestroyed = false;
  #events: TransportEvents | undefined;
  #isFull = false;

  readonly open: OpenTransport = (address, events) => {
    this.address = address;
    this.#events = events;
    return this;
  };

  write(text: string): boolean {
    this.written.push(text);
    return !this.#isFull;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  get requests(): WrittenRequest[] {
    return this.written.map((text) => {
      const object = JSON.parse(text) as Record<string, unknown>;
      const verb = "exec-oob" in object ? "exec-oob" : "execute";
      return { verb, command: String(object[verb]), arguments: object["arguments"], id: String(object["id"]) };
    });
  }

  accept(): void {
    this.#events?.onOpen();
  }

  say(message: unknown): void {
    this.sayText(`${JSON.stringify(message)}\r\n`);
  }

  sayText(text: string | Buffer): void {
    const bytes = Buffer.from(text);
    this.#events?.onBytes(bytes, bytes.length);
  }

  /** Answers the newest request of that command. */
  answer(command: string, value: unknown = {}): void {
    const request = this.requests.findLast((one) => one.command === command);
    if (request === undefined) throw new Error(`Nobody asked for ${command}`);
    this.say({ return: value, id: request.id });
  }

  hangUp(code?: string): void {
    this.#events?.onClose(code === undefined ? undefined : Object.assign(new Error(code), { code }));
  }

  /** The socket's buffer is full: what is written from now on stays in the process. */
  fill(): void {
    this.#isFull = true;
  }

  drain(): void {
    this.#isFull = false;
    this.#events?.onDrain();
  }
}

/** What Debian's QEMU 7.2 says first. */
export function greetingMessage(capabilities: string[] = ["oob"]): unknown {
  return { QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: "Debian 1:7.2" }, capabilities } };
}
