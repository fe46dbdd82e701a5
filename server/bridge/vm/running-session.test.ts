import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { configSchema } from "#lib/config/schema";
import { QmpClient } from "#server/qmp/client";
import { ManualClock } from "#server/qmp/manual-clock";
import { greetingMessage, MemoryPeer } from "#server/qmp/memory-transport";
import { SchemaCache } from "#server/qmp/schema-cache";
import { ALLOWED_COMMANDS } from "../allowed-commands.ts";
import { SettingsTable } from "../config.ts";
import { StallLog } from "../stalls/stall-log.ts";
import { describeInstances } from "../topology/describe-instances.ts";
import { guessLauncher } from "../topology/guess-launcher.ts";
import { readTopology } from "../topology/read-topology.ts";
import type { Topology } from "../topology/topology.ts";
import { HostWatch } from "../evidence/host-watch.ts";
import { fakeProc } from "../testing/test-registry.ts";
import { Gate } from "./gate.ts";
import { KnownVm } from "./known-vm.ts";
import { RunningSession } from "./running-session.ts";
import { TickWheel } from "./tick-wheel.ts";

/** A session in command mode whose first probes were answered, on a clock that stands still. */
async function startSession() {
  let isWell = false;
  const clock = new ManualClock();
  const peer = new MemoryPeer();
  const settings = new SettingsTable(configSchema.parse({ queries: { enableMigrationEvents: false } })).settingsFor("db-07");
  const known = new KnownVm("start");
  known.isIdentified = true;
  const proc = fakeProc();
  const host = {
    bridgeId: "test",
    epoch: "epoch",
    isSimulated: false,
    clock,
    random: () => 0.5,
    wheel: new TickWheel(clock),
    stalls: new StallLog(),
    proc,
    hostWatch: new HostWatch(proc, clock),
    logger: pino({ level: "silent" }),
    schemas: new SchemaCache(),
    topologyGate: new Gate(1),
    readTopology,
    describeInstances,
    guessLauncher,
    settingsFor: () => settings,
    socketExists: async () => true,
    changed: () => {},
    fact: () => {},
    claim: () => true,
    ended: () => {},
    probed: () => {},
  };
  const client: QmpClient = new QmpClient({
    address: { path: "/run/db-07.sock" },
    allowedCommands: ALLOWED_COMMANDS,
    inBandWindow: 1,
    clock,
    openTransport: peer.open,
    handlers: { onEvent: (event) => session.onEvent(event) },
  });
  const running = client.connect();
  peer.accept();
  peer.say(greetingMessage());
  peer.answer("qmp_capabilities");
  await running;
  const owner = {
    known,
    settings,
    address: { kind: "unix" as const, path: "/run/db-07.sock" },
    mayRead: () => isWell,
    onIdentified: () => {},
    onAnswer: () => {},
    look: () => {},
    onChanged: () => {},
    wake: () => {},
  };
  const session = new RunningSession(client, owner, host);
  peer.answer("query-yank", []);
  peer.answer("query-status", { status: "running" });
  return {
    clock,
    peer,
    known,
    /** From here on readings beside the probes may be sent; what was read before is taken as given. */
    becomesWell(topology: Topology) {
      known.topology = topology;
      known.isTopologyStale = false;
      isWell = true;
    },
    /** Lets time pass as the wheel would: the session is called when it is due, at the latest then. */
    pass(byMs: number) {
      clock.advance(byMs);
      session.onDue(clock.nowMonoMs());
    },
    event: (name: string) => peer.say({ event: name, data: {}, timestamp: { seconds: 1, microseconds: 0 } }),
    statusProbes: () => peer.requests.filter(({ command }) => command === "query-status").length,
  };
}

describe("an event that tells of a run state", () => {
  test("is asked about at once, also right after a probe of the second", async () => {
    const vm = await startSession();
    vm.clock.advance(1);
    vm.event("STOP");
    expect(vm.statusProbes()).toBe(2);
    vm.peer.answer("query-status", { status: "paused" });
    expect(vm.known.runState?.value).toBe("paused");
  });

  test("is asked about after the reply that is awaited, which may be older than the event", async () => {
    const vm = await startSession();
    vm.pass(1_100);
    expect(vm.statusProbes()).toBe(2);
    vm.event("STOP");
    expect(vm.statusProbes()).toBe(2);
    vm.peer.answer("query-status", { status: "running" });
    expect(vm.statusProbes()).toBe(3);
    vm.peer.answer("query-status", { status: "paused" });
    expect(vm.known.runState?.value).toBe("paused");
  });

  test("is asked about ten times a second at most, however many there are, and after the last one too", async () => {
    const vm = await startSession();
    vm.clock.advance(1);
    for (let elapsedMs = 0; elapsedMs < 1_000; elapsedMs += 5) {
      vm.event("BLOCK_IO_ERROR");
      if (vm.peer.requests.at(-1)?.command === "query-status") vm.peer.answer("query-status", { status: "running" });
      vm.pass(5);
    }
    const during = vm.statusProbes();
    expect(during).toBeGreaterThan(8);
    expect(during).toBeLessThanOrEqual(14);
    vm.peer.answer("query-status", { status: "running" });
    vm.event("STOP");
    vm.pass(100);
    expect(vm.statusProbes()).toBeGreaterThan(during);
  });
});

describe("a console whose client comes and goes without an event", () => {
  const console0 = { isConnected: false, isServer: true, isMux: false, address: "unix:/run/console0.sock" };
  const topologyOf = (kind: "device" | "monitor"): Topology => ({
    chardevs: new Map([["console0", console0]]),
    owners: new Map([["console0", { kind, id: "serial0", type: "isa-serial" }]]),
    areMonitorsObjects: false,
    blockNodes: new Map(),
  });
  const connected = [{ label: "console0", filename: "unix:/run/console0.sock,server=on", "frontend-open": true }];
  /** Answers everything for some seconds; returns how often connections were asked for. */
  const watch = async (vm: Awaited<ReturnType<typeof startSession>>, seconds: number) => {
    let answered = vm.peer.requests.length;
    for (let second = 0; second < seconds; second++) {
      vm.pass(1_000);
      for (let next = vm.peer.requests[answered]; next; next = vm.peer.requests[answered]) {
        answered++;
        const value = next.command === "query-status" ? { status: "running" } : next.command === "query-yank" ? [] : connected;
        vm.peer.say({ return: value, id: next.id });
        await new Promise(setImmediate);
      }
    }
    return vm.peer.requests.filter(({ command }) => command === "query-chardev").length;
  };

  test("is asked about every fifteen seconds", async () => {
    const vm = await startSession();
    vm.becomesWell(topologyOf("device"));
    const asked = await watch(vm, 40);
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(3);
    expect(vm.known.topology?.chardevs?.get("console0")?.isConnected).toBe(true);
  });

  test("is not asked about while the VM is not well, nor where only monitors hang on chardevs", async () => {
    const unwell = await startSession();
    unwell.known.topology = topologyOf("device");
    unwell.known.isTopologyStale = false;
    expect(await watch(unwell, 40)).toBe(0);
    const monitorsOnly = await startSession();
    monitorsOnly.becomesWell(topologyOf("monitor"));
    expect(await watch(monitorsOnly, 40)).toBe(0);
  });
});
