import { randomUUID } from "node:crypto";
import { type Socket, connect } from "node:net";
import { LabError, messageOf } from "./lab-error.ts";
import { waitFor } from "./wait-for.ts";

const DEFAULT_REPLY_TIMEOUT_MS = 15_000;

export interface RawEvent {
  event: string;
  data: Record<string, unknown>;
}

/** QEMU answered `error`. @see QEMU qapi/error.json for the classes */
class RawMonitorError extends LabError {
  readonly qmpClass: string;
  constructor(command: string, qmpClass: string, desc: string) {
    super(`${command}: ${desc} (${qmpClass})`);
    this.qmpClass = qmpClass;
  }
}

interface Pending {
  command: string;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

interface EventWaiter {
  name: string;
  resolve: (event: RawEvent) => void;
  reject: (error: Error) => void;
}

export interface RawRequestOptions {
  /** 0 waits for ever: what is meant to hang has no deadline. */
  timeoutMs?: number;
}

/**
 * The lab's own line into a QEMU, and the only sender in this project that has no allow-list: it exists to break VMs.
 * It is used on the monitor `labmon` alone, which only the lab knows, and never on one that the bridge watches.
 * Small on purpose, and independent of `server/qmp`, so that a mistake there cannot hide in the tests made with it.
 */
export class RawMonitor {
  readonly #socket: Socket;
  readonly #pending = new Map<string, Pending>();
  readonly #eventWaiters = new Set<EventWaiter>();
  #greeted!: (capabilities: string[]) => void;
  readonly #greeting = new Promise<string[]>((resolve) => (this.#greeted = resolve));
  #received = "";
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => this.#settleAll(new LabError("The connection to the lab's monitor ended")));
  }

  /**
   * Connects, retrying until something listens, and negotiates `oob` where it is offered.
   * @param options.isAlive ends the wait early when the VM behind the path is gone.
   * @throws LabError when it did not come to command mode in time.
   */
  static async connect(path: string, options: { timeoutMs?: number; isAlive?: () => boolean } = {}): Promise<RawMonitor> {
    const { timeoutMs = DEFAULT_REPLY_TIMEOUT_MS, isAlive = () => true } = options;
    const socket = await waitFor(
      `a monitor at ${path}`,
      () => {
        if (!isAlive()) throw new LabError(`The VM ended before its monitor ${path} answered`);
        return openSocket(path);
      },
      { timeoutMs, intervalMs: 15 },
    );
    const monitor = new RawMonitor(socket);
    try {
      const capabilities = await withDeadline(monitor.#greeting, timeoutMs, `the greeting of ${path}`);
      const enable = capabilities.includes("oob") ? ["oob"] : [];
      await monitor.execute("qmp_capabilities", { enable }, { timeoutMs });
      return monitor;
    } catch (error) {
      monitor.close();
      throw error;
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws RawMonitorError when QEMU refuses, LabError when no reply comes in time or the connection ends. */
  execute(command: string, args?: Record<string, unknown>, options?: RawRequestOptions): Promise<unknown> {
    return this.#send("execute", command, args, options);
  }

  /** As `execute`, out of band. */
  executeOob(command: string, args?: Record<string, unknown>, options?: RawRequestOptions): Promise<unknown> {
    return this.#send("exec-oob", command, args, options);
  }

  /** An HMP command line, in-band. @returns what the human monitor printed. */
  async human(commandLine: string, options?: RawRequestOptions): Promise<string> {
    return String(await this.execute("human-monitor-command", { "command-line": commandLine }, options));
  }

  /** Resolves with the next event of this name. Call it before what causes the event. */
  nextEvent(name: string, timeoutMs = DEFAULT_REPLY_TIMEOUT_MS): Promise<RawEvent> {
    let waiter: EventWaiter | undefined;
    const event = new Promise<RawEvent>((resolve, reject) => {
      waiter = { name, resolve, reject };
      if (this.#isClosed) reject(new LabError("The connection to the lab's monitor ended"));
      else this.#eventWaiters.add(waiter);
    });
    return withDeadline(event, timeoutMs, `the event ${name}`).finally(() => {
      if (waiter !== undefined) this.#eventWaiters.delete(waiter);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #send(verb: "execute" | "exec-oob", command: string, args: Record<string, unknown> | undefined, options: RawRequestOptions = {}) {
    const { timeoutMs = DEFAULT_REPLY_TIMEOUT_MS } = options;
    if (this.#isClosed) return Promise.reject(new LabError(`${command}: the connection to the lab's monitor has ended`));
    const id = randomUUID();
    const reply = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { command, resolve, reject }));
    this.#socket.write(`${JSON.stringify({ [verb]: command, arguments: args, id })}\n`);
    return timeoutMs === 0 ? reply : withDeadline(reply, timeoutMs, `the reply to ${command}`);
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    for (let end = this.#received.indexOf("\n"); end >= 0; end = this.#received.indexOf("\n")) {
      const line = this.#received.slice(0, end).trim();
      this.#received = this.#received.slice(end + 1);
      // The lab starts its own monitors, never with pretty=on, so that a line is a message.
      if (line !== "") this.#handle(JSON.parse(line) as Record<string, unknown>);
    }
  }

  #handle(message: Record<string, unknown>): void {
    if ("QMP" in message) {
      this.#greeted((message["QMP"] as { capabilities: string[] }).capabilities);
    } else if (typeof message["event"] === "string") {
      const event: RawEvent = { event: message["event"], data: (message["data"] ?? {}) as Record<string, unknown> };
      for (const waiter of this.#eventWaiters) if (waiter.name === event.event) waiter.resolve(event);
    } else {
      const pending = this.#pending.get(String(message["id"]));
      if (pending === undefined) return;
      this.#pending.delete(String(message["id"]));
      const error = message["error"] as { class: string; desc: string } | undefined;
      if (error === undefined) pending.resolve(message["return"]);
      else pending.reject(new RawMonitorError(pending.command, error.class, error.desc));
    }
  }

  #settleAll(error: LabError): void {
    this.#isClosed = true;
    for (const pending of this.#pending.values()) pending.reject(error);
    for (const waiter of this.#eventWaiters) waiter.reject(error);
    this.#pending.clear();
    this.#eventWaiters.clear();
  }
}

/** @returns the open socket, or undefined while nothing listens there. */
export function openSocket(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.removeListener("error", onError);
      resolve(socket);
    });
    const onError = (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "EAGAIN") resolve(undefined);
      else reject(new LabError(`Cannot connect to ${path}: ${messageOf(error)}`));
    };
    socket.once("error", onError);
  });
}

async function withDeadline<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LabError(`Waited ${Math.round(timeoutMs / 1000)} s in vain for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
