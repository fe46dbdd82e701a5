import { createHash } from "node:crypto";
import { textToHash } from "#lib/audit/chain";
import type { ChainedRow } from "#lib/audit/chain";

/** SHA-256, in hexadecimal. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Puts a row behind the one whose hash is given. */
export function chainRow(row: Omit<ChainedRow, "hash" | "previous_hash">, previousHash: string): ChainedRow {
  const linked = { ...row, previous_hash: previousHash };
  return { ...linked, hash: hashOf(textToHash(linked)) };
}
