import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { qmpLine, shellQuote } from "./quoting.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("'", '"', "\\", "$", "`", "\n", "!", " ", "é", "\u202e", "\u001b") }),
);
const ONE_PRINTABLE_LINE = /^[\x20-\x7e]*$/;

describe("quoting for a shell", () => {
  test("leaves plain words alone, and wraps the others", () => {
    expect(shellQuote("nbd0")).toBe("nbd0");
    expect(shellQuote("/run/vm.sock")).toBe("/run/vm.sock");
    expect(shellQuote("")).toBe("''");
    expect(shellQuote("it's $(reboot)")).toBe(String.raw`'it'\''s $(reboot)'`);
    expect(shellQuote("a\nb")).toBe(String.raw`$'a\012b'`);
  });

  test("gives a shell back exactly what was quoted, whatever it is", () => {
    // One shell for all: each word comes back with a NUL behind it.
    const words = fc.sample(anyText, 500).map((text) => text.toWellFormed().replaceAll("\0", ""));
    const script = `LC_ALL=C.UTF-8; printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
    const out = execFileSync("bash", ["-c", script], { encoding: "utf8" });
    expect(out.split("\0").slice(0, -1)).toEqual(words);
  });

  test("is one line of printable characters", () => {
    fc.assert(fc.property(anyText, (text) => ONE_PRINTABLE_LINE.test(shellQuote(text))));
  });
});

describe("a line for a monitor", () => {
  test("is one line of printable characters that reads back as it was", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const line = qmpLine({ execute: "yank", arguments: { instances: [{ type: "block-node", "node-name": text }] } });
        expect(line).toMatch(ONE_PRINTABLE_LINE);
        expect(JSON.parse(line)).toEqual({ execute: "yank", arguments: { instances: [{ type: "block-node", "node-name": text }] } });
      }),
    );
  });
});
