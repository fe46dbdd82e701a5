import { isTerminalMigration } from "#lib/qapi/migration";
import type { QmpEvent } from "#lib/qapi/events";
import type { ColoReport } from "#lib/vm/report";
import { clipText, isRecord } from "./plain-data.ts";

const SAMPLE_EVERY_MS = 5_000;

/**
 * One side of a COLO pair: which, and whether somebody has to decide who goes on. After COLO ended by an error QEMU waits
 * for that decision and tells nothing more of it; it shows as made when the migration's status leaves `colo`.
 * @see QEMU qapi/migration.json, query-colo-status and COLO_EXIT
 */
export class ColoWatch {
  #role: ColoReport["role"] | undefined;
  #reason: string | undefined;
  #isFailoverDue = false;
  #readMonoMs = -Infinity;
  #askedMonoMs = -Infinity;
  #isExitUnread = false;

  /** Whether `query-colo-status` should be asked now; if so that counts as asked. Never of a VM that shows no COLO. */
  takeTurn(isInColo: boolean, nowMonoMs: number): boolean {
    if (!this.#isExitUnread && (!isInColo || nowMonoMs - this.#askedMonoMs < SAMPLE_EVERY_MS)) return false;
    this.#isExitUnread = false;
    this.#askedMonoMs = nowMonoMs;
    return true;
  }

  /** @returns whether it tells something new. */
  noteExit(event: QmpEvent, nowMonoMs: number): boolean {
    const { mode, reason } = event.data;
    this.#takeRole(mode);
    this.#reason = typeof reason === "string" ? clipText(reason, 64) : this.#reason;
    this.#isFailoverDue = reason === "error";
    this.#isExitUnread = true;
    this.#readMonoMs = nowMonoMs;
    return true;
  }

  /** Takes one answer to `query-colo-status`. @returns whether it tells something new. */
  take(value: unknown, nowMonoMs: number): boolean {
    if (!isRecord(value)) return false;
    const before = `${this.#role} ${this.#reason} ${this.#isFailoverDue}`;
    this.#takeRole(value["mode"]);
    if (this.#role === undefined) this.#takeRole(value["last-mode"]);
    const { reason } = value;
    // `none` after an error only says that nobody has decided yet.
    if (typeof reason === "string" && !(this.#isFailoverDue && reason === "none")) this.#reason = clipText(reason, 64);
    if (reason === "request" || reason === "processing") this.#isFailoverDue = false;
    this.#readMonoMs = nowMonoMs;
    return `${this.#role} ${this.#reason} ${this.#isFailoverDue}` !== before;
  }

  /** @returns whether that decided a failover that was due. */
  noteMigration(status: string | undefined): boolean {
    if (!this.#isFailoverDue || status === undefined || !isTerminalMigration(status)) return false;
    this.#isFailoverDue = false;
    return true;
  }

  /** Undefined until a role was read. */
  report(nowMonoMs: number): ColoReport | undefined {
    if (this.#role === undefined) return undefined;
    return {
      role: this.#role,
      isFailoverDue: this.#isFailoverDue,
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ageMs: nowMonoMs - this.#readMonoMs,
    };
  }

  #takeRole(mode: unknown): void {
    if (mode === "primary" || mode === "secondary") this.#role = mode;
  }
}
