import type { QmpError } from "./errors.ts";

export type QmpLane = "in-band" | "out-of-band";

export interface QmpReply {
  /** QEMU's `return`, unchecked: the VM's own words. Integers beyond 2^53 are `bigint`. */
  readonly value: unknown;
  readonly sentMonoMs: number;
  readonly repliedMonoMs: number;
  readonly replyAfterMs: number;
}

/** What became of one request; `error.outcome` says whether it happened. */
export type QmpResult = { readonly ok: true; readonly reply: QmpReply } | { readonly ok: false; readonly error: QmpError };
export type QmpCallback = (result: QmpResult) => void;

export interface QmpRequest {
  readonly lane: QmpLane;
  readonly command: string;
  readonly arguments?: object;
  /** How long the caller waits for the reply, counted from sending. `Infinity` is allowed. */
  readonly timeoutMs: number;
  /** How long an in-band request may wait for the slot; 0 (default): refused at once with `slot-taken`. */
  readonly slotWaitMs?: number;
}

/** The way to stop waiting. A written request cannot be taken back, and its slot stays taken. */
export interface QmpPending {
  abandon(cause?: unknown): void;
}

/** A reply whose caller had been settled already (time-out or abort). It has freed its slot. */
export interface QmpLateReply {
  readonly lane: QmpLane;
  readonly command: string;
  readonly result: QmpResult;
  readonly replyAfterMs: number;
}

/** One lane's side of the health clock. Every request of ours counts, and every reply does, errors and late ones too. */
export interface QmpLaneClock {
  /** Since when the oldest request is unanswered, settled callers included; undefined where none is open. */
  readonly openSinceMonoMs: number | undefined;
  readonly openCount: number;
  /** In-band callers that wait for the slot. */
  readonly waitingCount: number;
  readonly lastReplyMonoMs: number | undefined;
  readonly lastRoundTripMs: number | undefined;
}
