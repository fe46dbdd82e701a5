import { randomBytes } from "node:crypto";
import type { QmpGreeting } from "#lib/qapi/greeting";
import { callGuarded } from "./call-guarded.ts";
import { systemClock, type QmpClock } from "./clock.ts";
import { readMessage } from "./codec.ts";
import { connectFailure } from "./connect-failure.ts";
import { wheelOf, type DeadlineHolder, type DeadlineWheel } from "./deadline-wheel.ts";
import { QmpConnectError, QmpHandshakeError, QmpInterruptedError, QmpProtocolError, QmpStateError, type QmpError } from "./errors.ts";
import type { QmpClientOptions, QmpCounters, QmpHandlers } from "./options.ts";
import { RequestTable } from "./request-table.ts";
import type { QmpResult } from "./request.ts";
import { Scanner } from "./scanner.ts";
import { isInPhase, reduceSession, type QmpCloseReason, type QmpState, type SessionStep } from "./session-state.ts";
import { openSocket, type QmpTransport, type TransportEvents } from "./transport.ts";

const CONNECT_TIMEOUT_MS = 2_000;
const GREETING_TIMEOUT_MS = 2_000;
const NEGOTIATION_TIMEOUT_MS = 5_000;
const WRITE_BLOCKED_AFTER_MS = 1_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_OUT_OF_BAND = 32;
// 30 bits: an earlier client of the monitor leaves at most a few replies, and each may collide once.
const ID_RANDOM_CHARACTERS = 5;

interface ConnectCaller {
  resolve(greeting: QmpGreeting): void;
  reject(error: QmpError): void;
}

/**
 * The effects behind `QmpClient`: it moves the state, feeds the scanner, and keeps the deadlines. Owned by its client; ends
 * by `close` or with its transport, once.
 */
export class QmpSession implements DeadlineHolder, TransportEvents {
  armedTick = 0;
  state: QmpState = { kind: "idle" };
  greeting: QmpGreeting | undefined = undefined;
  hasOob = false;
  writeBlockedSinceMonoMs: number | undefined = undefined;
  readonly table: RequestTable;
  readonly #options: QmpClientOptions;
  readonly #handlers: QmpHandlers;
  readonly #clock: QmpClock;
  readonly #wheel: DeadlineWheel;
  readonly #scanner: Scanner;
  #transport: QmpTransport | undefined;
  #phaseDeadlineMonoMs = Infinity;
  #caller: ConnectCaller | undefined;
  #isBlockReported = false;
  #bytesIn = 0;
  #events = 0;
  #droppedMessages = 0;
  #blockedWrites = 0;

  constructor(options: QmpClientOptions) {
    this.#options = options;
    this.#handlers = options.handlers ?? {};
    this.#clock = options.clock ?? systemClock;
    this.#wheel = wheelOf(this.#clock);
    this.#scanner = new Scanner(options.maxMessageBytes ?? MAX_MESSAGE_BYTES, (value, text) => {
      // Whatever a handler throws, the rest of the stream is still to be read.
      callGuarded(() => this.#receive(value, text), undefined);
    });
    this.table = new RequestTable({
      inBandWindow: options.inBandWindow,
      maxOutOfBand: options.maxOutOfBand ?? MAX_OUT_OF_BAND,
      idPrefix: (options.randomPrefix ?? randomIdPrefix)(),
      clock: this.#clock,
      write: (text) => this.#write(text),
      onDeadline: (dueMonoMs) => {
        if (dueMonoMs !== Infinity) this.#wheel.arm(this, dueMonoMs);
      },
      onLateReply: (late) => this.#handlers.onLateReply?.(late),
    });
  }

  get counters(): QmpCounters {
    const { droppedReplies, lateReplies, timeouts } = this.table;
    return {
      bytesIn: this.#bytesIn,
      events: this.#events,
      droppedReplies,
      droppedMessages: this.#droppedMessages,
      lateReplies,
      timeouts,
      blockedWrites: this.#blockedWrites,
    };
  }

  connect(signal?: AbortSignal): Promise<QmpGreeting> {
    if (this.state.kind !== "idle") return Promise.reject(new QmpStateError("not-idle", `The session is ${this.state.kind}`));
    if (signal?.aborted) {
      this.#end({ kind: "closed", error: new QmpStateError("aborted", "Connecting was called off", signal.reason) });
      return Promise.reject(new QmpStateError("aborted", "Connecting was called off", signal.reason));
    }
    const { promise, resolve, reject } = Promise.withResolvers<QmpGreeting>();
    this.#caller = { resolve, reject };
    this.#step({ kind: "dialled" });
    try {
      this.#transport = (this.#options.openTransport ?? openSocket)(this.#options.address, this);
      this.#setPhaseDeadline(this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    } catch (error) {
      // An address that the system does not even try, such as a port that is none.
      this.#end(connectFailure(error instanceof Error ? error : undefined));
    }
    if (signal === undefined) return promise;
    const handleAbort = (): void =>
      this.#end({ kind: "closed", error: new QmpStateError("aborted", "Connecting was called off", signal.reason) });
    signal.addEventListener("abort", handleAbort, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", handleAbort));
  }

  close(): void {
    const message = "The session was closed on our side";
    const error = this.state.kind === "running" ? new QmpInterruptedError("closed", message) : new QmpStateError("closed", message);
    this.#end({ kind: "closed", error });
  }

  onOpen(): void {
    if (!isInPhase(this.state, "dialling")) return;
    this.#step({ kind: "opened" });
    this.#setPhaseDeadline(this.#options.greetingTimeoutMs ?? GREETING_TIMEOUT_MS);
  }

  onBytes(bytes: Buffer, length: number): void {
    this.#bytesIn += length;
    try {
      this.#scanner.push(bytes, length);
    } catch (error) {
      if (!(error instanceof QmpProtocolError)) throw error;
      this.#end(this.greeting === undefined ? notQmp(error) : { kind: "protocol-error", error });
    }
  }

  onDrain(): void {
    this.writeBlockedSinceMonoMs = undefined;
    this.#isBlockReported = false;
    this.table.drained();
    this.#arm();
  }

  onClose(error: Error | undefined): void {
    if (isInPhase(this.state, "dialling")) this.#end(connectFailure(error));
    else if (this.state.kind === "connecting") {
      this.#end({ kind: "lost", error: new QmpHandshakeError("lost", "The monitor hung up during the handshake", error) });
    } else this.#end({ kind: "lost", error: new QmpInterruptedError("lost", "The monitor hung up", error) });
  }

  onDeadline(nowMonoMs: number): void {
    if (this.#phaseDeadlineMonoMs <= nowMonoMs) this.#endPhase();
    const blockedSinceMonoMs = this.writeBlockedSinceMonoMs;
    if (blockedSinceMonoMs !== undefined && !this.#isBlockReported && nowMonoMs - blockedSinceMonoMs >= this.#writeBlockedAfterMs) {
      this.#isBlockReported = true;
      this.#blockedWrites++;
      this.#handlers.onWriteBlocked?.();
    }
    this.table.expire(nowMonoMs);
    this.#arm();
  }

  get #writeBlockedAfterMs(): number {
    return this.#options.writeBlockedAfterMs ?? WRITE_BLOCKED_AFTER_MS;
  }

  #step(step: SessionStep): void {
    this.state = reduceSession(this.state, step, this.#clock.nowMonoMs());
  }

  #setPhaseDeadline(afterMs: number): void {
    this.#phaseDeadlineMonoMs = this.#clock.nowMonoMs() + afterMs;
    this.#arm();
  }

  #arm(): void {
    let dueMonoMs = Math.min(this.#phaseDeadlineMonoMs, this.table.nextDeadlineMonoMs);
    if (this.writeBlockedSinceMonoMs !== undefined && !this.#isBlockReported) {
      dueMonoMs = Math.min(dueMonoMs, this.writeBlockedSinceMonoMs + this.#writeBlockedAfterMs);
    }
    if (dueMonoMs !== Infinity) this.#wheel.arm(this, dueMonoMs);
  }

  /** The connect's own time is up, in whichever phase it is. */
  #endPhase(): void {
    this.#phaseDeadlineMonoMs = Infinity;
    if (this.state.kind !== "connecting") return;
    switch (this.state.phase) {
      case "dialling":
        this.#end({
          kind: "connect-timeout",
          error: new QmpConnectError("connect-timeout", "The monitor did not accept the connection in time"),
        });
        return;
      case "awaiting-greeting":
        this.#end({
          kind: "no-greeting",
          error: new QmpHandshakeError("no-greeting", "Connected, and no greeting came: busy with another client, or frozen"),
        });
        return;
      case "negotiating":
        // The caller gives up, the session does not: the answer comes when the hang ends.
        this.#rejectCaller(
          new QmpHandshakeError("negotiation-unanswered", "Greeted, and the negotiation is unanswered: the main loop hung before we came"),
        );
        return;
    }
  }

  #receive(value: unknown, text: string): void {
    this.#handlers.onTranscript?.({ direction: "received", text });
    const message = readMessage(value);
    switch (message.kind) {
      case "return":
        this.table.settleReturn(message.id, message.value);
        return;
      case "error":
        this.table.settleError(message.id, message.qmpClass, message.desc);
        return;
      case "event":
        this.#events++;
        this.#handlers.onEvent?.(message.event);
        return;
      case "greeting":
        this.#greet(message.greeting);
        return;
      case "other":
        if (this.greeting === undefined) this.#end(notQmp(undefined));
        else this.#droppedMessages++;
        return;
    }
  }

  #greet(greeting: QmpGreeting): void {
    if (!isInPhase(this.state, "awaiting-greeting")) {
      this.#droppedMessages++;
      return;
    }
    this.greeting = greeting;
    this.#step({ kind: "greeted" });
    const offersOob = greeting.capabilities.includes("oob");
    const enable = offersOob ? { enable: ["oob"] } : undefined;
    // The phase's deadline is the caller's; the request itself waits as long as the session lives.
    this.table.submit({ lane: "in-band", command: "qmp_capabilities", arguments: enable, timeoutMs: Infinity }, (result) =>
      this.#negotiated(result, offersOob),
    );
    this.#setPhaseDeadline(this.#options.negotiationTimeoutMs ?? NEGOTIATION_TIMEOUT_MS);
    this.#handlers.onGreeting?.(greeting);
  }

  #negotiated(result: QmpResult, offersOob: boolean): void {
    if (!isInPhase(this.state, "negotiating") || this.greeting === undefined) return;
    if (!result.ok) {
      this.#end({
        kind: "negotiation-refused",
        error: new QmpHandshakeError("negotiation-refused", "The monitor refused the negotiation", result.error),
      });
      return;
    }
    this.#phaseDeadlineMonoMs = Infinity;
    this.hasOob = offersOob;
    this.#step({ kind: "negotiated" });
    this.#caller?.resolve(this.greeting);
    this.#caller = undefined;
    this.#handlers.onRunning?.();
  }

  #write(text: string): boolean {
    if (this.#handlers.onTranscript !== undefined)
      callGuarded((line) => this.#handlers.onTranscript?.(line), { direction: "sent" as const, text });
    const isWithKernel = this.#transport?.write(text) ?? false;
    if (!isWithKernel) {
      this.writeBlockedSinceMonoMs ??= this.#clock.nowMonoMs();
      this.#wheel.arm(this, this.writeBlockedSinceMonoMs + this.#writeBlockedAfterMs);
    }
    return isWithKernel;
  }

  #rejectCaller(error: QmpError): void {
    this.#caller?.reject(error);
    this.#caller = undefined;
  }

  /** The one way out. Whoever comes second finds it done. */
  #end(reason: QmpCloseReason): void {
    if (this.state.kind === "disconnecting" || this.state.kind === "closed") return;
    this.#step({ kind: "ending", reason });
    this.#wheel.disarm(this);
    this.#phaseDeadlineMonoMs = Infinity;
    this.writeBlockedSinceMonoMs = undefined;
    this.#scanner.stop();
    this.#transport?.destroy();
    this.#transport = undefined;
    this.table.end(reason.kind === "closed" ? "closed" : "lost", reason.error.message, reason.error);
    this.#rejectCaller(reason.error);
    this.#step({ kind: "ended" });
    callGuarded((why) => this.#handlers.onClosed?.(why), reason);
  }
}

function randomIdPrefix(): string {
  return randomBytes(ID_RANDOM_CHARACTERS).toString("base64url").slice(0, ID_RANDOM_CHARACTERS);
}

function notQmp(cause: QmpProtocolError | undefined): QmpCloseReason {
  return { kind: "not-qmp", error: new QmpHandshakeError("not-qmp", "The peer's first words are not a QMP greeting", cause) };
}
