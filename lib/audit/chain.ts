/** A row of the audit as it is stored, every column of it. The chain is made over exactly these. */
export interface ChainedRow {
  writer: string;
  /** Gapless per writer, from 1: the order in which rows were written, whatever the clock on the wall did meanwhile. */
  sequence: number;
  at_ms: number;
  who: string;
  from_address: string | null;
  type: string;
  vm_id: string | null;
  event_json: string;
  /** The hash of the row before this one; `NO_ROW_BEFORE` for the first. */
  previous_hash: string;
  /** Over all of the above. */
  hash: string;
}

/** Where a writer's record stood at some moment. Kept apart from the rows, it shows when their end is cut off. */
export interface AuditHead {
  writer: string;
  /** 0: there was no row yet. */
  sequence: number;
  hash: string;
}

export const NO_ROW_BEFORE = "0".repeat(64);
const FORMAT = 1;
const HEAD = /^(?<writer>\S{1,100}) (?<sequence>0|[1-9]\d{0,15}) (?<hash>[0-9a-f]{64})$/;

/**
 * What is hashed, SHA-256 over its UTF-8: one JSON list, so that no two rows have the same text. Stored hashes outlive this
 * code: a change of it is a new format beside this one.
 */
export function textToHash(row: Omit<ChainedRow, "hash">): string {
  return JSON.stringify([
    FORMAT,
    row.writer,
    row.sequence,
    row.at_ms,
    row.who,
    row.from_address,
    row.type,
    row.vm_id,
    row.event_json,
    row.previous_hash,
  ]);
}

/** One line: what `ripcord audit head` prints, and what a line of `audit-head` holds. */
export function formatHead({ writer, sequence, hash }: AuditHead): string {
  return `${writer} ${sequence} ${hash}`;
}

/** Undefined for what is no head, such as a line that a power cut tore off. */
export function parseHead(line: string): AuditHead | undefined {
  const { writer, sequence, hash } = HEAD.exec(line.trim())?.groups ?? {};
  if (writer === undefined || sequence === undefined || hash === undefined) return undefined;
  return { writer, sequence: Number(sequence), hash };
}
