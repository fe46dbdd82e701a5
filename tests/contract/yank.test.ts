import { connect } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import type { QmpEvent } from "#lib/qapi/events";
import { describePeers, makeClient, openClient, startVm } from "./peers.ts";
import { RawMonitor } from "./raw-monitor.ts";
import { until, within } from "./wait.ts";

const NBD = { type: "block-node", "node-name": "nbd0" };
const SERIAL = { type: "chardev", id: "ser0" };
const MISSING = { type: "chardev", id: "no-such-chardev" };
const REPLY = { timeoutMs: 5_000 };

describePeers("yanking a block node", (peer) => {
  test("releases a main loop that a frozen NBD server holds, and leaves the node listed", async () => {
    const vm = await startVm(peer);
    const events: QmpEvent[] = [];
    const client = await openClient(vm.monitorPath, { handlers: { onEvent: (event) => events.push(event) } });
    const other = await openClient(vm.secondMonitorPath);
    await vm.freezeNbdServer();
    const stopped = client.execute("stop", undefined, { timeoutMs: 20_000 });
    await until(() => events.some(({ event }) => event === "STOP"), "the STOP event");

    // Every in-band lane of the VM is silent, every out-of-band lane answers.
    await expect(other.execute("query-status", undefined, { timeoutMs: 300 })).rejects.toMatchObject({ code: "reply-timeout" });
    expect((await other.executeOob("query-yank", undefined, REPLY)).value).toContainEqual(NBD);
    expect((await client.executeOob("query-yank", undefined, REPLY)).value).toContainEqual(NBD);

    // All or nothing: one name that is not there, and nothing is cut.
    await expect(client.executeOob("yank", { instances: [NBD, MISSING] }, REPLY)).rejects.toMatchObject({
      qmpClass: "DeviceNotFound",
      outcome: "refused",
    });
    expect((await client.executeOob("yank", { instances: [] }, REPLY)).value).toEqual({});
    for (let turn = 0; turn < 20; turn++) await client.executeOob("query-yank", undefined, REPLY);
    expect([client.inBand.openCount, other.inBand.openCount]).toEqual([1, 1]);

    expect((await client.executeOob("yank", { instances: [NBD, NBD] }, REPLY)).value).toEqual({});
    expect((await stopped).value).toEqual({});
    expect((await client.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "paused", running: false });
    expect((await client.executeOob("query-yank", undefined, REPLY)).value).toContainEqual(NBD);

    // Again, and after the server came back: harmless, and the node stays as it is.
    await vm.thawNbdServer();
    expect((await client.executeOob("yank", { instances: [NBD] }, REPLY)).value).toEqual({});
    expect((await client.execute("cont", undefined, REPLY)).value).toEqual({});
    expect((await client.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "running" });
  });

  test("is not needed when the server comes back by itself", async () => {
    const vm = await startVm(peer);
    const client = await openClient(vm.monitorPath);
    await vm.freezeNbdServer();
    const stopped = client.execute("stop", undefined, { timeoutMs: 20_000 });
    await expect(client.execute("query-status", undefined, { ...REPLY, slotWaitMs: 200 })).rejects.toMatchObject({ code: "slot-taken" });
    await vm.thawNbdServer();
    expect((await stopped).value).toEqual({});
  });

  test("a client that leaves loses nothing: its command ends, and its reply goes to who comes next", async () => {
    const vm = await startVm(peer);
    const first = await RawMonitor.open(vm.monitorPath);
    const other = await openClient(vm.secondMonitorPath);
    await vm.freezeNbdServer();
    first.send('{"execute": "stop", "id": "first"}\n{"execute": "query-name", "id": "queued"}\n');
    await first.event("STOP");
    first.close();
    await first.ended;

    const second = await RawMonitor.connect(vm.monitorPath);
    onTestFinished(() => second.close());
    expect(await second.next()).toHaveProperty("QMP");
    second.send('{"execute": "qmp_capabilities", "id": "second"}\n');
    await other.executeOob("yank", { instances: [NBD] }, REPLY);
    // The executing command's reply comes ahead; the queued one died with its client.
    expect(await second.next()).toEqual({ return: {}, id: "first" });
    expect(await second.next()).toEqual({ return: {}, id: "second" });
    expect((await second.ask({ execute: "query-status", id: 3 }))["return"]).toMatchObject({ status: "paused" });
  });

  test("our client drops what an earlier one had asked for", async () => {
    const vm = await startVm(peer);
    const first = await RawMonitor.open(vm.monitorPath);
    const other = await openClient(vm.secondMonitorPath);
    await vm.freezeNbdServer();
    first.send('{"execute": "stop", "id": "first"}\n');
    await first.event("STOP");
    first.close();
    await first.ended;
    const greeted = Promise.withResolvers<void>();
    const second = openClient(vm.monitorPath, { handlers: { onGreeting: () => greeted.resolve() } });
    await greeted.promise;
    await other.executeOob("yank", { instances: [NBD] }, REPLY);
    const client = await second;
    expect((await client.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "paused" });
    expect(client.counters.droppedReplies).toBe(1);
  });
});

describePeers("an earlier client's reply that is no JSON", (peer) => {
  test("ends our client's session, and the next one is in order", async () => {
    const vm = await startVm(peer);
    const first = await RawMonitor.open(vm.monitorPath);
    const other = await openClient(vm.secondMonitorPath);
    await vm.freezeNbdServer();
    first.send('{"execute": "stop", "id": 1e400}\n');
    await first.event("STOP");
    first.close();
    await first.ended;
    const greeted = Promise.withResolvers<void>();
    const client = makeClient(vm.monitorPath, { handlers: { onGreeting: () => greeted.resolve() } });
    const failure = client.connect().then(
      () => undefined,
      (error: unknown) => error,
    );
    await greeted.promise;
    await other.executeOob("yank", { instances: [NBD] }, REPLY);
    expect(await failure).toMatchObject({ name: "QmpProtocolError", code: "invalid-json" });
    expect(client.state).toMatchObject({ kind: "closed", reason: { kind: "protocol-error" } });
    const again = await openClient(vm.monitorPath);
    expect((await again.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "paused" });
  });
});

describePeers("yanking a chardev", (peer) => {
  test("cuts a serial line's client, and the line listens again", async () => {
    const vm = await startVm(peer, { nbd: false });
    const client = await openClient(vm.monitorPath);
    // Nobody is connected: it succeeds, and nothing happens.
    expect((await client.executeOob("yank", { instances: [SERIAL] }, REPLY)).value).toEqual({});
    for (let round = 0; round < 2; round++) {
      const line = connect({ path: vm.serialPath });
      onTestFinished(() => void line.destroy());
      await within(once(line, "connect"), "a connection to the serial line");
      line.resume();
      const closed = within(once(line, "close"), "the end of the serial line");
      // The connection is the chardev's only once QEMU has accepted it, which nobody announces: yank until it is cut.
      await until(async () => {
        await client.executeOob("yank", { instances: [SERIAL] }, REPLY);
        return line.readableEnded || line.destroyed;
      }, "the serial line cut");
      await closed;
      expect((await client.executeOob("query-yank", undefined, REPLY)).value).toContainEqual(SERIAL);
    }
    expect((await client.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "running" });
  });

  test("that carries our own monitor ends the session without a reply; the VM lives and takes us again", async () => {
    const vm = await startVm(peer, { nbd: false, serial: false });
    const client = await openClient(vm.monitorPath);
    await expect(client.executeOob("yank", { instances: [{ type: "chardev", id: "mon0" }] }, REPLY)).rejects.toMatchObject({
      code: "lost",
      outcome: "unknown",
    });
    expect(client.state).toMatchObject({ kind: "closed", reason: { kind: "lost" } });
    const again = await openClient(vm.monitorPath);
    expect((await again.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "running" });
  });

  test("that carries somebody else's monitor cuts them off, and they can come back", async () => {
    const vm = await startVm(peer, { nbd: false, serial: false });
    const ours = await openClient(vm.monitorPath);
    const theirs = await RawMonitor.open(vm.secondMonitorPath);
    expect((await ours.executeOob("yank", { instances: [{ type: "chardev", id: "mon1" }] }, REPLY)).value).toEqual({});
    await within(theirs.ended, "the end of the other monitor");
    const back = await openClient(vm.secondMonitorPath);
    expect(back.hasOob).toBe(true);
    expect((await ours.execute("query-status", undefined, REPLY)).value).toMatchObject({ status: "running" });
  });
});
