import { expect, test } from "vitest";
import { badgedTitle, faviconFor } from "./title-words.ts";

test("the title carries the number of VMs in trouble once, and no old number", () => {
  expect(badgedTitle("Fleet · Ripcord", 3)).toBe("(3) Fleet · Ripcord");
  expect(badgedTitle("(3) Fleet · Ripcord", 12)).toBe("(12) Fleet · Ripcord");
  expect(badgedTitle("(12) Fleet · Ripcord", 0)).toBe("Fleet · Ripcord");
  expect(badgedTitle("(12) Fleet · Ripcord", undefined)).toBe("(stale) Fleet · Ripcord");
  expect(badgedTitle("Fleet", 250)).toBe("(99+) Fleet");
});

test("the icon is the plain one only while nothing is wrong", () => {
  expect(faviconFor(0)).toBe("/favicon.svg");
  expect(decodeURIComponent(faviconFor(7))).toContain(">7</text>");
  expect(decodeURIComponent(faviconFor(undefined))).toContain(">?</text>");
});
