import { expect, onTestFinished, test, vi } from "vitest";
import { deadManSchema } from "#lib/config/notify-schema";
import type { BridgeView } from "#lib/api/vm";
import { silentLog } from "#server/log";
import { ManualClock } from "../../../tests/support/manual-clock.ts";
import { failing, startReceiver } from "../../../tests/support/receiver.ts";
import { DeadMan } from "./dead-man.ts";
import { notWell } from "./wellness.ts";

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 5_000, interval: 5 });

function start(url: string, trouble: () => string | undefined) {
  const clock = new ManualClock();
  const outcomes: string[] = [];
  const config = deadManSchema.parse({ url, everyMs: 60_000 });
  if (!config) throw new Error("there is a config");
  const deadMan = new DeadMan({
    config,
    clock,
    log: silentLog(),
    notWell: () => Promise.resolve(trouble()),
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  onTestFinished(() => deadMan.close());
  return { clock, deadMan, outcomes };
}

test("asks its address once a period while Ripcord is well, whoever sets the clock", async () => {
  const { url, received } = await startReceiver();
  const { clock, deadMan, outcomes } = start(`${url}/ping`, () => undefined);
  deadMan.tick();
  await until(() => outcomes.length === 1);
  expect(received[0]).toMatchObject({ method: "GET", path: "/ping" });
  clock.setBy(3_600_000);
  clock.advance(59_000);
  deadMan.tick();
  clock.setBy(-7_200_000);
  clock.advance(1_000);
  deadMan.tick();
  await until(() => outcomes.length === 2);
  expect(received).toHaveLength(2);
});

test("stays silent while Ripcord is not well, and looks again soon", async () => {
  const { url, received } = await startReceiver();
  let trouble: string | undefined = "the record cannot be written";
  const { clock, deadMan, outcomes } = start(url, () => trouble);
  deadMan.tick();
  await until(() => outcomes.length === 1);
  expect(received).toEqual([]);
  trouble = undefined;
  clock.advance(5_000);
  deadMan.tick();
  await until(() => received.length === 1);
});

test("what did not get there is sent again soon", async () => {
  const { url, received, state } = await startReceiver(failing(502));
  const { clock, deadMan, outcomes } = start(url, () => undefined);
  deadMan.tick();
  await until(() => outcomes.length === 1);
  state.answer = (response) => void response.end();
  clock.advance(5_000);
  deadMan.tick();
  await until(() => outcomes.length === 2);
  expect(outcomes).toEqual(["failed", "delivered"]);
  expect(received).toHaveLength(2);
});

test("well is who writes the record and hears the bridges that have to be heard", async () => {
  const bridge = (isConnected: boolean): BridgeView => ({
    ...{ bridgeId: "b", host: "h", isSimulated: false, isConnected, isSyncing: false, vmCount: 0, notices: [] },
  });
  const ask = (needs: "all" | "any" | "none", bridges: boolean[], write = () => Promise.resolve()) =>
    notWell({ bridges: () => bridges.map(bridge), needs, write });
  expect(await ask("all", [true, true])).toBeUndefined();
  expect(await ask("all", [true, false])).toBe("1 of 2 bridges are not heard");
  expect(await ask("any", [true, false])).toBeUndefined();
  expect(await ask("any", [false])).toBe("no bridge is heard");
  expect(await ask("none", [false])).toBeUndefined();
  expect(await ask("none", [], () => Promise.reject(new Error("disk full")))).toBe("the record cannot be written");
});
