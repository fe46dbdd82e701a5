import type { QmpEvent } from "#lib/qapi/events";
import type { QmpGreeting } from "#lib/qapi/greeting";
import type { QmpClock } from "./clock.ts";
import type { QmpError } from "./errors.ts";
import type { OpenTransport, QmpAddress } from "./transport.ts";

export type QmpLane = "in-band" | "out-of-band";

/**
 * One connection's life. `connecting` says how far it came: `negotiating` means greeted, `qmp_capabilities` sent and not
 * answered; where that lasts, the main loop hung before we came. `sinceMonoMs` is when this state (this phase) began.
 */
export type QmpState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly phase: "dialling" | "awaiting-greeting" | "negotiating"; readonly sinceMonoMs: number }
  | { readonly kind: "running"; readonly sinceMonoMs: number }
  | { readonly kind: "disconnecting" }
  | { readonly kind: "closed"; readonly reason: QmpCloseReason };

/** Why a session ended. `lost` before the greeting or negotiation was done has a `QmpHandshakeError`. */
export interface QmpCloseReason {
  readonly kind:
    | "closed"
    | "refused"
    | "no-such-socket"
    | "not-permitted"
    | "backlog-full"
    | "connect-timeout"
    | "connect-failed"
    | "no-greeting"
    | "not-qmp"
    | "negotiation-refused"
    | "protocol-error"
    | "lost";
  readonly error: QmpError;
}

export interface QmpReply {
  /** QEMU's `return`, unchecked: the VM's own words. Integers beyond 2^53 are `bigint`. */
  readonly value: unknown;
  readonly sentMonoMs: number;
  readonly repliedMonoMs: number;
  readonly replyAfterMs: number;
}

/** What became of one request; `error.outcome` says whether it happened. */
export type QmpResult = { readonly ok: true; readonly reply: QmpReply } | { readonly ok: false; readonly error: QmpError };

export interface QmpRequest {
  readonly lane: QmpLane;
  readonly command: string;
  readonly arguments?: object;
  /** How long the caller waits for the reply, counted from sending. */
  readonly timeoutMs: number;
  /** How long an in-band request may wait for the slot; 0 (default): refused at once with `slot-taken`. */
  readonly slotWaitMs?: number;
}

export interface QmpExecuteOptions {
  readonly timeoutMs: number;
  readonly slotWaitMs?: number;
  readonly signal?: AbortSignal;
}

/** A reply whose caller had been settled already (time-out or abort). It has freed its slot. */
export interface QmpLateReply {
  readonly lane: QmpLane;
  readonly command: string;
  readonly result: QmpResult;
  readonly replyAfterMs: number;
}

/** The way to stop waiting. The request itself cannot be taken back once it is written, and its slot stays taken. */
export interface QmpPending {
  abandon(cause?: unknown): void;
}

/** One lane's side of the health clock. Every request of ours counts, and every reply does, errors and late ones too. */
export interface QmpLaneClock {
  /** When the oldest unanswered request was sent, settled callers included; undefined where none is open. */
  readonly openSinceMonoMs: number | undefined;
  readonly openCount: number;
  /** In-band callers that wait for the slot. */
  readonly waitingCount: number;
  readonly lastReplyMonoMs: number | undefined;
  readonly lastRoundTripMs: number | undefined;
}

export interface QmpCounters {
  readonly bytesIn: number;
  readonly events: number;
  /** Replies with an id that is not ours (or none): an earlier client's, or a parse error's. */
  readonly droppedReplies: number;
  /** Objects that are none of greeting, return, error and event. */
  readonly droppedMessages: number;
  readonly lateReplies: number;
  readonly timeouts: number;
  /** How often the socket stayed full for `writeBlockedAfterMs`. */
  readonly blockedWrites: number;
}

/** Called synchronously, from the read loop: be quick, and do not throw. */
export interface QmpHandlers {
  onGreeting?(greeting: QmpGreeting): void;
  /** Command mode; also after a negotiation that had been overdue. */
  onRunning?(): void;
  onEvent?(event: QmpEvent): void;
  onLateReply?(late: QmpLateReply): void;
  /** The socket has been full for `writeBlockedAfterMs`. */
  onWriteBlocked?(): void;
  /** Once, whatever ended it; every pending caller has been settled before. */
  onClosed?(reason: QmpCloseReason): void;
  /** Every message as text, handshake included. Costs nothing when unset. */
  onTranscript?(line: { readonly direction: "sent" | "received"; readonly text: string }): void;
}

export interface QmpClientOptions {
  readonly address: QmpAddress;
  /** The only commands that this client will ever write, besides `qmp_capabilities`. */
  readonly allowedCommands: ReadonlySet<string>;
  /** In-band requests in flight at once. QEMU stops reading a monitor, OOB included, at its ninth. */
  readonly inBandWindow: number;
  readonly handlers?: QmpHandlers;
  /** Default 2,000. */
  readonly connectTimeoutMs?: number;
  /** Default 2,000. */
  readonly greetingTimeoutMs?: number;
  /** Default 5,000. Settles the caller of `connect` only: the session is kept. */
  readonly negotiationTimeoutMs?: number;
  /** Default 1,000. */
  readonly writeBlockedAfterMs?: number;
  /** Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /** Out-of-band requests in flight at once; default 32. */
  readonly maxOutOfBand?: number;
  readonly openTransport?: OpenTransport;
  readonly clock?: QmpClock;
  /** Makes the part of the request ids that nobody can guess; default 96 random bits. */
  readonly randomPrefix?: () => string;
}

/** One connection to one QEMU monitor. Not used again after it closed: a new connection is a new client. */
export declare class QmpClient {
  constructor(options: QmpClientOptions);
  readonly state: QmpState;
  readonly greeting: QmpGreeting | undefined;
  /** Whether out-of-band works: offered, asked for and granted. */
  readonly hasOob: boolean;
  readonly inBand: QmpLaneClock;
  readonly outOfBand: QmpLaneClock;
  readonly counters: QmpCounters;
  /** Since when the socket takes no more bytes; undefined while it does. */
  readonly writeBlockedSinceMonoMs: number | undefined;
  /**
   * Dials, waits for the greeting and negotiates. Resolves in command mode.
   * @throws QmpConnectError, QmpHandshakeError, QmpProtocolError. After `negotiation-unanswered` alone the session is kept: `state` reads
   * `negotiating`, `inBand.openSinceMonoMs` ages, and `onRunning` comes when the hang ends.
   */
  connect(signal?: AbortSignal): Promise<QmpGreeting>;
  /**
   * Sends one command; the callback comes once, later. The cheap path: no promise, no timer.
   * @throws QmpStateError (`not-running`, `command-not-allowed`, `no-oob`) at once, with nothing written.
   */
  request(request: QmpRequest, callback: (result: QmpResult) => void): QmpPending;
  /** In-band. @throws QmpStateError, QmpCommandError, QmpTimeoutError, QmpInterruptedError */
  execute(command: string, args: object | undefined, options: QmpExecuteOptions): Promise<QmpReply>;
  /** Out of band, never queued behind in-band. @throws as `execute`, and QmpStateError `no-oob` */
  executeOob(command: string, args: object | undefined, options: QmpExecuteOptions): Promise<QmpReply>;
  /** Ends it and settles every caller. Safe to call twice. */
  close(): void;
}
