import { expect, test } from "vitest";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { Coalescer } from "./coalescer.ts";

test("the first change goes at once, further ones once in a while, and quiet makes the next one quick again", () => {
  const clock = new ManualClock(0);
  const sentAtMs: number[] = [];
  const coalescer = new Coalescer(clock, 100, () => sentAtMs.push(clock.nowMs()));
  coalescer.poke();
  expect(sentAtMs).toEqual([0]);
  for (let index = 0; index < 30; index += 1) {
    clock.advance(10);
    coalescer.poke();
  }
  clock.advance(500);
  expect(sentAtMs).toEqual([0, 100, 200, 300, 400]);
  coalescer.poke();
  expect(sentAtMs.at(-1)).toBe(800);
});

test("a flush says what waits now, and what does not wait is not said", () => {
  const clock = new ManualClock(0);
  let sent = 0;
  const coalescer = new Coalescer(clock, 100, () => (sent += 1));
  coalescer.flush();
  expect(sent).toBe(0);
  coalescer.poke();
  coalescer.poke();
  coalescer.flush();
  expect(sent).toBe(2);
  coalescer.poke();
  coalescer.close();
  clock.advance(1_000);
  expect(sent).toBe(2);
});
