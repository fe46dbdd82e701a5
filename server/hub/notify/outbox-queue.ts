import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import { backoffMs } from "./deliver.ts";
import type { Outcome } from "./deliver.ts";
import type { NotifyStore, OutboxEntry, ToldChange } from "./notify-store.ts";
import type { OutcomeKind, TargetStatus } from "./target.ts";

const MAX_QUEUED = 1_000;
/** What could not be told for so long is news to nobody. */
const KEEP_MS = 24 * 3_600_000;

export interface OutboxQueueOptions {
  target: string;
  store: NotifyStore;
  clock: Clock;
  log: Log;
  random(): number;
  send(entry: OutboxEntry, closing: AbortSignal): Promise<Outcome>;
  onOutcome(outcome: OutcomeKind): void;
}

/**
 * Messages to one receiver, in order, one at a time, each until it was taken: at least once, also over a restart. It lives
 * in memory and is mirrored to the store, so that a full disk silences nobody. Time is the clock that nobody sets.
 */
export class OutboxQueue {
  readonly #options: OutboxQueueOptions;
  readonly #closing = new AbortController();
  #queue: { entry: OutboxEntry; queuedMonoMs: number }[];
  #saving: Promise<unknown> = Promise.resolve();
  #sending: Promise<void> | undefined;
  #failures = 0;
  #nextMonoMs = 0;
  #deliveredAtMs: number | undefined;
  #lastError: TargetStatus["lastError"];

  constructor(options: OutboxQueueOptions, entries: readonly OutboxEntry[]) {
    this.#options = options;
    const { clock } = options;
    const queuedMonoMs = (entry: OutboxEntry) => clock.monoMs() - Math.max(0, clock.nowMs() - entry.createdAtMs);
    this.#queue = entries.map((entry) => ({ entry, queuedMonoMs: queuedMonoMs(entry) }));
  }

  /** Takes it over, with what its receiver was then told. */
  add(entry: OutboxEntry, changes: readonly ToldChange[]): void {
    this.#queue.push({ entry, queuedMonoMs: this.#options.clock.monoMs() });
    this.save(changes, entry);
    // The first may be under way.
    while (this.#queue.length > MAX_QUEUED) this.#drop(this.#queue.splice(1, 1)[0]?.entry, "there are too many");
  }

  save(changes: readonly ToldChange[], entry?: OutboxEntry): void {
    this.#mirror(() => this.#options.store.save(this.#options.target, changes, entry));
  }

  /** Sends what is due, unless something is under way. */
  pump(): void {
    if (this.#sending || this.#closing.signal.aborted || this.#options.clock.monoMs() < this.#nextMonoMs) return;
    this.#dropOld();
    const first = this.#queue[0];
    if (!first) return;
    this.#sending = this.#send(first.entry).finally(() => {
      this.#sending = undefined;
      this.pump();
    });
  }

  status(): Pick<TargetStatus, "queued" | "failures" | "deliveredAtMs" | "lastError"> {
    const delivered = this.#deliveredAtMs === undefined ? {} : { deliveredAtMs: this.#deliveredAtMs };
    return {
      queued: this.#queue.length,
      failures: this.#failures,
      ...delivered,
      ...(this.#lastError ? { lastError: this.#lastError } : {}),
    };
  }

  /** What is under way is cut short and sent again by the next hub. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
    await this.#saving;
  }

  async #send(entry: OutboxEntry): Promise<void> {
    const { target, clock, log, random, onOutcome, send } = this.#options;
    const outcome = await send(entry, this.#closing.signal);
    if (this.#closing.signal.aborted && outcome.kind !== "delivered") return;
    if (outcome.kind === "delivered") {
      if (this.#failures > 0) log.info({ target, failures: this.#failures }, "notifications are delivered again");
      this.#failures = 0;
      this.#deliveredAtMs = clock.nowMs();
      this.#forget(entry);
      onOutcome("delivered");
      return;
    }
    this.#lastError = { atMs: clock.nowMs(), text: outcome.reason };
    if (outcome.kind === "refused") {
      log.error({ target, event: entry.event, reason: outcome.reason }, "a notification was refused and is given up");
      this.#forget(entry);
      onOutcome("refused");
      return;
    }
    this.#failures += 1;
    this.#nextMonoMs = clock.monoMs() + Math.max(outcome.afterMs ?? 0, backoffMs(this.#failures, random));
    if (this.#failures === 1) log.warn({ target, reason: outcome.reason }, "a notification could not be delivered; tried again");
    onOutcome("failed");
  }

  #dropOld(): void {
    const oldestMonoMs = this.#options.clock.monoMs() - KEEP_MS;
    while (this.#queue[0] && this.#queue[0].queuedMonoMs < oldestMonoMs) this.#drop(this.#queue.shift()?.entry, "it is a day old");
  }

  #drop(entry: OutboxEntry | undefined, why: string): void {
    if (!entry) return;
    this.#options.log.error({ target: this.#options.target, event: entry.event, why }, "a notification is given up");
    this.#forget(entry);
    this.#options.onOutcome("dropped");
  }

  #forget(entry: OutboxEntry): void {
    this.#queue = this.#queue.filter((queued) => queued.entry !== entry);
    this.#mirror(() => this.#options.store.forget(entry.entryId));
  }

  /** In order, behind: what cannot be written is sent all the same. */
  #mirror(write: () => Promise<void>): void {
    const { log, target } = this.#options;
    this.#saving = this.#saving.then(write).catch((error: unknown) => {
      log.error({ target, error: String(error) }, "the outbox could not be written; a restart may lose or repeat a notification");
    });
  }
}
