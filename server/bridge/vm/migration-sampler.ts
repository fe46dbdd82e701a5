import type { QmpEvent } from "#lib/qapi/events";
import type { QmpResult } from "#server/qmp/client";
import type { SessionOwner } from "./session-owner.ts";

const SAMPLE_EVERY_MS = 1_000;

/**
 * When `query-migrate` is asked: never of a VM that nothing shows to migrate, once a second of one that does, and at once
 * after an event. Owned by the session; what it reads is kept in `known.migration`.
 */
export class MigrationSampler {
  readonly #owner: SessionOwner;
  #lastSampleMonoMs = -Infinity;
  #isSuspected = false;
  #isSampled = false;

  constructor(owner: SessionOwner) {
    this.#owner = owner;
  }

  /** A migration is or may be under way. */
  get isSuspected(): boolean {
    return this.#isSuspected;
  }

  /** What is suspected was not looked at yet. */
  get isUnread(): boolean {
    return this.#isSuspected && !this.#isSampled;
  }

  suspect(): void {
    this.#isSuspected = true;
  }

  /** The attach readings found one. */
  attached(): void {
    this.#isSuspected = this.#isSampled = true;
  }

  /** The list of instances is another one. */
  noteInstances(): void {
    const { hasMigrationInstance } = this.#owner.known;
    if (hasMigrationInstance !== this.#isSuspected) this.#lastSampleMonoMs = -Infinity;
    if (hasMigrationInstance) this.#isSuspected = true;
  }

  /** Migration events come from its own thread, also while in-band is silent: then they are all that tells. */
  noteEvent(event: QmpEvent, nowMonoMs: number): void {
    this.#isSuspected = true;
    if (event.event !== "MIGRATION") return;
    this.#lastSampleMonoMs = -Infinity;
    const { status } = event.data;
    if (typeof status !== "string") return;
    const { known } = this.#owner;
    known.migration.take({ status }, known.runState?.value, nowMonoMs);
    this.#owner.onChanged();
  }

  /** Whether the slot should go to `query-migrate` now; if so that counts as asked. */
  takeTurn(nowMonoMs: number): boolean {
    if (!this.#isSuspected || nowMonoMs - this.#lastSampleMonoMs < SAMPLE_EVERY_MS * 0.9) return false;
    this.#lastSampleMonoMs = nowMonoMs;
    return true;
  }

  take(result: QmpResult): void {
    if (!result.ok) return;
    const { known } = this.#owner;
    this.#isSampled = true;
    const isFirst = known.migrationIfAny === undefined;
    const { migration } = known;
    migration.take(result.reply.value, known.runState?.value, result.reply.repliedMonoMs);
    known.coloIfAny?.noteMigration(migration.status);
    if (isFirst || migration.status !== undefined) this.#owner.onChanged();
    // The last sample of a migration that ended has been taken; the instance goes shortly after.
    if (!migration.isUnderWay && !known.hasMigrationInstance && known.runState?.value !== "inmigrate") this.#isSuspected = false;
  }
}
