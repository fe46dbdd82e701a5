import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatHead, NO_ROW_BEFORE, parseHead, textToHash } from "./chain.ts";
import type { AuditHead, ChainedRow } from "./chain.ts";
import { ChainCheck } from "./chain-check.ts";
import { exportRow, importRow } from "./export-row.ts";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
const WRITER = "hub-one";
const RUNS = { numRuns: 300 };

function chain(texts: readonly string[]): ChainedRow[] {
  const rows: ChainedRow[] = [];
  for (const text of texts) {
    const event = { type: "incident-noted", text };
    const row = {
      writer: WRITER,
      sequence: rows.length + 1,
      at_ms: 1_000 + rows.length,
      who: "me",
      from_address: null,
      type: event.type,
      vm_id: null,
      event_json: JSON.stringify(event),
      previous_hash: rows.at(-1)?.hash ?? NO_ROW_BEFORE,
    };
    rows.push({ ...row, hash: hashOf(textToHash(row)) });
  }
  return rows;
}

const headOf = ({ writer, sequence, hash }: ChainedRow): AuditHead => ({ writer, sequence, hash });

function check(rows: readonly ChainedRow[], heads: readonly AuditHead[]) {
  const checked = new ChainCheck({ writer: WRITER, hashOf, heads: heads[Symbol.iterator]() });
  for (const row of rows) checked.take(row);
  return checked.finish();
}

const rehashed = (row: ChainedRow): ChainedRow => ({ ...row, hash: hashOf(textToHash(row)) });
const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 30 }), { minLength: 2, maxLength: 25 });
/** A chain, all of its heads or some and always the last one, and a row of it. */
const chains = fc
  .record({ texts, at: fc.nat(), other: fc.nat(), keepsHead: fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }) })
  .map((drawn) => {
    const rows = chain(drawn.texts);
    const at = drawn.at % rows.length;
    const heads = rows.filter((_, index) => drawn.keepsHead[index] || index === rows.length - 1).map(headOf);
    return { rows, heads, at, other: drawn.other % rows.length };
  });

describe("a record", () => {
  test("that nobody touched verifies through its last row, with any heads of it", () => {
    fc.assert(
      fc.property(chains, ({ rows, heads }) => {
        expect(check(rows, heads)).toMatchObject({ rows: rows.length, throughSequence: rows.length, notes: [] });
        expect(check(rows, heads).fault).toBeUndefined();
      }),
      RUNS,
    );
  });

  test("with any one column of any row changed names that row", () => {
    const changes: ((row: ChainedRow) => Partial<ChainedRow>)[] = [
      (row) => ({ at_ms: row.at_ms + 1 }),
      () => ({ who: "somebody else" }),
      () => ({ from_address: "127.0.0.1" }),
      () => ({ type: "hub-stopped" }),
      () => ({ vm_id: "aaaaaa" }),
      (row) => ({ event_json: `${row.event_json} ` }),
      (row) => ({ previous_hash: hashOf(row.previous_hash) }),
      (row) => ({ hash: hashOf(row.hash) }),
    ];
    fc.assert(
      fc.property(chains, fc.constantFrom(...changes), ({ rows, heads, at }, change) => {
        const changed = rows.with(at, { ...rows[at]!, ...change(rows[at]!) });
        expect(check(changed, heads).fault).toMatchObject({ sequence: at + 1, kind: "changed" });
      }),
      RUNS,
    );
  });

  test("with a row changed and hashed anew names that row, by the row behind it or by the head", () => {
    fc.assert(
      fc.property(chains, ({ rows, heads, at }) => {
        const changed = rows.with(at, rehashed({ ...rows[at]!, who: "somebody else" }));
        expect(check(changed, heads).fault).toMatchObject({ sequence: at + 1, kind: "replaced" });
      }),
      RUNS,
    );
  });

  test("with every row from one on made anew does not agree with the heads that were kept", () => {
    fc.assert(
      fc.property(chains, ({ rows, at }) => {
        const forged = rows.slice(0, at);
        for (const row of rows.slice(at)) {
          forged.push(rehashed({ ...row, who: "somebody else", previous_hash: forged.at(-1)?.hash ?? NO_ROW_BEFORE }));
        }
        expect(check(forged, rows.map(headOf)).fault).toMatchObject({ sequence: at + 1, kind: "replaced" });
      }),
      RUNS,
    );
  });

  test("without any one of its rows names it, also the first and the last", () => {
    fc.assert(
      fc.property(chains, ({ rows, heads, at }) => {
        const { fault } = check(rows.toSpliced(at, 1), heads);
        expect(fault).toMatchObject({ sequence: at + 1, kind: at === rows.length - 1 ? "cut-off" : "missing" });
      }),
      RUNS,
    );
  });

  test("with its end cut off names the first row that is gone", () => {
    fc.assert(
      fc.property(chains, ({ rows, heads, at }) => {
        expect(check(rows.slice(0, at), heads).fault).toMatchObject({ sequence: at + 1, kind: "cut-off" });
      }),
      RUNS,
    );
  });

  test("with two rows swapped names the first place that is wrong", () => {
    fc.assert(
      fc.property(chains, ({ rows, heads, at, other }) => {
        fc.pre(at !== other);
        const first = Math.min(at, other);
        const moved = rows.with(at, rows[other]!).with(other, rows[at]!);
        expect(check(moved, heads).fault).toMatchObject({ sequence: first === 0 ? expect.any(Number) : first + 1 });
        const renumbered = moved.map((row, index) => ({ ...row, sequence: index + 1 }));
        expect(check(renumbered, heads).fault).toMatchObject({ sequence: first + 1, kind: "changed" });
      }),
      RUNS,
    );
  });

  test("may be ahead of its newest head: that is what a crash leaves", () => {
    const rows = chain(["a", "b", "c"]);
    expect(check(rows, [headOf(rows[0]!)]).fault).toBeUndefined();
  });

  test("of which no head was kept is not vouched for", () => {
    const rows = chain(["a", "b", "c"]);
    expect(check(rows, []).fault).toMatchObject({ kind: "no-head" });
    expect(check([], []).fault).toBeUndefined();
  });
});

test("an exported row comes back as it was stored, whatever stands in it", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (eventText) => {
      const [row] = chain(["a"]);
      const stored = rehashed({ ...row!, event_json: eventText });
      expect(importRow(exportRow(stored))).toEqual(stored);
    }),
    RUNS,
  );
  expect(importRow("{}")).toBeUndefined();
  expect(importRow("not JSON")).toBeUndefined();
});

test("a head is one line, and a torn line is none", () => {
  const head = { writer: WRITER, sequence: 12, hash: hashOf("") };
  expect(parseHead(formatHead(head))).toEqual(head);
  expect(parseHead(formatHead(head).slice(0, -1))).toBeUndefined();
});
