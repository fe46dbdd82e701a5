import { describe, expect, test } from "vitest";
import { ManualClock } from "./testing/manual-clock.ts";
import { RawClient } from "./testing/raw-client.ts";
import { startTestVm } from "./testing/start-vm.ts";

describe("faults on command", () => {
  test("floods as many events a second as it was told to, until it is told to stop", async () => {
    const clock = new ManualClock();
    const { vm, client: open } = await startTestVm({ clock });
    const client = await open();
    const stop = vm.floodEvents(5_000);
    clock.advance(980);
    stop();
    clock.advance(1_000);
    const events = await client.until((message) => message.event === "BLOCK_IO_ERROR" && client.unread === 0);
    client.send({ execute: "query-status", id: "end" });
    const rest = await client.until((message) => message.id === "end");
    expect(events.length + rest.length - 1).toBe(5_000);
  });

  test("writes garbage, endless lines and half a character as they are", async () => {
    const { vm, path } = await startTestVm();
    const client = await RawClient.connect(path);
    await client.next();
    vm.sendRaw(Buffer.alloc(10_000_000, 0x61));
    expect((await client.rawText(10_000_000)).length).toBe(10_000_000);
    vm.sendRaw(Buffer.from([0xc3]), "mon0");
    await client.close();
  });

  test("spoils the replies of one command and of no other", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.spoilReplies("query-status");
    expect(await client.ask({ execute: "query-name", id: 1 })).toEqual({ return: {}, id: 1 });
    client.send({ execute: "query-status", id: 2 });
    expect(await client.rawText(20)).toContain('"spoiled": inf');
  });

  test("answers late where a latency says so, and out of band meanwhile", async () => {
    const clock = new ManualClock();
    const { client: open } = await startTestVm({
      clock,
      latency: (lane, command) => (lane === "in-band" && command === "query-status" ? 700 : 0),
    });
    const client = await open();
    client.send({ execute: "query-status", id: "late" });
    expect(await client.ask({ "exec-oob": "query-yank", id: "now" })).toMatchObject({ id: "now" });
    clock.advance(699);
    expect(await client.ask({ "exec-oob": "query-yank", id: "still" })).toMatchObject({ id: "still" });
    clock.advance(1);
    expect(await client.next()).toMatchObject({ id: "late", return: { status: "running" } });
  });

  test("never reads while it is deaf", async () => {
    const { vm, client: open, secondPath } = await startTestVm();
    const client = await open();
    const other = await open(secondPath);
    vm.setDeaf(true);
    client.send({ execute: "query-status", id: 1 });
    vm.emitEvent("POWERDOWN");
    expect(await client.next()).toMatchObject({ event: "POWERDOWN" });
    expect(await other.next()).toMatchObject({ event: "POWERDOWN" });
    vm.setDeaf(false);
    expect(await client.next()).toMatchObject({ id: 1 });
  });

  test("sends a throttled event once a second, the first and then the latest, and none during a hang", async () => {
    const clock = new ManualClock();
    const { vm, client: open } = await startTestVm({ clock });
    const client = await open();
    for (const actual of [1, 2, 3]) vm.emitEvent("BALLOON_CHANGE", { actual });
    expect(await client.next()).toMatchObject({ data: { actual: 1 } });
    const unblock = vm.blockMainLoop();
    clock.advance(1_500);
    expect(await client.ask({ "exec-oob": "query-yank", id: "quiet" })).toMatchObject({ id: "quiet" });
    unblock();
    expect(await client.next()).toMatchObject({ event: "BALLOON_CHANGE", data: { actual: 3 } });
  });
});
