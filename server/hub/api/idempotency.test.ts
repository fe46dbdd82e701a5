import { expect, test } from "vitest";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { Idempotency } from "./idempotency.ts";
import { ProblemError } from "./problem-error.ts";

function setUp() {
  const clock = new ManualClock(0);
  const idempotency = new Idempotency(clock);
  let runs = 0;
  const ask = async (
    key: string | undefined,
    body = "{}",
    scope = "kim POST /plans",
    answer = () => Response.json({ run: (runs += 1) }),
  ) => {
    const request = new Request("http://hub/plans", { method: "POST", body, headers: key === undefined ? {} : { "idempotency-key": key } });
    const response = await idempotency.once(request, scope, async (passed) => {
      expect(await passed.text()).toBe(body);
      return answer();
    });
    return response.json();
  };
  return { clock, ask };
}

test("the same key with the same body gets the same answer, also while the first is under way", async () => {
  const { ask } = setUp();
  expect(await Promise.all([ask("a"), ask("a")])).toEqual([{ run: 1 }, { run: 1 }]);
  expect(await ask("a")).toEqual({ run: 1 });
  expect(await ask("b")).toEqual({ run: 2 });
});

test("without a key everything is done each time", async () => {
  const { ask } = setUp();
  expect([await ask(undefined), await ask(undefined)]).toEqual([{ run: 1 }, { run: 2 }]);
});

test("a key belongs to who used it, where", async () => {
  const { ask } = setUp();
  await ask("a");
  expect(await ask("a", "{}", "lee POST /plans")).toEqual({ run: 2 });
});

test("a key with another body is refused", async () => {
  const { ask } = setUp();
  await ask("a");
  await expect(ask("a", "[]")).rejects.toMatchObject({ code: "key-reused" });
});

test.each(["", "with space", "x".repeat(129)])("a key such as %j is refused", async (key) => {
  await expect(setUp().ask(key)).rejects.toMatchObject({ code: "bad-request" });
});

test("what was refused may be asked again", async () => {
  const { ask } = setUp();
  const refuse = () => {
    throw new ProblemError("cannot-plan", "no");
  };
  await expect(ask("a", "{}", "kim", refuse)).rejects.toMatchObject({ code: "cannot-plan" });
  expect(await ask("a", "{}", "kim")).toEqual({ run: 1 });
});

test("is forgotten after ten minutes, and the oldest where there are too many", async () => {
  const { ask, clock } = setUp();
  await ask("a");
  clock.advance(600_000);
  expect(await ask("a")).toEqual({ run: 2 });
  for (let index = 0; index < 1_000; index += 1) await ask(`k${index}`);
  expect(await ask("a")).toEqual({ run: 1_003 });
});
