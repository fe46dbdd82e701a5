import { expect, onTestFinished, test } from "vitest";
import { describePeers, makeClient, openClient, startVm } from "./peers.ts";
import { errorClass, RawMonitor } from "./raw-monitor.ts";

const NO_DEVICES = { nbd: false, serial: false };
const QUEUE_LIMIT = 8;

async function openRaw(path: string): Promise<RawMonitor> {
  const monitor = await RawMonitor.open(path);
  onTestFinished(() => monitor.close());
  return monitor;
}

describePeers("out-of-band", (peer) => {
  test("overtakes in-band replies while the main loop is blocked; those come in order afterwards", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await openRaw(vm.monitorPath);
    const unblock = await vm.blockMainLoop();
    monitor.send('{"execute": "query-status", "id": 1}\n{"execute": "query-name", "id": 2}\n{"exec-oob": "query-yank", "id": 3}\n');
    expect(await monitor.next()).toMatchObject({ id: 3, return: expect.any(Array) as unknown });
    expect(monitor.unread).toEqual([]);
    await unblock();
    expect([(await monitor.next())["id"], (await monitor.next())["id"]]).toEqual([1, 2]);
  });

  test("a malformed line is answered in its turn, after the blocked request before it", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await openRaw(vm.monitorPath);
    const unblock = await vm.blockMainLoop();
    monitor.send('{"execute": "query-status", "id": 1}\n{]\n{"exec-oob": "query-yank", "id": 3}\n');
    expect(await monitor.next()).toMatchObject({ id: 3 });
    await unblock();
    expect(await monitor.next()).toMatchObject({ id: 1, return: expect.any(Object) as unknown });
    expect(errorClass(await monitor.next())).toBe("GenericError");
  });

  test("is heard with seven in-band requests queued", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await openRaw(vm.monitorPath);
    const unblock = await vm.blockMainLoop();
    for (let id = 1; id < QUEUE_LIMIT; id++) monitor.send(`{"execute": "query-status", "id": ${id}}\n`);
    for (let turn = 0; turn < 5; turn++) expect(await monitor.ask({ "exec-oob": "query-yank", id: "oob" })).toMatchObject({ id: "oob" });
    await unblock();
    for (let id = 1; id < QUEUE_LIMIT; id++) expect(await monitor.next()).toMatchObject({ id });
  });

  test("is deaf with eight queued, on that monitor alone, until the main loop is back", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await openRaw(vm.monitorPath);
    const other = await openRaw(vm.secondMonitorPath);
    const unblock = await vm.blockMainLoop();
    for (let id = 1; id <= QUEUE_LIMIT; id++) monitor.send(`{"execute": "query-status", "id": ${id}}\n`);
    monitor.send('{"exec-oob": "query-yank", "id": "deaf"}\n');
    for (let turn = 0; turn < 50; turn++) expect(await other.ask({ "exec-oob": "query-yank", id: "other" })).toMatchObject({ id: "other" });
    expect(monitor.unread).toEqual([]);
    await unblock();
    const ids: unknown[] = [];
    for (let count = 0; count <= QUEUE_LIMIT; count++) ids.push((await monitor.next())["id"]);
    expect(new Set(ids)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, "deaf"]));
    expect(ids.filter((id) => id !== "deaf")).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("is out of reach for who comes during a hang: greeted, not negotiated, and running when it ends", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const unblock = await vm.blockMainLoop();
    const running = Promise.withResolvers<void>();
    const client = makeClient(vm.monitorPath, { negotiationTimeoutMs: 300, handlers: { onRunning: running.resolve } });
    await expect(client.connect()).rejects.toMatchObject({ code: "negotiation-unanswered" });
    expect(client.greeting?.capabilities).toContain("oob");
    expect(client.state).toMatchObject({ kind: "connecting", phase: "negotiating" });
    expect(client.inBand.openSinceMonoMs).toBeLessThan(performance.now());
    await unblock();
    await running.promise;
    expect(client.hasOob).toBe(true);
    expect((await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 })).value).toEqual(expect.any(Array));
  });

  test("our client keeps it: twenty callers that gave up cost one slot, and the late reply frees it", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const late = Promise.withResolvers<string>();
    const client = await openClient(vm.monitorPath, { handlers: { onLateReply: ({ command }) => late.resolve(command) } });
    const unblock = await vm.blockMainLoop();
    await expect(client.execute("query-status", undefined, { timeoutMs: 50 })).rejects.toMatchObject({ code: "reply-timeout" });
    for (let caller = 0; caller < 20; caller++) {
      await expect(client.execute("query-status", undefined, { timeoutMs: 50, slotWaitMs: 5 })).rejects.toMatchObject({
        code: "slot-taken",
      });
    }
    expect((await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 })).value).toEqual(expect.any(Array));
    expect(client.inBand.openSinceMonoMs).toBeDefined();
    await unblock();
    expect(await late.promise).toBe("query-status");
    expect((await client.execute("query-status", undefined, { timeoutMs: 5_000 })).value).toMatchObject({ status: "running" });
  });
});

describePeers("a stopped process", (peer) => {
  test("answers in no lane, and everything once it goes on", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const client = await openClient(vm.monitorPath);
    await vm.freezeProcess();
    const inBand = client.execute("query-status", undefined, { timeoutMs: 20_000 });
    await expect(client.executeOob("query-yank", undefined, { timeoutMs: 300 })).rejects.toMatchObject({ code: "reply-timeout" });
    expect(client.inBand.openCount).toBe(1);
    expect(client.outOfBand.openCount).toBe(1);
    await vm.thawProcess();
    expect((await inBand).value).toMatchObject({ status: "running" });
    await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 });
    expect(client.counters).toMatchObject({ lateReplies: 1, droppedReplies: 0 });
  });

  test("greets nobody who comes meanwhile", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    await vm.freezeProcess();
    const client = makeClient(vm.monitorPath, { greetingTimeoutMs: 300 });
    await expect(client.connect()).rejects.toMatchObject({ code: "no-greeting" });
    await vm.thawProcess();
    const second = await openClient(vm.monitorPath);
    expect(second.hasOob).toBe(true);
  });
});
