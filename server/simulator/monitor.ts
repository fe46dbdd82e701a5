import { rename } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import type { Lane } from "./commands/command.ts";
import type { InBandJob, InBandQueue, SettledOutcome } from "./main-loop.ts";
import { MessageParser, type ParsedMessage } from "./message-parser.ts";
import type { SimulatedMonitorOptions } from "./options.ts";
import { checkRequest, isSentOutOfBand } from "./request.ts";
import type { CommandRunner } from "./command-runner.ts";
import type { VmCore } from "./vm-core.ts";
import { isWireObject, writeValue, type WireObject, type WireValue } from "./wire-value.ts";

/** qmp-spec: QEMU reads no further once the queue is full. @see QEMU include/monitor/monitor.h, QMP_REQ_QUEUE_LEN_MAX */
const QUEUE_LENGTH = 8;
/** What is buffered of a client that may not be read yet; beyond it the kernel's own buffer has to do. */
const MAX_PENDING_BYTES = 1024 * 1024;
const LINGER_MS = 200;
/** IAC WILL ECHO, WILL SGA, WILL BINARY, DO BINARY. */
const TELNET_NEGOTIATION = Buffer.from([255, 251, 1, 255, 251, 3, 255, 251, 0, 255, 253, 0]);

/**
 * The two probes as our own bridge and most clients write them, without members in another order or any escape. They
 * are answered without parsing, which is what lets one process play thousands of VMs.
 */
const PROBE = /^\{"(execute|exec-oob)": ?"(query-status|query-yank)", ?"id": ?"([\w.:#/-]{1,64})"\}\r?\n$/;

interface QueuedRequest {
  message: ParsedMessage;
}

/**
 * One QMP monitor: a listening socket that serves one client at a time, its parser, its queue and its session. The
 * session belongs to the monitor, not to the connection: an answer that comes after its client left goes to the next one.
 */
export class SimulatedMonitor implements InBandQueue {
  readonly id: string;
  readonly options: SimulatedMonitorOptions;
  readonly #core: VmCore;
  readonly #runner: CommandRunner;
  readonly #queue: QueuedRequest[] = [];
  readonly #waiting: Socket[] = [];
  #server: Server | undefined;
  #client: Socket | undefined;
  /** Shut down by a yank of its own chardev: nothing reaches it any more, and it leaves as soon as that is noticed. */
  #isClientCut = false;
  #hasClientLeft = false;
  #isNegotiated = false;
  #hasOob = false;
  #suspensions = 0;
  #parser: MessageParser | undefined;
  /** Whether the parser is between two messages, so that the short cut for probes may be taken. */
  #isBetweenMessages = true;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isPumping = false;
  /** Makes this monitor deaf: it serves clients but never reads them. */
  #isDeaf = false;
  readonly #cut = () => this.#cutClient();

  constructor(core: VmCore, runner: CommandRunner, options: SimulatedMonitorOptions) {
    this.id = options.id;
    this.options = options;
    this.#core = core;
    this.#runner = runner;
    core.yanks.register({ type: "chardev", id: options.id });
  }

  get hasRequests(): boolean {
    return this.#queue.length > 0;
  }

  get isConnected(): boolean {
    return this.#client !== undefined && !this.#isClientCut;
  }

  get tcpPort(): number | undefined {
    const address = this.#server?.address();
    return typeof address === "object" && address !== null ? address.port : undefined;
  }

  /** Starts listening. @throws the system's error when the address is taken. */
  async open(): Promise<void> {
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#connected(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const listening = () => {
        server.removeListener("error", reject);
        resolve();
      };
      if (this.options.path !== undefined) server.listen(this.options.path, listening);
      else server.listen(this.options.tcp?.port ?? 0, "127.0.0.1", listening);
    });
  }

  /**
   * Stops listening and drops every client.
   * @param leavesSocket keeps the socket file, as a killed QEMU does.
   */
  async close(leavesSocket = false): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const client = this.#client;
    this.#client = undefined;
    if (client) endSoon(client);
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#dropQueue();
    this.#clearInput();
    if (!server) return;
    const path = leavesSocket ? this.options.path : undefined;
    // Node removes the file of a unix server that it closes, unless the file is elsewhere at that moment.
    if (path !== undefined) await rename(path, `${path}.orphan`);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (path !== undefined) await rename(`${path}.orphan`, path);
  }

  sendEvent(plain: string, pretty: () => string): void {
    if (this.#isNegotiated) this.#write(this.options.isPretty ? pretty() : plain);
  }

  /** Writes bytes as they are, for the fault tests. */
  sendRaw(bytes: Buffer | string): void {
    this.#write(bytes);
  }

  setDeaf(isDeaf: boolean): void {
    this.#isDeaf = isDeaf;
    if (isDeaf) {
      this.#client?.pause();
      return;
    }
    this.#client?.resume();
    this.pump();
  }

  /** Serves, reads and answers whatever can be now. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#canRun() && this.#step()) continue;
    } finally {
      this.#isPumping = false;
    }
  }

  takeRequest(): InBandJob | undefined {
    const request = this.#queue.shift();
    if (!request) return undefined;
    // Negotiation itself may switch this on in the middle of the job.
    const hadOob = this.#hasOob;
    if (hadOob && this.#queue.length === QUEUE_LENGTH - 1) this.#resume();
    const id = idOf(request.message);
    return {
      run: () => this.#runInBand(request.message),
      finish: (outcome) => {
        this.#reply(id, outcome);
        if (!hadOob) this.#resume();
      },
    };
  }

  /** An unnegotiated monitor knows one command, a negotiated one every other. @returns undefined when it went well. */
  negotiate(enable: readonly string[]): SettledOutcome {
    if (this.#isNegotiated) {
      const desc = "Capabilities negotiation is already complete, command ignored";
      return { kind: "error", qmpClass: "CommandNotFound", desc };
    }
    const wantsOob = enable.includes("oob");
    if (wantsOob && !this.#core.traits.hasOob) return { kind: "error", qmpClass: "GenericError", desc: "Capability oob not available" };
    this.#isNegotiated = true;
    this.#hasOob = wantsOob;
    return { kind: "return", value: {} };
  }

  /** Without an I/O thread of its own, as where `oob` is patched out, a monitor is part of the main loop. */
  #canRun(): boolean {
    if (this.#core.isFrozen || this.#core.hasEnded) return false;
    return this.#core.traits.hasOob || !this.#core.mainLoop.isBlocked;
  }

  /** @returns whether anything was done. */
  #step(): boolean {
    if (this.#client && this.#hasClientLeft) {
      this.#leave();
      return true;
    }
    if (!this.#client) return this.#serveNext();
    if (this.#isDeaf || this.#suspensions > 0) return false;
    const chunk = this.#pending.shift();
    if (!chunk) return false;
    this.#pendingBytes -= chunk.length;
    if (this.#pendingBytes < MAX_PENDING_BYTES) this.#client.resume();
    this.#read(chunk);
    return true;
  }

  #connected(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    this.#waiting.push(socket);
    this.pump();
  }

  #serveNext(): boolean {
    const socket = this.#waiting.shift();
    if (!socket) return false;
    if (socket.destroyed) return true;
    this.#client = socket;
    this.#isClientCut = false;
    this.#hasClientLeft = false;
    this.#isNegotiated = false;
    this.#hasOob = false;
    this.#core.yanks.addFunction({ type: "chardev", id: this.id }, this.#cut);
    socket.on("data", (chunk: Buffer) => this.#received(socket, chunk));
    const left = () => this.#left(socket);
    socket.on("end", left);
    socket.on("close", left);
    if (this.options.isTelnet) this.#write(TELNET_NEGOTIATION);
    const { qemu, package: packageText, hasOob } = this.#core.traits;
    this.#send({ QMP: { version: { qemu: { ...qemu }, package: packageText }, capabilities: hasOob ? ["oob"] : [] } });
    if (!this.#isDeaf) socket.resume();
    return true;
  }

  #received(socket: Socket, chunk: Buffer): void {
    if (socket !== this.#client || this.#isClientCut) return;
    if (this.#pending.length === 0 && this.#isBetweenMessages && this.#answersProbe(chunk)) return;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= MAX_PENDING_BYTES) socket.pause();
    this.pump();
  }

  #left(socket: Socket): void {
    if (socket !== this.#client) return;
    this.#hasClientLeft = true;
    this.pump();
  }

  #leave(): void {
    this.#client?.destroy();
    this.#client = undefined;
    this.#core.yanks.removeFunction({ type: "chardev", id: this.id }, this.#cut);
    this.#dropQueue();
    this.#clearInput();
  }

  /** The request that is executing stays, and so does the suspension that belongs to it. */
  #dropQueue(): void {
    const wasSuspendedByQueue = this.#queue.length > 0 && (!this.#hasOob || this.#queue.length === QUEUE_LENGTH);
    this.#queue.length = 0;
    if (wasSuspendedByQueue) this.#suspensions--;
  }

  #clearInput(): void {
    this.#parser?.reset();
    this.#isBetweenMessages = true;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #cutClient(): void {
    const client = this.#client;
    if (!client) return;
    this.#isClientCut = true;
    endSoon(client);
    queueMicrotask(() => this.#left(client));
  }

  /** One byte at a time, because the request that fills the queue is the last one that QEMU reads. */
  #read(chunk: Buffer): void {
    const parser = (this.#parser ??= new MessageParser({ hasPositions: this.#core.traits.hasErrorPositions }, (message) => {
      this.#isBetweenMessages = true;
      this.#take(message);
    }));
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] ?? 0;
      if (byte > 0x20) this.#isBetweenMessages = false;
      parser.feed(byte);
      if (this.#suspensions === 0 && !this.#isClientCut && !this.#isDeaf) continue;
      const rest = chunk.subarray(index + 1);
      if (rest.length > 0 && !this.#isClientCut) {
        this.#pending.unshift(rest);
        this.#pendingBytes += rest.length;
      }
      return;
    }
  }

  #take(message: ParsedMessage): void {
    if ("value" in message && isSentOutOfBand(message.value)) {
      this.#runOutOfBand(message);
      return;
    }
    if (!this.#hasOob || this.#queue.length === QUEUE_LENGTH - 1) this.#suspensions++;
    this.#queue.push({ message });
    this.#core.mainLoop.kick();
  }

  #resume(): void {
    if (this.#suspensions > 0) this.#suspensions--;
    // Not from within the dispatcher, which would run into itself.
    if (this.#suspensions === 0 && this.#pending.length > 0) queueMicrotask(() => this.pump());
  }

  #runInBand(message: ParsedMessage): ReturnType<InBandJob["run"]> {
    if ("problem" in message) return { kind: "error", qmpClass: "GenericError", desc: message.problem };
    return this.#dispatch(message.value, "in-band");
  }

  #runOutOfBand(message: { value: WireValue }): void {
    const outcome = this.#dispatch(message.value, "oob");
    // No out-of-band command ever waits.
    if (outcome.kind === "blocked") throw new Error("An out-of-band command tried to block");
    const afterMs = this.#runner.latencyMs("oob", commandOf(message.value));
    if (afterMs > 0) this.#core.schedule(afterMs, () => this.#reply(idOf(message), outcome));
    else this.#reply(idOf(message), outcome);
  }

  #dispatch(value: WireValue, lane: Lane): ReturnType<InBandJob["run"]> {
    const request = checkRequest(value, this.#hasOob);
    if (request.kind === "malformed") return { kind: "error", qmpClass: "GenericError", desc: request.desc };
    if (!this.#isNegotiated && request.name !== "qmp_capabilities") {
      const desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
      return { kind: "error", qmpClass: "CommandNotFound", desc };
    }
    const args = isWireObject(request.args) ? request.args : {};
    return this.#runner.run({ name: request.name, args, lane }, this);
  }

  #answersProbe(chunk: Buffer): boolean {
    if (chunk.length > 160 || !this.#isNegotiated || this.#isDeaf || this.options.isPretty) return false;
    if (this.#queue.length > 0 || this.#suspensions > 0 || this.#core.isFrozen || this.#runner.hasLatency) return false;
    const match = PROBE.exec(chunk.toString("latin1"));
    if (!match) return false;
    const isOob = match[1] === "exec-oob";
    const isStatus = match[2] === "query-status";
    if (isOob ? isStatus || !this.#hasOob : this.#core.mainLoop.isBusy) return false;
    const answer = isStatus ? this.#core.statusText(writeValue) : this.#core.yankText(writeValue);
    this.#write(`{"return": ${answer}, "id": "${match[3] ?? ""}"}\r\n`);
    return true;
  }

  #reply(id: WireValue | undefined, outcome: SettledOutcome): void {
    if (outcome.kind === "return") this.#send({ return: outcome.value, id });
    else this.#send({ id, error: { class: outcome.qmpClass, desc: outcome.desc } });
  }

  #send(message: WireObject): void {
    this.#write(`${writeValue(message, this.options.isPretty)}\r\n`);
  }

  #write(text: string | Buffer): void {
    if (this.#client && !this.#isClientCut && !this.#client.destroyed) this.#client.write(text);
  }
}

/** What was written last (SHUTDOWN, the reply to `quit`) still has to arrive, if the client reads at all. */
function endSoon(socket: Socket): void {
  socket.destroySoon();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}

function idOf(message: ParsedMessage): WireValue | undefined {
  return "value" in message && isWireObject(message.value) ? message.value.id : undefined;
}

function commandOf(value: WireValue): string {
  const name = isWireObject(value) ? (value["exec-oob"] ?? value.execute) : undefined;
  return typeof name === "string" ? name : "";
}
