import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { pino } from "pino";
import { Server } from "socket.io";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LINK_NAMESPACE, MAX_LINK_MESSAGE_BYTES, REALTIME_PATH } from "#lib/link/contract";
import type { BridgeToHubEvents, FactBatch, HubToBridgeEvents, Pulse, VmDetailReport, VmsChanged } from "#lib/link/contract";
import type { VmReport } from "#lib/vm/report";
import { systemClock } from "#server/qmp/clock";
import { vmReport } from "../../../tests/support/vm-report.ts";
import { FactLog } from "./fact-log.ts";
import { HubLink } from "./hub-link.ts";

type Hub = Server<BridgeToHubEvents, HubToBridgeEvents>;

describe("the link to a hub", { timeout: 15_000 }, () => {
  let http: ReturnType<typeof createServer>;
  let hub: Hub;
  let url: string;
  let link: HubLink;
  let facts: FactLog;
  let refuseWith: string | undefined;
  const vms = new Map<string, VmReport>();
  const made: string[] = [];
  const begun: { generation: number; total: number }[] = [];
  const chunks: string[][] = [];
  const changes: VmsChanged[] = [];
  const batches: FactBatch[] = [];
  const details: VmDetailReport[] = [];
  const pulses: Pulse[] = [];
  const connections = new Set<Socket>();
  let detailsMade = 0;
  let largest = 0;

  beforeEach(async () => {
    refuseWith = undefined;
    connections.clear();
    http = createServer();
    http.on("connection", (connection) => connections.add(connection));
    hub = new Server(http, { path: REALTIME_PATH, maxHttpBufferSize: MAX_LINK_MESSAGE_BYTES });
    hub.of(LINK_NAMESPACE).use((_socket, next) => next(refuseWith === undefined ? undefined : new Error(refuseWith)));
    hub.of(LINK_NAMESPACE).on("connection", (socket) => {
      socket.on("snapshot:begin", (message, ack) => {
        begun.push(message);
        ack({ ok: true });
      });
      socket.on("snapshot:chunk", (message, ack) => {
        largest = Math.max(largest, JSON.stringify(message).length);
        chunks.push(message.vms.map((vm) => vm.vmId));
        ack({ ok: true });
      });
      socket.on("snapshot:end", (_message, ack) => ack({ ok: true }));
      socket.on("vms:changed", (message) => void changes.push(message));
      socket.on("detail:changed", (message) => void details.push(message));
      socket.on("pulse:sent", (message) => void pulses.push(message));
      socket.on("facts:append", (batch, ack) => {
        batches.push(batch);
        ack({ throughSeq: batch.facts.at(-1)?.seq ?? 0 });
      });
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    facts = new FactLog(systemClock);
    link = new HubLink({
      hello: { linkVersion: 1, bridgeId: "b", label: "h", epoch: "e", token: "t", isSimulated: false },
      source: {
        listedIds: () => [...vms.keys()],
        report: (vmId) => {
          made.push(vmId);
          return vms.get(vmId);
        },
        detail: (vmId) => {
          detailsMade += 1;
          const counters = { eventsSeen: detailsMade, repliesDropped: 0, lateReplies: 0, bytesRead: 0, reconnects: 0 };
          return vms.has(vmId) ? { vmId, counters } : undefined;
        },
        dismiss: () => true,
        pulse: () => ({ eventLoopDelayMs: 0, vmCount: vms.size, notices: [] }),
      },
      acts: {
        prepare: async () => ({ ok: false, code: "unknown-vm", text: "no" }),
        go: async () => ({ ok: true }),
        acknowledge: () => {},
        inquire: () => ({ unknown: true }),
        pending: () => [],
      },
      facts,
      clock: systemClock,
      random: () => 0.5,
      logger: pino({ level: "silent" }),
    });
  });
  afterEach(async () => {
    link.close();
    await hub.close();
    vms.clear();
    for (const list of [made, begun, chunks, changes, batches, details, pulses]) list.length = 0;
    detailsMade = 0;
    largest = 0;
  });

  const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 5 });
  function addVm(vmId: string, overrides: Partial<VmReport> = {}): void {
    vms.set(vmId, vmReport({ vmId, ...overrides }));
  }

  test("sends everything in chunks that fit, then only what changed", async () => {
    for (let count = 0; count < 300; count++) addVm(`vm${count}`, { notices: ["x".repeat(2_000)] });
    link.adopt(url);
    await until(() => expect(chunks.flat()).toHaveLength(300));
    expect(begun).toEqual([{ generation: 1, total: 300 }]);
    expect(chunks.length).toBeGreaterThan(2);
    expect(largest).toBeLessThan(MAX_LINK_MESSAGE_BYTES);
    // Until the hub has taken the end, a change waits.
    await until(() => {
      link.vmChanged("vm7");
      expect(changes.length).toBeGreaterThan(0);
    });
    expect(changes[0]).toMatchObject({ generation: 1, sequence: 1, removed: [] });
    expect(changes[0]?.changed.map((vm) => vm.vmId)).toEqual(["vm7"]);
  });

  test("a hundred changes of one VM are one message with the latest state", async () => {
    addVm("a");
    link.adopt(url);
    await until(() => expect(begun).toHaveLength(1));
    await until(() => {
      link.vmChanged("a");
      expect(changes.length).toBeGreaterThan(0);
    });
    const before = changes.length;
    for (let count = 1; count <= 100; count++) {
      addVm("a", { name: `name-${count}` });
      link.vmChanged("a");
    }
    await until(() => expect(changes.at(-1)?.changed[0]?.name).toBe("name-100"));
    expect(changes.length - before).toBeLessThanOrEqual(2);
    expect(changes.map(({ sequence }) => sequence)).toEqual(changes.map((_each, index) => index + 1));
  });

  test("without a hub nothing is made, and facts wait for one", async () => {
    addVm("a");
    for (let count = 0; count < 1_000; count++) link.vmChanged("a");
    facts.append({ vmId: "a" }, { kind: "vm-appeared" });
    link.factsWait();
    expect(made).toEqual([]);
    link.adopt(url);
    await until(() => expect(batches.flatMap((batch) => batch.facts.map((fact) => fact.kind))).toEqual(["vm-appeared"]));
    await until(() => expect(facts.size).toBe(0));
  });

  test("a VM that ended is told with its last report, and is removed", async () => {
    addVm("a");
    link.adopt(url);
    await until(() => expect(begun).toHaveLength(1));
    await until(() => {
      link.vmChanged("a");
      expect(changes.length).toBeGreaterThan(0);
    });
    link.vmEnded(vmReport({ vmId: "a", ended: { reason: "shutdown", ageMs: 0 } }));
    await until(() => expect(changes.at(-1)).toMatchObject({ removed: ["a"], changed: [{ ended: { reason: "shutdown" } }] }));
  });

  test("readings of a watched VM come at once, each second beside the pulse, and with each change", async () => {
    for (const vmId of ["a", "b", "c"]) addVm(vmId);
    link.adopt(url);
    await until(() => expect(link.isConnected && begun.length).toBe(1));
    hub.of(LINK_NAMESPACE).emit("detail:watch", { vmIds: ["a", "b"] });
    await until(() => expect(new Set(details.map(({ vmId }) => vmId))).toEqual(new Set(["a", "b"])));
    const pulsesBefore = pulses.length;
    const before = details.length;
    await until(() => expect(pulses.length).toBeGreaterThanOrEqual(pulsesBefore + 3));
    await until(() => expect(details.slice(before).filter(({ vmId }) => vmId === "b").length).toBeGreaterThanOrEqual(3));
    expect(details.some(({ vmId }) => vmId === "c")).toBe(false);
    hub.of(LINK_NAMESPACE).emit("detail:watch", { vmIds: ["a"] });
    const made = detailsMade;
    link.vmChanged("a");
    await until(() => expect(details.some(({ vmId, counters }) => vmId === "a" && counters.eventsSeen > made)).toBe(true));
  });

  test("a hub that stops reading gets no queue, and the newest state when it reads again", async () => {
    addVm("a");
    link.adopt(url);
    await until(() => expect(begun).toHaveLength(1));
    hub.of(LINK_NAMESPACE).emit("detail:watch", { vmIds: ["a"] });
    await until(() => expect(details.length).toBeGreaterThan(0));
    const [tcp] = connections;
    tcp?.pause();
    // Until what the kernel holds for both ends is full, and then so many turns in which nothing more is made.
    let quietTurns = 0;
    let turn = 0;
    let former = 0;
    await until(() => {
      addVm("a", { name: `name-${++turn}`, notices: Array.from({ length: 60 }, () => "x".repeat(3_000)) });
      link.vmChanged("a");
      quietTurns = made.length + detailsMade === former ? quietTurns + 1 : 0;
      former = made.length + detailsMade;
      expect(quietTurns).toBeGreaterThan(100);
    });
    expect(pulses.length).toBeLessThan(10);
    tcp?.resume();
    await until(() => expect(changes.at(-1)?.changed[0]?.name).toBe(`name-${turn}`));
    expect(changes.length).toBeLessThan(turn);
  });

  test("comes back by itself with a new generation", async () => {
    addVm("a");
    link.adopt(url);
    await until(() => expect(begun).toHaveLength(1));
    hub.of(LINK_NAMESPACE).disconnectSockets(true);
    await until(() => expect(begun.map(({ generation }) => generation)).toEqual([1, 2]));
  });

  test("that is refused says why, and tries again", async () => {
    refuseWith = "duplicate-bridge";
    link.adopt(url);
    await until(() => expect(link.refusal).toBe("another bridge with this id is connected to the hub"));
    refuseWith = undefined;
    await until(() => expect(link.isConnected).toBe(true));
    expect(link.refusal).toBeUndefined();
  });
});
