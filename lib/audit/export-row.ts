import { z } from "zod";
import type { ChainedRow } from "./chain.ts";

/** One line of `ripcord audit export`: everything that the hash is made of, and the hash. */
const exportedRowSchema = z.strictObject({
  writer: z.string(),
  sequence: z.number(),
  atMs: z.number(),
  who: z.string(),
  from: z.string().nullable(),
  type: z.string(),
  vmId: z.string().nullable(),
  /** The event itself; where that would not give back the stored text to the letter, the text. */
  event: z.unknown().optional(),
  eventText: z.string().optional(),
  previousHash: z.string(),
  hash: z.string(),
});

export function exportRow(row: ChainedRow): string {
  const event = parsedExactly(row.event_json);
  return JSON.stringify({
    writer: row.writer,
    sequence: row.sequence,
    atMs: row.at_ms,
    who: row.who,
    from: row.from_address,
    type: row.type,
    vmId: row.vm_id,
    ...(event === undefined ? { eventText: row.event_json } : { event }),
    previousHash: row.previous_hash,
    hash: row.hash,
  });
}

/** Undefined for a line that is no exported row. */
export function importRow(line: string): ChainedRow | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = exportedRowSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { writer, sequence, atMs, who, from, type, vmId, event, eventText, previousHash, hash } = parsed.data;
  if ((event === undefined) === (eventText === undefined)) return undefined;
  return {
    writer,
    sequence,
    at_ms: atMs,
    who,
    from_address: from,
    type,
    vm_id: vmId,
    event_json: eventText ?? JSON.stringify(event),
    previous_hash: previousHash,
    hash,
  };
}

function parsedExactly(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
