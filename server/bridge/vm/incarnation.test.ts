import { afterEach, describe, expect, test } from "vitest";
import { MANUAL_PATH, startManualBridge } from "../testing/manual-bridge.ts";
import type { ManualBridge } from "../testing/manual-bridge.ts";
import { fakeProc } from "../testing/test-registry.ts";
import type { ProcReader } from "./ports.ts";

type Found = Awaited<ReturnType<ProcReader["findListener"]>>;

describe("which process answers at a monitor", () => {
  let bridge: ManualBridge;
  afterEach(() => bridge.close());

  /** A bridge whose searches are answered by hand, in the order in which they were asked. */
  function start(): { answer: (found: Found) => void; searches: () => number } {
    const open: ((found: Found) => void)[] = [];
    let searches = 0;
    bridge = startManualBridge({
      proc: fakeProc({
        findListener: () => {
          searches += 1;
          return new Promise((resolve) => open.push(resolve));
        },
      }),
    });
    return { answer: (found) => open.shift()?.(found), searches: () => searches };
  }
  const shownIncarnations = (): string[] => [...new Set(bridge.published.map(({ incarnation }) => incarnation.id))];
  const isTold = (kind: string): boolean => bridge.facts.some((fact) => fact.kind === kind);
  const pid7 = { pid: 7, startTimeTicks: "99" };

  test("is awaited while the helper loads, and the VM is then shown by its process at once", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(2_500);
    expect(bridge.registry.listedIds()).toEqual([]);
    answer(pid7);
    await bridge.pass(100);
    expect(bridge.report()).toMatchObject({
      incarnation: { id: "p7-99", pid: 7, by: "process" },
      health: { verdict: { kind: "healthy" } },
    });
    expect(shownIncarnations()).toEqual(["p7-99"]);
    expect(isTold("incarnation-changed")).toBe(false);
  });

  test("found late takes the place of the connection once, and raises nothing", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(3_500);
    expect(bridge.report().incarnation.by).toBe("connection");
    answer(pid7);
    await bridge.pass(5_000);
    expect(shownIncarnations()).toEqual([expect.stringMatching(/^c-/), "p7-99"]);
    expect(isTold("incarnation-changed")).toBe(false);
  });

  test("is asked again where the helper gave no answer, and not where it said no", async () => {
    const { answer, searches } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(100);
    answer({ unknown: "time-out" });
    await bridge.pass(2_100);
    expect(searches()).toBe(2);
    answer({ unknown: "not-permitted" });
    await bridge.pass(20_000);
    expect(searches()).toBe(2);
    expect(bridge.report().incarnation.by).toBe("connection");
  });

  test("that was known is the same after a reconnect, though the answer takes its time", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(100);
    answer(pid7);
    await bridge.pass(100);
    bridge.qemu.hangUp();
    await bridge.pass(8_000);
    answer(pid7);
    await bridge.pass(100);
    expect(shownIncarnations()).toEqual(["p7-99"]);
    expect(isTold("incarnation-changed")).toBe(false);
    expect(bridge.registry.detail(bridge.report().vmId)?.counters.reconnects).toBe(1);
  });

  test("is another one where another pid answers", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(100);
    answer(pid7);
    await bridge.pass(100);
    bridge.qemu.hangUp();
    await bridge.pass(500);
    answer({ pid: 8, startTimeTicks: "120" });
    await bridge.pass(100);
    expect(shownIncarnations()).toEqual(["p7-99", "p8-120"]);
    expect(bridge.facts).toContainEqual({ kind: "incarnation-changed", text: "another QEMU process (pid 8) answers at this address" });
  });

  test("is not called another one where it was not known before", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    await bridge.pass(100);
    answer({ unknown: "not-found" });
    await bridge.pass(100);
    bridge.qemu.hangUp();
    await bridge.pass(500);
    answer(pid7);
    await bridge.pass(100);
    expect(bridge.facts.filter(({ kind }) => kind === "incarnation-changed")).toEqual([
      { kind: "incarnation-changed", text: "connected again, to pid 7; whether it was that process before could not be read then" },
    ]);
  });

  test("is never the former where another socket has taken the path, however late that is said", async () => {
    const { answer } = start();
    bridge.appear(MANUAL_PATH);
    bridge.registry.appeared({ address: { kind: "unix", path: MANUAL_PATH }, order: 0, isExplicit: false, isNotOurs: false }, "file-1");
    await bridge.pass(100);
    answer(pid7);
    await bridge.pass(100);
    bridge.registry.appeared({ address: { kind: "unix", path: MANUAL_PATH }, order: 0, isExplicit: false, isNotOurs: false }, "file-2");
    await bridge.pass(12_000);
    expect(bridge.report().incarnation.by).toBe("connection");
    answer(pid7);
    await bridge.pass(1_000);
    expect(shownIncarnations()).toEqual(["p7-99", expect.stringMatching(/^c-/)]);
  });
});
