import { expect, test } from "vitest";
import { SimulatedNbdServer } from "./nbd-server.ts";
import type { SimulatedBlockNode, SimulatedVersion } from "./options.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import type { RawClient } from "./testing/raw-client.ts";
import { startTestVm, yank, YANK_NODE } from "./testing/start-vm.ts";

const SERVER = { type: "inet", host: "192.0.2.1", port: "10809" } as const;
const NODES: SimulatedBlockNode[] = [
  { driver: "nbd", nodeName: "nbd0", server: SERVER, export: "exp" },
  { driver: "raw", nodeName: "fmt0", file: "nbd0" },
  { driver: "nbd", nodeName: "tgt", server: { ...SERVER, host: "192.0.2.2" } },
];
const BUSY_DISK = { id: "vda", type: "virtio-blk-pci", drive: "fmt0", readsPerSecond: 100 };

interface BlockGraph {
  nodes: { id: number; name: string }[];
  edges: { parent: number; name: string; child: number }[];
}

async function ask(client: RawClient, command: string, args?: object): Promise<unknown> {
  client.send({ execute: command, arguments: args, id: command });
  const [reply] = (await client.until((message) => message.id === command)).slice(-1);
  return reply?.return ?? reply?.error;
}

function queue(client: RawClient, path = "/machine/peripheral/vda/virtio-backend"): Promise<unknown> {
  return ask(client, "x-query-virtio-queue-status", { path, queue: 0 });
}

function words(messages: Record<string, unknown>[]): unknown[] {
  return messages.map(({ event, id, data }) => (event === "JOB_STATUS_CHANGE" ? Object(data).status : (event ?? id)));
}

test("a virtqueue's indexes go on with the guest's reads, and stand still with one in use on a frozen server", async () => {
  const clock = new ManualClock();
  const { vm, client: open } = await startTestVm({ clock, devices: [BUSY_DISK] });
  const client = await open();
  expect(await ask(client, "x-query-virtio")).toEqual([{ name: "virtio-blk", path: "/machine/peripheral/vda/virtio-backend" }]);
  clock.advance(1_000);
  expect(await queue(client)).toMatchObject({ inuse: 0, "last-avail-idx": 100, "used-idx": 100 });
  vm.stallIo("nbd0");
  clock.advance(5_000);
  expect(await queue(client)).toMatchObject({ inuse: 1, "last-avail-idx": 101, "used-idx": 100 });
  vm.thawNbdServer("nbd0");
  clock.advance(1_000);
  expect(await queue(client)).toMatchObject({ inuse: 0, "used-idx": 200 });
});

test("a queue that is not there, and a path that is no virtio device, are refused", async () => {
  const { client: open } = await startTestVm();
  const client = await open();
  const path = "/machine/peripheral/vda/virtio-backend";
  expect(await ask(client, "x-query-virtio-queue-status", { path, queue: 9 })).toMatchObject({ desc: "Invalid virtqueue number 9" });
  expect(await queue(client, "/machine/peripheral/com1")).toMatchObject({
    desc: "Path /machine/peripheral/com1 is not a VirtIODevice",
  });
});

test("a throttle lets through what it is told, with requests that no yank reaches", async () => {
  const clock = new ManualClock();
  const nodes: SimulatedBlockNode[] = [...NODES, { driver: "throttle", nodeName: "thr0", file: "fmt0", bytesPerSecond: 1 }];
  const { client: open } = await startTestVm({ clock, blockNodes: nodes, devices: [{ ...BUSY_DISK, drive: "thr0" }] });
  const client = await open();
  clock.advance(60_000);
  expect(await queue(client)).toMatchObject({ inuse: 1, "last-avail-idx": 1, "used-idx": 0 });
  expect(await client.ask(yank("y", YANK_NODE))).toEqual({ return: {}, id: "y" });
  const [disk] = Array.from(Object(await ask(client, "query-blockstats")));
  expect(disk).toMatchObject({
    qdev: "/machine/peripheral/vda/virtio-backend",
    "node-name": "thr0",
    parent: { "node-name": "fmt0", parent: { "node-name": "nbd0" } },
    backing: { "node-name": "fmt0" },
  });
});

test("one server that many depend on stalls and frees them all, and lets go of those that ended", async () => {
  const farSide = new SimulatedNbdServer();
  const blockNodes: SimulatedBlockNode[] = [
    { driver: "nbd", nodeName: "nbd0", server: SERVER, farSide },
    { driver: "raw", nodeName: "fmt0", file: "nbd0" },
  ];
  const vms = [];
  for (let count = 0; count < 3; count++) vms.push((await startTestVm({ blockNodes, devices: [BUSY_DISK] })).vm);
  farSide.freeze();
  for (const vm of vms) vm.pause();
  expect(vms.map((vm) => vm.isMainLoopBlocked)).toEqual([true, true, true]);
  await vms[0]?.close();
  farSide.thaw();
  expect(vms.slice(1).map((vm) => vm.isMainLoopBlocked)).toEqual([false, false]);
});

test.each<[SimulatedVersion, unknown[]]>([
  ["7.2", ["STOP", "y", "hung"]],
  ["11.1", ["y", "STOP", "hung"]],
])("%s announces a stop before or after it waited for the guest's reads", async (version, order) => {
  const { vm, client: open } = await startTestVm({ version, devices: [{ ...BUSY_DISK, rerror: "ignore" }] });
  const client = await open();
  vm.stallIo("nbd0");
  client.send({ execute: "stop", id: "hung" });
  client.send(yank("y", YANK_NODE));
  expect(words(await client.until((message) => message.id === "hung"))).toEqual(order);
});

test("a mirror is ready, falls behind a target that does not answer, and fails with its yank", async () => {
  const { vm, client: open } = await startTestVm({ blockNodes: NODES, devices: [BUSY_DISK] });
  const client = await open();
  vm.startJob({ id: "mir0", type: "mirror", device: "fmt0", target: "tgt" });
  expect(words(await client.take(4))).toEqual(["created", "running", "ready", "BLOCK_JOB_READY"]);
  expect(await ask(client, "query-block-jobs")).toMatchObject([{ device: "mir0", status: "ready", busy: false }]);
  const graph = Object(await ask(client, "x-debug-query-block-graph")) as BlockGraph;
  const nameOf = (id: number) => graph.nodes.find((node) => node.id === id)?.name;
  const edges = graph.edges.map(({ parent, name, child }) => [nameOf(parent), name, nameOf(child)]);
  expect(edges).toContainEqual(["mir0", "target", "tgt"]);
  expect(edges).toContainEqual(["/machine/peripheral/vda/virtio-backend", "root", "#block200"]);
  expect(edges).toContainEqual(["#block200", "backing", "fmt0"]);
  vm.freezeNbdServer("tgt");
  expect(await ask(client, "query-block-jobs")).toMatchObject([{ device: "mir0", status: "ready", busy: true }]);
  client.send(yank("y", { type: "block-node", "node-name": "tgt" }));
  const ending = ["BLOCK_JOB_ERROR", "aborting", "BLOCK_JOB_COMPLETED", "concluded", "null", "y"];
  expect(words(await client.until((message) => message.id === "y"))).toEqual(ending);
  expect(await ask(client, "query-block-jobs")).toEqual([]);
  expect(vm.runState).toBe("running");
});

test("asking an 11.1 for a virtio device's status ends it, as it ends the real one", async () => {
  const { vm, client: open } = await startTestVm({ version: "11.1" });
  const client = await open();
  client.send({ execute: "x-query-virtio-status", arguments: { path: "/machine/peripheral/vda/virtio-backend" } });
  expect(await client.untilEnd()).toEqual([]);
  expect(vm.hasEnded).toBe(true);
});

test("a slow flush and a long call of the main loop end by themselves", async () => {
  const clock = new ManualClock();
  const { vm } = await startTestVm({ clock });
  vm.hangOnSlowFlush("nbd0", 8_000);
  clock.advance(7_999);
  expect(vm.isMainLoopBlocked).toBe(true);
  clock.advance(1);
  expect(vm.isMainLoopBlocked).toBe(false);
  vm.blockMainLoopFor(4_000);
  expect(vm.isMainLoopBlocked).toBe(true);
  clock.advance(4_000);
  expect(vm.isMainLoopBlocked).toBe(false);
});

test("a whole schema is as large as a real one, and refers to nothing that is not there", async () => {
  const { client: open } = await startTestVm({ hasWholeSchema: true });
  const client = await open();
  const schema = Array.from(Object(await ask(client, "query-qmp-schema"))) as Record<string, unknown>[];
  expect(JSON.stringify(schema).length).toBeGreaterThan(150_000);
  const names = new Set(schema.map((entity) => entity.name));
  const commands = schema.filter((entity) => entity["meta-type"] === "command");
  for (const command of commands) expect(names).toContain(command["ret-type"]);
  const oob = commands.filter((command) => command["allow-oob"] === true).map((command) => command.name);
  expect(oob.toSorted()).toEqual(["migrate-pause", "migrate-recover", "query-yank", "yank"]);
});
