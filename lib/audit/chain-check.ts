import { NO_ROW_BEFORE, textToHash } from "./chain.ts";
import type { AuditHead, ChainedRow } from "./chain.ts";

/** The first row that is not as it was written, and what is wrong with it. */
export interface ChainFault {
  writer: string;
  sequence: number;
  kind: "changed" | "missing" | "replaced" | "out-of-order" | "cut-off" | "no-head";
  text: string;
}

/** What holds and has to be known beside it. */
export interface ChainReport {
  writer: string;
  /** Rows looked at. */
  rows: number;
  firstSequence?: number;
  /** Everything up to this row is as it was written. */
  throughSequence?: number;
  /** Of that row. */
  hash?: string;
  fault?: ChainFault;
  notes: string[];
}

export interface ChainCheckOptions {
  writer: string;
  hashOf(text: string): string;
  /** The heads that were kept apart from the rows, in the order in which they were written; undefined: none were looked for. */
  heads?: Iterator<AuditHead>;
  /** An exported part may begin anywhere; a record begins with row 1, or where its own checkpoint says. */
  isPart?: boolean;
}

/**
 * Looks at the rows of one writer, one after the other and holding none of them: each has to be as it was hashed, to stand
 * right behind the one before it, and to agree with every head that was kept. Stops to look at the first fault.
 */
export class ChainCheck {
  readonly #options: ChainCheckOptions;
  readonly #notes: string[] = [];
  #rows = 0;
  #first: ChainedRow | undefined;
  #last: { sequence: number; hash: string } | undefined;
  #checkpoint: { firstKept: number; chainsFrom: string } | undefined;
  #head: AuditHead | undefined;
  #hasHead = false;
  #fault: ChainFault | undefined;

  constructor(options: ChainCheckOptions) {
    this.#options = options;
    this.#head = this.#nextHead();
    this.#hasHead = this.#head !== undefined;
  }

  get fault(): ChainFault | undefined {
    return this.#fault;
  }

  /** The next row, in its order. */
  take(row: ChainedRow): void {
    if (this.#fault) return;
    this.#rows += 1;
    this.#fault = this.#faultOf(row);
    if (this.#fault) return;
    this.#first ??= row;
    this.#last = { sequence: row.sequence, hash: row.hash };
    this.#readEvent(row);
  }

  /** To be called behind the last row. */
  finish(): ChainReport {
    this.#fault ??= this.#faultOfStart() ?? this.#faultOfEnd();
    const { writer } = this.#options;
    return {
      writer,
      rows: this.#rows,
      ...(this.#first === undefined ? {} : { firstSequence: this.#first.sequence }),
      ...(this.#last === undefined ? {} : { throughSequence: this.#last.sequence, hash: this.#last.hash }),
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
      notes: this.#notes,
    };
  }

  #faultOf(row: ChainedRow): ChainFault | undefined {
    const last = this.#last;
    if (last && row.sequence <= last.sequence) {
      return this.#say(row.sequence, "out-of-order", `row ${row.sequence} stands behind row ${last.sequence}`);
    }
    if (last && row.sequence !== last.sequence + 1) {
      return this.#say(
        last.sequence + 1,
        "missing",
        `row ${last.sequence + 1} is missing: behind row ${last.sequence} stands row ${row.sequence}`,
      );
    }
    if (this.#options.hashOf(textToHash(row)) !== row.hash) {
      return this.#say(row.sequence, "changed", `row ${row.sequence} is not as it was written: its hash does not fit what it says`);
    }
    if (last && row.previous_hash !== last.hash) {
      return this.#say(last.sequence, "replaced", `row ${last.sequence} is not the one that row ${row.sequence} was written behind`);
    }
    if (row.sequence === 1 && row.previous_hash !== NO_ROW_BEFORE) {
      return this.#say(1, "replaced", "row 1 says that a row stood before it");
    }
    return this.#faultByHeads(row);
  }

  #faultByHeads(row: ChainedRow): ChainFault | undefined {
    for (; this.#head && this.#head.sequence <= row.sequence; this.#head = this.#nextHead()) {
      if (this.#head.sequence < row.sequence) {
        // A head of a row that retention dropped since, or one that a later head had passed already.
        continue;
      }
      if (this.#head.hash !== row.hash) {
        return this.#say(row.sequence, "replaced", `row ${row.sequence} is not the one whose hash was kept apart as it was written`);
      }
    }
    return undefined;
  }

  /** A record that does not begin with row 1 has to say so itself. */
  #faultOfStart(): ChainFault | undefined {
    const first = this.#first;
    if (!first || first.sequence === 1) return undefined;
    if (this.#options.isPart) {
      this.#notes.push(`a part of a record: it begins behind row ${first.sequence - 1}, whose hash was ${first.previous_hash}`);
      return undefined;
    }
    const firstKept = this.#checkpoint?.firstKept ?? 1;
    if (first.sequence > firstKept) {
      return this.#say(
        firstKept,
        "missing",
        `row ${firstKept} is missing: the record begins with row ${first.sequence}, and no checkpoint says so`,
      );
    }
    if (first.sequence === firstKept && first.previous_hash !== this.#checkpoint?.chainsFrom) {
      return this.#say(first.sequence, "replaced", `row ${first.sequence} is not the one that the checkpoint kept`);
    }
    this.#notes.push(`rows up to ${first.sequence - 1} were dropped by retention, as a checkpoint in the record says`);
    return undefined;
  }

  #faultOfEnd(): ChainFault | undefined {
    const end = this.#last?.sequence ?? 0;
    if (this.#options.heads === undefined) {
      this.#notes.push(`no head was looked at: whether rows behind ${end} were cut off cannot be told`);
      return undefined;
    }
    for (; this.#head; this.#head = this.#nextHead()) {
      if (this.#head.sequence > end) {
        return this.#say(
          end + 1,
          "cut-off",
          `row ${end + 1} is missing: the record ends with row ${end}, and had reached row ${this.#head.sequence}`,
        );
      }
    }
    if (!this.#hasHead && this.#rows > 0) {
      return this.#say(end + 1, "no-head", `no head of this record was kept: whether rows behind ${end} were cut off cannot be told`);
    }
    return undefined;
  }

  /** Rows that tell of the record itself. */
  #readEvent({ type, event_json, sequence, writer }: ChainedRow): void {
    if (type !== "audit-pruned" && type !== "audit-chained" && type !== "audit-head-begun" && type !== "audit-cut-off") return;
    const event = membersOf(event_json);
    switch (type) {
      case "audit-pruned":
        this.#checkpoint = { firstKept: Number(event.firstKept), chainsFrom: String(event.chainsFrom) };
        return;
      case "audit-chained":
        this.#notes.push(
          `rows up to ${Number(event.throughSequence)} were written before there was a chain, and chained later, as row ${sequence} says`,
        );
        return;
      case "audit-head-begun":
        this.#notes.push(`audit-head was begun anew at row ${sequence}: what was cut off before it cannot be told`);
        return;
      case "audit-cut-off": {
        const first = Number(event.lastSequence) + 1;
        const text = `row ${first} and later ones, as far as row ${Number(event.headSequence)}, were cut off or replaced before the hub started, as row ${sequence} says`;
        this.#fault = { writer, sequence: first, kind: "cut-off", text };
      }
    }
  }

  #nextHead(): AuditHead | undefined {
    for (;;) {
      const next = this.#options.heads?.next();
      if (!next || next.done) return undefined;
      if (next.value.writer === this.#options.writer) return next.value;
    }
  }

  #say(sequence: number, kind: ChainFault["kind"], text: string): ChainFault {
    return { writer: this.#options.writer, sequence, kind, text };
  }
}

function membersOf(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as object) };
  } catch {
    return {};
  }
}
