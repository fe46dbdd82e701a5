import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QmpProtocolError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { Scanner } from "./scanner.ts";

const message = fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
const ending = fc.constantFrom("\r\n", "\n", "", "\r\n\r\n", " \t\r\n");
const stream = fc.array(fc.record({ message, ending, isPretty: fc.boolean() }), { maxLength: 8 });

function write(parts: { message: unknown; ending: string; isPretty: boolean }[]): Buffer {
  return Buffer.from(parts.map((part) => JSON.stringify(part.message, undefined, part.isPretty ? 4 : undefined) + part.ending).join(""));
}

function scan(bytes: Buffer, cuts: number[], maxMessageBytes = 1 << 20): unknown[] {
  const seen: unknown[] = [];
  const scanner = new Scanner(maxMessageBytes, (value) => seen.push(value));
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    // Lent, with old words behind it, and overwritten afterwards: as the socket does it.
    const lent = Buffer.concat([bytes.subarray(from, end), Buffer.from('"}{"old": 1}\r\n')]);
    scanner.push(lent, end - from);
    lent.fill(0x2a);
    from = end;
  }
  return seen;
}

describe("the scanner", () => {
  test("gives the same messages however the stream is cut, pretty-printed or not", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (parts, cuts) => {
        expect(scan(write(parts), cuts)).toEqual(parts.map((part) => parseJson(JSON.stringify(part.message))));
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same messages byte by byte, characters cut in half included", () => {
    const bytes = Buffer.from('{"a": "grüße 😀 } {"}\r\n{\r\n  "b": "\\"}"\r\n}\r\n');
    expect(scan(bytes, [...bytes.keys()])).toEqual([{ a: "grüße 😀 } {" }, { b: '"}' }]);
  });

  test("ends at a message that is larger than the bound, whole or dripping, and takes one that just fits", () => {
    const fits = Buffer.from(`{"a":"${"x".repeat(92)}"}`); // 100 bytes
    const tooLarge = Buffer.from(`{"a":"${"x".repeat(93)}"}\r\n`);
    expect(scan(fits, [], 100)).toHaveLength(1);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 6 }), (cuts) => {
        expect(scan(Buffer.concat([fits, Buffer.from("\r\n")]), cuts, 100)).toHaveLength(1);
        expect(() => scan(tooLarge, cuts, 100)).toThrow(expect.objectContaining({ code: "message-too-large" }));
      }),
    );
  });

  test.each([
    ["a telnet negotiation", Buffer.from([0xff, 0xfb, 0x01, 0xff, 0xfb, 0x03]), "telnet"],
    ["another protocol's banner", Buffer.from("SSH-2.0-OpenSSH\r\n"), "garbage"],
    ["an array", Buffer.from("[1]\r\n"), "garbage"],
    ["a bare inf", Buffer.from('{"return": {}, "id": inf}\r\n'), "invalid-json"],
    ["a bare inf over lines", Buffer.from('{\r\n"id": inf\r\n}\r\n'), "invalid-json"],
  ])("tells %s from QMP", (_what, bytes, code) => {
    for (const cuts of [[], [...bytes.keys()]]) {
      expect(() => scan(bytes, cuts)).toThrow(QmpProtocolError);
      expect(() => scan(bytes, cuts)).toThrow(expect.objectContaining({ code }));
    }
  });

  test("keeps integers beyond 2^53 whole, and leaves doubles and digits in strings alone", () => {
    const text = '{"a": 18446744073709551615, "b": -9007199254740993, "c": 1.5e300, "d": "18446744073709551615", "e": 12}\r\n';
    expect(scan(Buffer.from(text), [])).toEqual([
      { a: 18446744073709551615n, b: -9007199254740993n, c: 1.5e300, d: "18446744073709551615", e: 12 },
    ]);
  });

  test("scans nothing more once it is stopped in the middle of a chunk", () => {
    const seen: unknown[] = [];
    const scanner = new Scanner(1000, (value) => {
      seen.push(value);
      scanner.stop();
    });
    scanner.push(Buffer.from('{"a":1}\r\n{"b":2}\r\n'));
    expect(seen).toEqual([{ a: 1 }]);
  });
});
