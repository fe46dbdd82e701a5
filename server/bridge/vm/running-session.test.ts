import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { configSchema } from "#lib/config/schema";
import { QmpClient } from "#server/qmp/client";
import { ManualClock } from "#server/qmp/manual-clock";
import { greetingMessage, MemoryPeer } from "#server/qmp/memory-transport";
import { ALLOWED_COMMANDS } from "../allowed-commands.ts";
import { SettingsTable } from "../config.ts";
import { StallLog } from "../stalls/stall-log.ts";
import { describeInstances } from "../topology/describe-instances.ts";
import { guessLauncher } from "../topology/guess-launcher.ts";
import { readTopology } from "../topology/read-topology.ts";
import { fakeProc } from "../testing/test-registry.ts";
import { Gate } from "./gate.ts";
import { KnownVm } from "./known-vm.ts";
import { RunningSession } from "./running-session.ts";
import { TickWheel } from "./tick-wheel.ts";

/** A session in command mode whose first probes were answered, on a clock that stands still. */
async function startSession() {
  const clock = new ManualClock();
  const peer = new MemoryPeer();
  const settings = new SettingsTable(configSchema.parse({ queries: { enableMigrationEvents: false } })).settingsFor("db-07");
  const known = new KnownVm("start");
  known.isIdentified = true;
  const host = {
    bridgeId: "test",
    epoch: "epoch",
    isSimulated: false,
    clock,
    random: () => 0.5,
    wheel: new TickWheel(clock),
    stalls: new StallLog(),
    proc: fakeProc(),
    logger: pino({ level: "silent" }),
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
    mayRead: () => false,
    onIdentified: () => {},
    onAnswer: () => {},
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
