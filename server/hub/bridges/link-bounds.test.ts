import { expect, test } from "vitest";
import { progressReportSchema } from "./link-schemas.ts";
import { clipForLink, clipProgress, MAX_LINK_TEXT } from "#lib/link/bounds";

test("whatever QEMU says, the progress of an act passes the link", () => {
  const long = "x".repeat(100_000);
  const progress = clipProgress({
    state: "refused",
    verdict: "none",
    detail: long,
    qmpError: { class: long, desc: long },
    aftermath: Array.from({ length: 100 }, () => long),
    isFinal: true,
  });
  expect(progressReportSchema.parse({ actId: "a", vmId: "aaaaaa", progress }).progress).toEqual(progress);
});

test("a text that fits is left as it is, and one that does not shows that it goes on", () => {
  expect(clipForLink("x".repeat(MAX_LINK_TEXT))).toBe("x".repeat(MAX_LINK_TEXT));
  expect(clipForLink("x".repeat(MAX_LINK_TEXT + 1))).toBe(`${"x".repeat(MAX_LINK_TEXT - 1)}…`);
});
