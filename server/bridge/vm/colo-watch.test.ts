import { expect, test } from "vitest";
import { ColoWatch } from "./colo-watch.ts";

const exit = (mode: string, reason: string) => ({ event: "COLO_EXIT", data: { mode, reason }, atMs: undefined });

test("a VM that shows no COLO is never asked, one that does every five seconds, and one whose COLO ended at once", () => {
  const watch = new ColoWatch();
  expect(watch.takeTurn(false, 0)).toBe(false);
  expect(watch.takeTurn(true, 0)).toBe(true);
  expect(watch.takeTurn(true, 4_000)).toBe(false);
  watch.noteExit(exit("primary", "error"), 4_500);
  expect(watch.takeTurn(false, 4_500)).toBe(true);
  expect(watch.takeTurn(false, 60_000)).toBe(false);
});

test("a side names its role, and a decision is due after an error until the status leaves colo", () => {
  const watch = new ColoWatch();
  expect(watch.report(0)).toBeUndefined();
  expect(watch.take({ mode: "secondary", "last-mode": "none", reason: "none" }, 1_000)).toBe(true);
  expect(watch.report(1_500)).toEqual({ role: "secondary", isFailoverDue: false, reason: "none", ageMs: 500 });
  watch.noteExit(exit("secondary", "error"), 2_000);
  watch.take({ mode: "secondary", "last-mode": "none", reason: "none" }, 2_100);
  expect(watch.report(2_100)).toMatchObject({ isFailoverDue: true, reason: "error" });
  expect(watch.noteMigration("colo")).toBe(false);
  expect(watch.noteMigration("completed")).toBe(true);
  expect(watch.report(3_000)).toMatchObject({ role: "secondary", isFailoverDue: false });
});

test("an end that was asked for leaves nothing to decide", () => {
  const watch = new ColoWatch();
  watch.noteExit(exit("primary", "request"), 0);
  expect(watch.report(0)).toMatchObject({ role: "primary", isFailoverDue: false, reason: "request" });
});
