import type { QmpErrorClass } from "#lib/qapi/errors";

/** Did it happen? `not-sent` and `refused`: no. `unknown`: look before doing it again. */
export type QmpOutcome = "not-sent" | "refused" | "unknown";

/** The family. `code` is stable and for programs, `message` for people; `cause` holds the system's own error. */
export abstract class QmpError extends Error {
  abstract readonly code: string;
  abstract readonly outcome: QmpOutcome;
}

/**
 * `refused`: nobody listens there. `backlog-full`: so many clients wait that the kernel takes no more. The others say
 * what they are.
 */
export type QmpConnectCode = "refused" | "no-such-socket" | "not-permitted" | "backlog-full" | "connect-timeout" | "connect-failed";

/** The connection was never made. */
export class QmpConnectError extends QmpError {
  override readonly name = "QmpConnectError";
  readonly outcome = "not-sent";
  readonly code: QmpConnectCode;
  constructor(code: QmpConnectCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * `no-greeting`: connected, and nothing came: the monitor serves somebody else, or the process is frozen.
 * `negotiation-unanswered`: greeted, and no answer to `qmp_capabilities`: the main loop hung before we came. The session
 * is kept. `negotiation-refused`: QEMU answered with an error. `not-qmp`: another protocol. `lost`: it hung up on us.
 */
export type QmpHandshakeCode = "no-greeting" | "not-qmp" | "negotiation-unanswered" | "negotiation-refused" | "lost";

/** Connected, and never got as far as command mode. */
export class QmpHandshakeError extends QmpError {
  override readonly name = "QmpHandshakeError";
  readonly outcome = "not-sent";
  readonly code: QmpHandshakeCode;
  constructor(code: QmpHandshakeCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Nothing was written. `slot-taken`: another in-band request is unanswered and the caller would not wait longer.
 * `lane-full`: too many out-of-band requests are unanswered. `write-blocked`: the socket takes nothing more, and this
 * request never left the process. `aborted` and `closed`: called off, or ended, before it was sent. The rest are bugs.
 */
export type QmpStateCode =
  "not-idle" | "not-running" | "command-not-allowed" | "no-oob" | "slot-taken" | "lane-full" | "write-blocked" | "aborted" | "closed";

/** The request was not sent, for a reason on our side. */
export class QmpStateError extends QmpError {
  override readonly name = "QmpStateError";
  readonly outcome = "not-sent";
  readonly code: QmpStateCode;
  constructor(code: QmpStateCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** QEMU answered `error`. `desc` is for people: its wording differs between versions, never parse it. */
export class QmpCommandError extends QmpError {
  override readonly name = "QmpCommandError";
  readonly outcome = "refused";
  readonly code = "command-error";
  readonly qmpClass: QmpErrorClass;
  readonly desc: string;
  constructor(qmpClass: QmpErrorClass, desc: string) {
    super(desc);
    this.qmpClass = qmpClass;
    this.desc = desc;
  }
}

/** No reply in time. The request stays open: its reply is still matched and reported, as late. */
export class QmpTimeoutError extends QmpError {
  override readonly name = "QmpTimeoutError";
  readonly outcome = "unknown";
  readonly code = "reply-timeout";
}

/** `lost`: the peer hung up. `closed`: we did. `aborted`: the caller's signal. All after the request was written. */
export type QmpInterruptedCode = "lost" | "closed" | "aborted";

/** The request was written, and nobody waits for its reply any more. */
export class QmpInterruptedError extends QmpError {
  override readonly name = "QmpInterruptedError";
  readonly outcome = "unknown";
  readonly code: QmpInterruptedCode;
  constructor(code: QmpInterruptedCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** `garbage`: bytes outside any object. `invalid-json`: an object that does not parse (QEMU can write a bare `inf`). */
export type QmpProtocolCode = "message-too-large" | "garbage" | "invalid-json" | "telnet";

/** The peer does not speak QMP, or not any more; the session ends with it. */
export class QmpProtocolError extends QmpError {
  override readonly name = "QmpProtocolError";
  readonly outcome = "unknown";
  readonly code: QmpProtocolCode;
  constructor(code: QmpProtocolCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
