import { describe, expect, test } from "vitest";
import { RawClient } from "./testing/raw-client.ts";
import { startTestVm } from "./testing/start-vm.ts";

const RUNNING = { status: "running", singlestep: false, running: true };

function status(id: unknown): Record<string, unknown> {
  return { execute: "query-status", id };
}

describe("one client per monitor", () => {
  test("greets the second client only when the first has left, and asks it to negotiate", async () => {
    const { path, client: open } = await startTestVm();
    const first = await open();
    const second = await RawClient.connect(path);
    second.send({ execute: "query-name", id: "early" });
    expect(await first.ask(status(1))).toEqual({ return: RUNNING, id: 1 });
    expect(second.unread).toBe(0);
    await first.close();
    expect(await second.next()).toHaveProperty("QMP");
    expect(await second.next()).toMatchObject({ id: "early", error: { class: "CommandNotFound" } });
    await second.close();
  });

  test("sends every negotiated monitor every event, and none before negotiation", async () => {
    const { vm, client: open, path, secondPath } = await startTestVm();
    const second = await RawClient.connect(secondPath);
    await second.next();
    const first = await open(path);
    vm.emitEvent("POWERDOWN");
    expect(await first.next()).toMatchObject({ event: "POWERDOWN", timestamp: { seconds: expect.any(Number) } });
    await second.ask({ execute: "qmp_capabilities" });
    vm.emitEvent("POWERDOWN");
    expect(await second.next()).toMatchObject({ event: "POWERDOWN" });
    expect(await first.next()).toMatchObject({ event: "POWERDOWN" });
    expect(second.unread + first.unread).toBe(0);
    await second.close();
  });
});

describe("while the main loop is blocked", () => {
  test("answers out of band at once, and in band in order once it is unblocked", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    const unblock = vm.blockMainLoop();
    client.send(status(1));
    client.send({ execute: "query-name", id: 2 });
    expect(await client.ask({ "exec-oob": "query-yank", id: "oob" })).toMatchObject({ id: "oob" });
    unblock();
    expect(await client.take(2)).toEqual([
      { return: RUNNING, id: 1 },
      { return: {}, id: 2 },
    ]);
  });

  test("answers a malformed line in its turn, after what came before it", async () => {
    const { vm, client: open } = await startTestVm();
    const client = await open();
    const unblock = vm.blockMainLoop();
    client.send(status(1));
    client.sendText("{]\n");
    client.send({ "exec-oob": "query-yank", id: "oob" });
    expect(await client.next()).toMatchObject({ id: "oob" });
    unblock();
    expect(await client.take(2)).toEqual([
      { return: RUNNING, id: 1 },
      { error: { class: "GenericError", desc: "JSON parse error, expecting value" } },
    ]);
  });

  test("still reads out of band with seven waiting, and no more with eight", async () => {
    const { vm, client: open, secondPath } = await startTestVm();
    const client = await open();
    vm.hangOnDrain("nbd0");
    await client.until((message) => message.event === "STOP");
    // `hangOnDrain` blocks the loop itself, so all seven are waiting ones.
    for (let id = 1; id <= 7; id++) client.send(status(id));
    expect(await client.ask({ "exec-oob": "query-yank", id: "seven" })).toMatchObject({ id: "seven" });
    client.send(status(8));
    client.send({ "exec-oob": "query-yank", id: "eight" });
    const other = await RawClient.connect(secondPath);
    // In-band negotiation of another monitor waits too, so it is only good for what needs none.
    expect(await other.next()).toHaveProperty("QMP");
    other.send({ "exec-oob": "query-yank", id: "unnegotiated" });
    expect(await other.next()).toMatchObject({ id: "unnegotiated", error: { class: "GenericError" } });
    expect(client.unread).toBe(0);
    vm.thawNbdServer("nbd0");
    const replies = await client.take(9);
    expect(replies.map((reply) => reply.id)).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 6, 7, 8, "eight"]));
    await other.close();
  });

  test("counts the one that executes beside the eight that wait", async () => {
    const { vm, client: open, secondPath } = await startTestVm();
    const other = await open(secondPath);
    const client = await open();
    vm.freezeNbdServer("nbd0");
    vm.startRequest("fmt0");
    client.send({ execute: "stop", id: 0 });
    expect(await client.next()).toMatchObject({ event: "STOP" });
    for (let id = 1; id <= 7; id++) client.send(status(id));
    expect(await client.ask({ "exec-oob": "query-yank", id: "seven" })).toMatchObject({ id: "seven" });
    client.send(status(8));
    client.send({ "exec-oob": "query-yank", id: "eight" });
    expect(await other.next()).toMatchObject({ event: "STOP" });
    expect(await other.ask({ "exec-oob": "query-yank", id: "other" })).toMatchObject({ id: "other" });
    expect(client.unread).toBe(0);
    vm.thawNbdServer("nbd0");
    const ids = (await client.take(10)).map((reply) => reply.id);
    // The dispatcher takes the first of the eight, which lets the monitor read on before the rest is answered.
    expect(ids[0]).toBe(0);
    expect(ids.filter((id) => id !== "eight")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ids).toContain("eight");
  });

  test("greets a client that comes too late, and never answers its negotiation before the hang ends", async () => {
    const { vm, path } = await startTestVm();
    const unblock = vm.blockMainLoop();
    const client = await RawClient.connect(path);
    expect(await client.next()).toHaveProperty("QMP");
    client.send({ execute: "qmp_capabilities", arguments: { enable: ["oob"] }, id: "h" });
    client.send({ "exec-oob": "query-yank", id: "refused" });
    unblock();
    expect(await client.next()).toEqual({ return: {}, id: "h" });
    expect(await client.next()).toMatchObject({ id: "refused" });
    await client.close();
  });

  test("does not even greet where oob is patched out", async () => {
    const { vm, path, client: open } = await startTestVm({ version: "no-oob" });
    const held = await open(path, []);
    const unblock = vm.blockMainLoop();
    held.send(status("held"));
    const late = await RawClient.connect(vm.options.monitors[1]?.path ?? "");
    expect(late.unread + held.unread).toBe(0);
    unblock();
    expect(await held.next()).toEqual({ return: RUNNING, id: "held" });
    expect(await late.next()).toHaveProperty("QMP");
    await late.close();
  });

  test("reads one request at a time in a session without oob", async () => {
    const { vm, client: open, secondPath } = await startTestVm();
    const client = await open(undefined, []);
    const watcher = await open(secondPath);
    const unblock = vm.blockMainLoop();
    client.send(status(1));
    client.send({ "exec-oob": "query-yank", id: 2 });
    expect(await watcher.ask({ "exec-oob": "query-yank", id: "w" })).toMatchObject({ id: "w" });
    expect(client.unread).toBe(0);
    unblock();
    expect(await client.next()).toEqual({ return: RUNNING, id: 1 });
    expect(await client.next()).toMatchObject({ id: 2, error: { desc: "QMP input member 'exec-oob' is unexpected" } });
  });

  test("drops the queue of a client that leaves, and gives the reply of what was executing to the next one", async () => {
    const { vm, client: open, path } = await startTestVm();
    const first = await open();
    vm.freezeNbdServer("nbd0");
    vm.startRequest("fmt0");
    first.send({ execute: "stop", id: "stale" });
    await first.next();
    first.send({ execute: "query-name", id: "dropped" });
    await first.ask({ "exec-oob": "query-yank", id: "flush" });
    await first.close();
    const second = await RawClient.connect(path);
    await second.next();
    second.send({ execute: "qmp_capabilities", id: "mine" });
    // Whoever is not negotiated has its own refusal out of band, which shows that the request above was read.
    second.send({ "exec-oob": "query-yank", id: "read" });
    vm.thawNbdServer("nbd0");
    const ids = (await second.take(3)).map((message) => message.id);
    expect(ids.indexOf("stale")).toBeLessThan(ids.indexOf("mine"));
    expect(ids).not.toContain("dropped");
    await second.close();
  });

  test("takes the monitors in turn", async () => {
    const { vm, client: open, secondPath } = await startTestVm({ latency: () => 0 });
    const one = await open();
    const two = await open(secondPath);
    const unblock = vm.blockMainLoop();
    for (const id of [1, 2, 3]) one.send({ execute: "stop", id });
    await one.ask({ "exec-oob": "query-yank" });
    two.send({ execute: "cont", id: "two" });
    await two.ask({ "exec-oob": "query-yank" });
    unblock();
    // The `cont` of the second monitor came between the stops of the first: STOP, RESUME, STOP again.
    const events = (await one.take(6)).flatMap((message) => (typeof message.event === "string" ? [message.event] : []));
    expect(events).toEqual(["STOP", "RESUME", "STOP"]);
  });
});

describe("a frozen process", () => {
  test("is silent on both lanes, greets nobody, and answers everything once it is thawed", async () => {
    const { vm, client: open, secondPath } = await startTestVm();
    const client = await open();
    vm.freezeProcess();
    client.send(status(1));
    client.send({ "exec-oob": "query-yank", id: 2 });
    const late = await RawClient.connect(secondPath);
    vm.emitEvent("POWERDOWN");
    expect(client.unread + late.unread).toBe(0);
    vm.thawProcess();
    const seen = await client.take(3);
    expect(seen.map((message) => message.id ?? message.event).sort()).toEqual([1, 2, "POWERDOWN"]);
    expect(await late.next()).toHaveProperty("QMP");
    await late.close();
  });
});
