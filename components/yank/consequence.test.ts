import { expect, test } from "vitest";
import { splitConsequence } from "./consequence.ts";

test.each([
  ["The guest loses its disk vda: nbd0 (10.0.4.15:10809) answers every request with an I/O error.", "The guest loses its disk vda"],
  [
    "No device or job uses nbd0; it answers every request with an I/O error from now on.",
    "it answers every request with an I/O error from now on.",
  ],
  ["The migration ends as failed, and the guest goes on here.", "The migration ends as failed"],
  ["Serial console serial0 drops its client and listens again.", "Serial console serial0 drops its client and listens again."],
])("the strongest words of “%s”", (sentence, strong) => {
  const parts = splitConsequence(sentence);
  expect(parts.strong).toBe(strong);
  expect(parts.before + parts.strong + parts.after).toBe(sentence);
});
