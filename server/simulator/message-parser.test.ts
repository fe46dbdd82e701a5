import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MessageParser, type ParsedMessage } from "./message-parser.ts";
import { writeValue, type WireValue } from "./wire-value.ts";

function parse(text: string | Buffer): ParsedMessage[] {
  const messages: ParsedMessage[] = [];
  const parser = new MessageParser({ hasPositions: false }, (message) => messages.push(message));
  for (const byte of Buffer.from(text)) parser.feed(byte);
  return messages;
}

/** JSON that QEMU can hold: no lone surrogates. */
const json = fc.jsonValue({ maxDepth: 4, stringUnit: "binary" });

describe("the message parser", () => {
  test("understands whatever JSON.stringify writes", () => {
    fc.assert(
      fc.property(json, (value) => {
        const [message] = parse(`${JSON.stringify(value)}\n`);
        expect(message).toHaveProperty("value");
        if (message && "value" in message) expect(JSON.parse(writeValue(message.value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("writes what it can read again, plain and pretty", () => {
    fc.assert(
      fc.property(json, fc.boolean(), (value, isPretty) => {
        const read = parse(`${JSON.stringify(value)}\n`)[0];
        const first: WireValue = read && "value" in read ? read.value : null;
        expect(parse(`${writeValue(first, isPretty)}\n`)).toEqual([{ value: first }]);
      }),
    );
  });

  test("finds its way back after any bytes at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        const messages = parse(Buffer.concat([garbage, Buffer.from('\u0001\n{"execute": "x"}\n')]));
        expect(messages.at(-1)).toEqual({ value: { execute: "x" } });
      }),
    );
  });

  test("reads several messages on one line, and one over several", () => {
    expect(parse('{"a": 1}{"b":\n[2,\n3]}')).toEqual([{ value: { a: 1 } }, { value: { b: [2, 3] } }]);
  });

  test("says where the trouble is when it was asked to", () => {
    const messages: ParsedMessage[] = [];
    const parser = new MessageParser({ hasPositions: true }, (message) => messages.push(message));
    for (const byte of Buffer.from("{}\n{]")) parser.feed(byte);
    expect(messages.at(-1)).toEqual({ problem: "2:2: JSON parse error, expecting value" });
  });
});
