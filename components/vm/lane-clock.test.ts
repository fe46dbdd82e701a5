import { expect, test } from "vitest";
import { laneClock } from "./lane-clock.ts";

test("an answered lane shows its bucket, not a number that was measured some time ago", () => {
  expect(laneClock({ state: "answered", bucket: "<10ms", roundTripMs: 0.42 }, 0).text).toBe("< 10 ms");
});

test("an open lane counts up to the moment it was last heard of and no further", () => {
  const lane = { state: "open", openSinceAtMs: 1_000 } as const;
  expect(laneClock(lane, 193_000)).toMatchObject({ text: "192 s", isOpen: true, fraction: 1 });
  expect(laneClock(lane, 3_000)).toMatchObject({ text: "2.0 s" });
  // The hub's clock and the browser's idea of it may differ by a little.
  expect(laneClock(lane, 900).text).toBe("0.0 ms");
});

test("old readings say that they are old", () => {
  expect(laneClock({ state: "answered", bucket: "<10ms", roundTripMs: 1 }, 0, true).text).toBe("was < 10 ms");
});

test("a lane that does not exist says why and has no bar", () => {
  expect(laneClock({ state: "absent", reason: "no-oob" }, 0, true)).toEqual({ text: "no OOB", fraction: 0, isOpen: false });
});
