import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { ManualClock } from "./testing/manual-clock.ts";
import { eventOf } from "./testing/raw-client.ts";
import { startTestVm, yank, YANK_NODE } from "./testing/start-vm.ts";

function status(id: unknown): Record<string, unknown> {
  return { execute: "query-status", id };
}

const AIO_READ = { execute: "human-monitor-command", arguments: { "command-line": 'qemu-io fmt0 "aio_read 0 4096"' }, id: "io" };

describe("yank", () => {
  test("lists instances in the order of their registration", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    expect(await client.ask({ "exec-oob": "query-yank" })).toEqual({
      return: [{ type: "chardev", id: "mon0" }, { type: "chardev", id: "mon1" }, { type: "chardev", id: "ser0" }, YANK_NODE],
    });
  });

  test("yanks nothing when one of the list is missing", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.hangOnDrain("nbd0");
    await client.next();
    client.send(status("hung"));
    const reply = await client.ask(yank("y", YANK_NODE, { type: "chardev", id: "none" }));
    expect(reply).toEqual({ id: "y", error: { class: "DeviceNotFound", desc: "Instance not found" } });
    expect(vm.isMainLoopBlocked).toBe(true);
    expect(vm.yanksReceived).toMatchObject([{ lane: "oob", monitorId: "mon0", outcome: "not-found" }]);
  });

  test("takes an empty list, a duplicate and an idle instance without complaint", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    expect(await client.ask(yank("empty"))).toEqual({ return: {}, id: "empty" });
    expect(await client.ask(yank("twice", YANK_NODE, YANK_NODE))).toEqual({ return: {}, id: "twice" });
    expect(await client.ask(yank("listening", { type: "chardev", id: "ser0" }))).toEqual({ return: {}, id: "listening" });
  });

  test.each([
    [{ instances: [{ type: "foo" }] }, "Parameter 'type' does not accept value 'foo'"],
    [{ instances: [{ type: "chardev" }] }, "Parameter 'instances[0].id' is missing"],
    [{ instances: [{ type: "chardev", id: "ser0", x: 1 }] }, "Parameter 'instances[0].x' is unexpected"],
    [{ instances: [1] }, "Invalid parameter type for 'instances[0]', expected: object"],
    [{ instances: 1 }, "Invalid parameter type for 'instances', expected: array"],
    [{ instances: [], x: 1 }, "Parameter 'x' is unexpected"],
    [{}, "Parameter 'instances' is missing"],
  ])("refuses %j by its shape, and counts no yank", async (args, desc) => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    expect(await client.ask({ "exec-oob": "yank", arguments: args, id: 1 })).toEqual({ id: 1, error: { class: "GenericError", desc } });
    expect(vm.yanksReceived).toHaveLength(0);
  });

  test("cuts the client's own line without an answer, and serves it again afterwards", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    client.send(yank("own", { type: "chardev", id: "mon0" }));
    expect(await client.untilEnd()).toEqual([]);
    const again = await open();
    expect(await again.ask(status(1))).toMatchObject({ return: { running: true } });
  });

  test("hangs up on the client of another monitor", async () => {
    const { client: open, secondPath } = await startTestVm();
    const victim = await open(secondPath);
    const client = await open();
    expect(await client.ask(yank("other", { type: "chardev", id: "mon1" }))).toEqual({ return: {}, id: "other" });
    expect(await victim.untilEnd()).toEqual([]);
  });

  test("hangs up on a console's peer, and listens again", async () => {
    const { client: open, directory } = await startTestVm();
    const client = await open();
    const filename = async () => {
      const reply = await client.ask({ execute: "query-chardev" });
      const chardevs = Array.isArray(reply.return) ? reply.return : [];
      return String(chardevs.find((chardev) => chardev.label === "ser0")?.filename);
    };
    expect(await filename()).toBe(`disconnected:unix:${directory}/ser0.sock,server=on`);
    const peer = connect(`${directory}/ser0.sock`);
    await expect.poll(filename).toBe(`unix:${directory}/ser0.sock,server=on`);
    const left = new Promise((resolve) => peer.once("close", resolve));
    peer.resume();
    await client.ask(yank("y", { type: "chardev", id: "ser0" }));
    await left;
    expect(await filename()).toBe(`disconnected:unix:${directory}/ser0.sock,server=on`);
  });
});

describe("a frozen NBD server", () => {
  test.each(["system_reset", "query-block"])("hangs an in-band %s until its node is yanked", async (command) => {
    const { vm, client: open } = await startTestVm({
      blockNodes: [
        { driver: "nbd", nodeName: "nbd0", server: { type: "inet", host: "192.0.2.1", port: "10809" } },
        { driver: "qcow2", nodeName: "fmt0", file: "nbd0", hasPersistentBitmaps: true },
      ],
    });
    const client = await open();
    vm.freezeNbdServer("nbd0");
    await client.ask(AIO_READ);
    client.send({ execute: command, id: "hung" });
    expect(await client.ask({ "exec-oob": "query-yank", id: "alive" })).toMatchObject({ id: "alive" });
    expect(vm.isMainLoopBlocked).toBe(true);
    expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
    const [reply] = (await client.until((message) => message.id === "hung")).slice(-1);
    const failed = { error: { class: "GenericError", desc: "Failed to read bitmap directory: Input/output error" } };
    expect(reply).toEqual({ id: "hung", ...(command === "query-block" ? failed : { return: {} }) });
  });

  test("lets the blocked `stop` return, paused, and leaves the node listed", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.freezeNbdServer("nbd0");
    await client.ask(AIO_READ);
    client.send({ execute: "stop", id: "hung" });
    client.send(status("queued"));
    expect(eventOf(await client.next())).toEqual({ event: "STOP" });
    expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
    expect(await client.take(2)).toEqual([
      { return: {}, id: "hung" },
      { return: { status: "paused", singlestep: false, running: false }, id: "queued" },
    ]);
    expect(await client.ask({ "exec-oob": "query-yank" })).toMatchObject({ return: expect.arrayContaining([YANK_NODE]) });
    expect(vm.nbdState("nbd0")).toBe("yanked");
    expect(vm.yanksReceived).toMatchObject([{ lane: "oob", instances: [YANK_NODE], outcome: "yanked" }]);
  });

  test("may answer the released command before the yank", async () => {
    const { vm, client: open } = await startTestVm({ releasedReplyFirst: true });
    const client = await open();
    vm.freezeNbdServer("nbd0");
    await client.ask(AIO_READ);
    client.send({ execute: "stop", id: "hung" });
    await client.next();
    client.send(yank("y", YANK_NODE));
    expect((await client.take(2)).map((message) => message.id)).toEqual(["hung", "y"]);
  });

  test("keeps a quitting VM alive and silent until the node is yanked", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.freezeNbdServer("nbd0");
    await client.ask(AIO_READ);
    client.send({ execute: "quit", id: "q" });
    const [shutdown, reply] = await client.take(2);
    expect(shutdown).toMatchObject({ event: "SHUTDOWN", data: { guest: false, reason: "host-qmp-quit" } });
    expect(reply).toEqual({ return: {}, id: "q" });
    client.send(status("never"));
    expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
    expect(await client.untilEnd()).toEqual([]);
    expect(vm.hasEnded).toBe(true);
  });

  test("stops a guest with rerror=stop on its next read after the yank, and again after every cont", async () => {
    const { vm, client: open } = await startTestVm({
      devices: [{ id: "vda", type: "virtio-blk-pci", drive: "fmt0", rerror: "stop", readsPerSecond: 10 }],
    });
    const client = await open();
    vm.freezeNbdServer("nbd0");
    client.send(yank("y", YANK_NODE));
    const seen = (await client.take(3)).map((message) => message.event ?? message.id);
    expect(seen).toEqual(["BLOCK_IO_ERROR", "STOP", "y"]);
    expect(await client.ask(status(1))).toMatchObject({ return: { status: "io-error", running: false } });
    client.send({ execute: "cont", id: "c" });
    const again = (await client.take(4)).map((message) => message.event ?? message.id);
    expect(again).toEqual(["RESUME", "c", "BLOCK_IO_ERROR", "STOP"]);
  });

  test("leaves the main loop alone when only the guest reads, and stops its counters", async () => {
    const clock = new ManualClock();
    const { vm, client: open } = await startTestVm({
      clock,
      devices: [{ id: "vda", type: "virtio-blk-pci", drive: "fmt0", readsPerSecond: 100 }],
    });
    const client = await open();
    const reads = async () => {
      const reply = await client.ask({ execute: "query-blockstats" });
      return (Array.isArray(reply.return) ? reply.return : []).map(({ stats }) => [stats.rd_operations, stats.idle_time_ns]);
    };
    clock.advance(2_000);
    expect(await reads()).toEqual([[200, 0]]);
    vm.freezeNbdServer("nbd0");
    clock.advance(3_000);
    expect(await reads()).toEqual([[200, 3_000_000_000]]);
    expect(vm.isMainLoopBlocked).toBe(false);
  });

  test.each(["connecting", "reconnecting"] as const)("takes a yank of a node that is %s without effect", async (state) => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.setNbdState("nbd0", state);
    expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
    expect(vm.nbdState("nbd0")).toBe(state);
  });
});

test("a drain of a node that is reconnecting waits out the loss, and no yank helps", async () => {
  const { vm, client: open } = await startTestVm();
  const client = await open();
  vm.setNbdState("nbd0", "reconnecting");
  await client.ask(AIO_READ);
  client.send({ execute: "stop", id: "hung" });
  await client.next();
  expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
  expect(vm.isMainLoopBlocked).toBe(true);
  vm.setNbdState("nbd0", "connected");
  expect(await client.next()).toEqual({ return: {}, id: "hung" });
});

describe("a full chardev", () => {
  test("hangs everything in-band until it is yanked, and listens again", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    vm.fillChardev("ser0");
    client.send(status("hung"));
    expect(await client.ask(yank("y", { type: "chardev", id: "ser0" }))).toEqual({ return: {}, id: "y" });
    expect(await client.next()).toMatchObject({ id: "hung", return: { running: true } });
    expect(vm.isChardevConnected("ser0")).toBe(false);
  });

  test("hangs again after reconnecting to the same bad peer", async () => {
    const clock = new ManualClock();
    const { vm, client: open } = await startTestVm({
      clock,
      chardevs: [{ kind: "socket-client", id: "dbg", path: "/run/dbg.sock", reconnectMs: 1_000 }],
    });
    const client = await open();
    vm.fillChardev("dbg");
    expect(vm.isMainLoopBlocked).toBe(true);
    await client.ask(yank("y", { type: "chardev", id: "dbg" }));
    expect(await client.ask(status(1))).toMatchObject({ id: 1 });
    clock.advance(1_000);
    expect(vm.isMainLoopBlocked).toBe(true);
    vm.drainChardev("dbg");
    expect(await client.ask(status(2))).toMatchObject({ id: 2 });
  });
});

describe("an end", () => {
  test("by quit is announced, answered and followed by EOF", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    client.send({ execute: "quit", id: "q" });
    const messages = await client.untilEnd();
    expect(messages.map((message) => message.event ?? message.id)).toEqual(["SHUTDOWN", "q"]);
  });

  test("by a kill is EOF alone, and leaves the socket file", async () => {
    const { vm, client: open, path } = await startTestVm();
    const client = await open();
    const killed = vm.kill();
    expect(await client.untilEnd()).toEqual([]);
    await killed;
    const refused = new Promise((resolve) => connect(path).once("error", (error: NodeJS.ErrnoException) => resolve(error.code)));
    expect(await refused).toBe("ECONNREFUSED");
  });
});
