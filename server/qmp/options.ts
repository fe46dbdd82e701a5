import type { QmpEvent } from "#lib/qapi/events";
import type { QmpGreeting } from "#lib/qapi/greeting";
import type { QmpClock } from "./clock.ts";
import type { QmpLateReply } from "./request.ts";
import type { QmpCloseReason } from "./session-state.ts";
import type { OpenTransport, QmpAddress } from "./transport.ts";

export interface QmpCounters {
  readonly bytesIn: number;
  readonly events: number;
  /** Replies with an id that is not ours (or none): an earlier client's, or a parse error's. */
  readonly droppedReplies: number;
  /** Objects that are none of greeting, return, error and event, and greetings after the first. */
  readonly droppedMessages: number;
  readonly lateReplies: number;
  readonly timeouts: number;
  /** How often the socket stayed full for `writeBlockedAfterMs`. */
  readonly blockedWrites: number;
}

/** Called synchronously, most of them from the read loop: be quick. What one throws surfaces as an uncaught exception. */
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
  /** In-band requests in flight at once, 1 to 8. At the ninth QEMU stops reading the monitor, OOB included. */
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
  /** Default 4 MiB; a larger message ends the session. */
  readonly maxMessageBytes?: number;
  /** Out-of-band requests in flight at once; default 32. */
  readonly maxOutOfBand?: number;
  readonly openTransport?: OpenTransport;
  readonly clock?: QmpClock;
  /** Makes the part of the request ids that nobody can guess; default 30 random bits, five characters. Letters, digits, `-`, `_`. */
  readonly randomPrefix?: () => string;
}
