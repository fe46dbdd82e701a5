import { expect, test } from "vitest";
import { vmSummary } from "../testing/fixtures.ts";
import { evidenceText } from "./evidence-lines.ts";

const silent = { code: "in-band-silent", text: "in-band silent for 5.0 s: query-status unanswered" };
const lanes = { ...vmSummary({}).lanes, inBand: { state: "open", openSinceAtMs: 0 } } as const;

test("how long a lane has been silent counts on, while the rest of the reading stays as it was told", () => {
  const text = evidenceText(silent, lanes, { asOfMs: 192_000, isStale: false, hasOldReadings: false });
  expect(text).toBe("in-band silent for 3 min 12 s: query-status unanswered");
});

test("nothing counts on once the readings are old", () => {
  expect(evidenceText(silent, lanes, { asOfMs: 192_000, isStale: true, hasOldReadings: true })).toBe(silent.text);
});
