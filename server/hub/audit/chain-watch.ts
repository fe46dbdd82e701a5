import type { Kysely } from "kysely";
import type { AuditHead } from "#lib/audit/chain";
import { ChainCheck } from "#lib/audit/chain-check";
import type { ChainFault } from "#lib/audit/chain-check";
import type { AuditState } from "#lib/audit/chain-state";
import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import { hashOf } from "../store/audit-chain.ts";
import { readHeads } from "../store/audit-head.ts";
import type { AuditLog } from "../store/audit-log.ts";
import { rowsBehind } from "../store/audit-rows.ts";
import type { RecordTables } from "../store/schema.ts";
import { pruneAudit } from "./retention.ts";

const CHECK_EVERY_MS = 3_600_000;
// One slice holds the event loop for a millisecond or two; 100,000 rows take some twenty seconds.
const SLICE_ROWS = 100;
const SLICE_PAUSE_MS = 20;

export interface ChainWatchOptions {
  db: Kysely<RecordTables>;
  audit: AuditLog;
  headFile: string;
  clock: Clock;
  log: Log;
  /** Absent: rows are kept for ever. Rows are dropped before a check, never beside it. */
  keepDays: number | undefined;
  /** Once per fault. */
  onBroken(fault: ChainFault): void;
}

/** Verifies the record beside the hub's work: at its start and every hour, in slices that nobody waits for. */
export class ChainWatch {
  readonly #options: ChainWatchOptions;
  #stopEvery: (() => void) | undefined;
  #stopSlice: (() => void) | undefined;
  #check: AuditState["check"];
  #isChecking = false;
  #isClosed = false;
  #trouble: string | undefined;
  #reported: string | undefined;

  constructor(options: ChainWatchOptions) {
    this.#options = options;
  }

  /** The first check, and one every hour from then on. */
  start(): void {
    this.#stopEvery = this.#options.clock.every(CHECK_EVERY_MS, () => this.#begin());
    this.#begin();
  }

  async state(): Promise<AuditState> {
    const { audit, keepDays } = this.#options;
    const head = await audit.head();
    const trouble = audit.isHeadBehind ? "The newest rows could not be noted in audit-head; the log says why" : this.#trouble;
    return {
      writer: audit.writer,
      ...(head === undefined ? {} : { head: { sequence: head.sequence, hash: head.hash } }),
      ...(this.#check === undefined ? {} : { check: this.#check }),
      isChecking: this.#isChecking,
      ...(trouble === undefined ? {} : { trouble }),
      ...(keepDays === undefined ? {} : { keepDays }),
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#stopEvery?.();
    this.#stopSlice?.();
  }

  #begin(): void {
    if (this.#isChecking || this.#isClosed) return;
    this.#isChecking = true;
    this.#run().then(
      () => this.#end(undefined),
      (error: unknown) => {
        if (this.#isClosed) return;
        this.#options.log.error({ error: String(error) }, "the record could not be verified");
        this.#end("The record could not be verified; the log says why");
      },
    );
  }

  #end(trouble: string | undefined): void {
    this.#isChecking = false;
    this.#trouble = trouble;
  }

  async #run(): Promise<void> {
    const { db, audit, headFile, clock, keepDays } = this.#options;
    if (keepDays !== undefined) await pruneAudit(db, audit, { keepDays, nowMs: clock.nowMs() });
    if (this.#isClosed) return;
    // Before the rows, so that every head found is of a row that can be seen.
    const heads = openHeads(headFile);
    try {
      const check = new ChainCheck({ writer: audit.writer, hashOf, heads });
      for (let behind = 0; ;) {
        const rows = await rowsBehind(db, audit.writer, behind, SLICE_ROWS);
        for (const row of rows) check.take(row);
        behind = rows.at(-1)?.sequence ?? behind;
        if (rows.length < SLICE_ROWS || check.fault) break;
        await this.#pause();
        if (this.#isClosed) return;
      }
      const { firstSequence = 1, throughSequence = 0, fault, notes } = check.finish();
      this.#check = { isIntact: fault === undefined, firstSequence, throughSequence, atMs: clock.nowMs(), ...(fault && { fault }), notes };
      if (fault) this.#report(fault);
    } finally {
      heads.return(undefined);
    }
  }

  #report(fault: ChainFault): void {
    this.#options.log.error({ fault }, "the record does not verify");
    if (this.#reported === fault.text) return;
    this.#reported = fault.text;
    this.#options.onBroken(fault);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(SLICE_PAUSE_MS, resolve);
      this.#stopSlice = () => {
        stop();
        resolve();
      };
    });
  }
}

function openHeads(file: string): Generator<AuditHead, void> {
  try {
    return readHeads(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return noHeads();
    throw error;
  }
}

function* noHeads(): Generator<AuditHead, void> {
  // Somebody removed the file under the running hub; the check says that there is none.
}
