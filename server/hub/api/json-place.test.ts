import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonErrorPlace } from "./json-place.ts";

test.each([
  ['{"action":\n  yank}', 2, 3],
  ["", 1, 1],
  ["{", 1, 2],
  ['{"a":1,}', 1, 8],
  ["[1 2]", 1, 4],
  ["{'a':1}", 1, 2],
  ["[1]\n\n[2]", 3, 1],
  ['["a\tb"]', 1, 2],
  ["01", 1, 2],
])("%j stops being JSON at %i:%i", (text, line, column) => {
  expect(jsonErrorPlace(text)).toEqual({ line, column });
});

test("a text that is JSON is never blamed before its end", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(jsonErrorPlace(`${text}\n!`)).toEqual({ line: text.split("\n").length + 1, column: 1 });
    }),
  );
});
