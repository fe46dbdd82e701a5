import { expect, test } from "vitest";
import { formatAge, formatAgeInWords, formatBytes, formatCount, formatDuration, formatUtc, formatUtcTime } from "./format.ts";

test.each([
  [-5, "0:00"],
  [0, "0:00"],
  [48_900, "0:48"],
  [192_000, "3:12"],
  [3_599_999, "59:59"],
  [3_600_000, "1 h 00"],
  [86_399_999, "23 h 59"],
  [6 * 86_400_000, "6 d"],
])("an age of %d ms is %s in a column", (ageMs, text) => expect(formatAge(ageMs)).toBe(text));

test.each([
  [999, "0 s"],
  [48_000, "48 s"],
  [60_000, "1 min"],
  [192_000, "3 min 12 s"],
  [7_500_000, "2 h 5 min"],
  [100 * 3_600_000, "4 d 4 h"],
])("an age of %d ms is %s in a sentence", (ageMs, text) => expect(formatAgeInWords(ageMs)).toBe(text));

test.each([
  [0.42, "0.4 ms"],
  [6.2, "6.2 ms"],
  [9.97, "10 ms"],
  [999, "999 ms"],
  [1_900, "1.9 s"],
  // Never rounded up to a second that has not passed.
  [1_999, "1.9 s"],
  [192_400, "192 s"],
])("a duration of %d ms is %s", (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [264_418, "264 kB"],
  [999_600, "1.0 MB"],
  [4_290_000_000, "4.3 GB"],
])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test("a clock time carries its zone", () => {
  const atMs = Date.UTC(2026, 10, 23, 2, 14, 7, 42);
  expect(formatUtcTime(atMs)).toBe("02:14:07 UTC");
  expect(formatUtcTime(atMs, { withMilliseconds: true })).toBe("02:14:07.042 UTC");
  expect(formatUtc(atMs)).toBe("2026-11-23 02:14:07 UTC");
});

test("counts have their plural and their thousands", () => {
  expect(formatCount(1, "VM")).toBe("1 VM");
  expect(formatCount(2_048, "VM")).toBe("2,048 VMs");
});
