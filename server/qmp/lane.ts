import { encodeRequest } from "./codec.ts";
import type { QmpCallback, QmpLane, QmpLaneClock, QmpPending, QmpRequest } from "./request.ts";

/** `waiting`: for the slot. `held`: it has the slot, and the socket is full. `open`: written, unanswered. */
export type Stage = "waiting" | "held" | "open" | "done";

/** Who keeps the entries, and knows how to take one back. */
export interface EntryOwner {
  abandon(entry: Entry, cause: unknown): void;
}

export interface EntryId {
  readonly number: number;
  readonly text: string;
}

/** One request, from asking to the reply. The caller may be settled long before. */
export class Entry implements QmpPending {
  readonly lane: Lane;
  readonly command: string;
  /** Its place among the ids of this connection; given back when the request is done. */
  readonly number: number;
  readonly id: string;
  readonly timeoutMs: number;
  /** What is to be written; empty once it is. */
  text: string;
  stage: Stage = "waiting";
  sentMonoMs = 0;
  deadlineMonoMs = Infinity;
  /** Undefined once the caller has been settled. */
  callback: QmpCallback | undefined;
  readonly #owner: EntryOwner;

  constructor(owner: EntryOwner, lane: Lane, id: EntryId, request: QmpRequest, callback: QmpCallback) {
    this.#owner = owner;
    this.lane = lane;
    this.number = id.number;
    this.id = id.text;
    this.command = request.command;
    this.timeoutMs = request.timeoutMs;
    this.text = encodeRequest(lane.kind === "in-band" ? "execute" : "exec-oob", request.command, request.arguments, id.text);
    this.callback = callback;
  }

  abandon(cause?: unknown): void {
    this.#owner.abandon(this, cause);
  }
}

export class Lane implements QmpLaneClock {
  readonly kind: QmpLane;
  readonly limit: number;
  /** All three in order of asking, so the first is the oldest. */
  readonly open: Entry[] = [];
  readonly held: Entry[] = [];
  readonly waiting: Entry[] = [];
  /** How many places are taken: open and held. */
  taken = 0;
  lastReplyMonoMs: number | undefined = undefined;
  lastRoundTripMs: number | undefined = undefined;
  /** Oldest request that was given up on a full socket: the lane is still unanswered since then. */
  withdrawnSinceMonoMs: number | undefined = undefined;

  constructor(kind: QmpLane, limit: number) {
    this.kind = kind;
    this.limit = limit;
  }

  get openSinceMonoMs(): number | undefined {
    const oldest = this.open[0]?.sentMonoMs ?? this.held[0]?.sentMonoMs;
    if (oldest === undefined || this.withdrawnSinceMonoMs === undefined) return oldest ?? this.withdrawnSinceMonoMs;
    return Math.min(oldest, this.withdrawnSinceMonoMs);
  }

  get openCount(): number {
    return this.open.length;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  get hasRoom(): boolean {
    return this.taken < this.limit;
  }

  /** When the next of its callers loses patience; `Infinity` where nobody waits. */
  get nextDeadlineMonoMs(): number {
    let earliest = Infinity;
    for (const list of [this.open, this.held, this.waiting]) {
      for (const { callback, deadlineMonoMs } of list) if (callback !== undefined && deadlineMonoMs < earliest) earliest = deadlineMonoMs;
    }
    return earliest;
  }

  /** Those of its callers whose patience has ended. */
  overdue(nowMonoMs: number): Entry[] {
    return [...this.open, ...this.held, ...this.waiting].filter(({ callback, deadlineMonoMs }) => callback && deadlineMonoMs <= nowMonoMs);
  }
}

/** Takes one out of a list of a lane; the newest, which it mostly is, at no cost. */
export function remove(list: Entry[], entry: Entry): void {
  const index = list.indexOf(entry);
  if (index < 0) return;
  if (index === list.length - 1) list.pop();
  else list.splice(index, 1);
}
