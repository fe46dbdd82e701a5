import { describe, expect, test } from "vitest";
import { ManualClock } from "./testing/manual-clock.ts";
import type { RawClient } from "./testing/raw-client.ts";
import { startTestVm, yank, YANK_MIGRATION } from "./testing/start-vm.ts";
import type { SimulatedMigrationOptions, SimulatedVersion } from "./options.ts";

const OUTGOING: SimulatedMigrationOptions = { side: "outgoing", uri: "unix:/run/m.sock", bytesPerSecond: 1_000_000 };
const CLEAN_UP_MS = 100;

async function start(version: SimulatedVersion = "7.2", options: Parameters<typeof startTestVm>[0] = {}) {
  const clock = new ManualClock();
  const started = await startTestVm({ version, clock, ...options });
  const client = await started.client();
  const capabilities = [{ capability: "events", state: true }];
  expect(await client.ask({ execute: "migrate-set-capabilities", arguments: { capabilities } })).toEqual({ return: {} });
  return { ...started, clock, client };
}

async function queryMigrate(client: RawClient): Promise<Record<string, unknown>> {
  client.send({ execute: "query-migrate", id: "info" });
  for (;;) {
    const message = await client.next();
    if (message.id === "info") return Object(message.return);
  }
}

/** The statuses and other events up to a message with this id, then that id. */
async function story(client: RawClient, id: string): Promise<unknown[]> {
  const messages = await client.until((message) => message.id === id);
  return messages.filter((message) => message.event !== "MIGRATION_PASS").map(word);
}

function word(message: Record<string, unknown>): unknown {
  return message.event === "MIGRATION" ? Object(message.data).status : (message.event ?? message.id);
}

describe("a migration under way", () => {
  test("moves bytes with the clock, and stands still while it is stalled", async () => {
    const { vm, clock, client } = await start();
    expect(await queryMigrate(client)).toEqual({});
    vm.startMigration(OUTGOING);
    clock.advance(2_000);
    expect(await queryMigrate(client)).toMatchObject({ status: "active", ram: { transferred: 2_000_000 } });
    vm.stallMigration();
    clock.advance(5_000);
    expect(await queryMigrate(client)).toMatchObject({ status: "active", "total-time": 7_000, ram: { transferred: 2_000_000, mbps: 0 } });
    expect(vm.isMainLoopBlocked).toBe(false);
  });

  test("refuses a second one, and capabilities, until it has ended", async () => {
    const { vm, client } = await start();
    vm.startMigration({ ...OUTGOING, status: "setup" });
    const refused = { error: { class: "GenericError", desc: "There's a migration process in progress" } };
    await client.next();
    expect(await client.ask({ execute: "migrate", arguments: { uri: "unix:/x" } })).toEqual(refused);
    expect(await client.ask({ execute: "migrate-set-capabilities", arguments: { capabilities: [] } })).toEqual(refused);
  });

  test("fails to start towards a socket that is not there, and says so", async () => {
    const { clock, client } = await start();
    client.send({ execute: "migrate", arguments: { uri: "unix:/nonexistent/m.sock" }, id: "m" });
    expect(await story(client, "m")).toEqual(["setup", "m"]);
    clock.advance(10);
    const expected = { status: "failed", "error-desc": "Failed to connect to '/nonexistent/m.sock': No such file or directory" };
    expect(await queryMigrate(client)).toEqual(expected);
  });

  test.each([
    ["7.2", ["failed"]],
    ["11.1", ["failing", "failed"]],
  ] as const)("ends in %s as failed by a yank, with the guest running and the instance gone", async (version, statuses) => {
    const { vm, clock, client } = await start(version);
    vm.startMigration(OUTGOING);
    await client.until((message) => word(message) === "active");
    vm.stallMigration();
    client.send(yank("y", YANK_MIGRATION));
    const seen = await story(client, "y");
    clock.advance(CLEAN_UP_MS);
    client.send({ execute: "query-status", id: "end" });
    expect([...seen, ...(await story(client, "end"))].filter((one) => one !== "y" && one !== "end")).toEqual(statuses);
    expect(await queryMigrate(client)).toMatchObject({ status: "failed", "error-desc": "Unable to write to socket: Broken pipe" });
    expect(vm.runState).toBe("running");
    expect(await client.ask(yank("again", YANK_MIGRATION))).toMatchObject({ id: "again", error: { class: "DeviceNotFound" } });
  });

  test("is cancelled softly, and the guest runs on", async () => {
    const { vm, clock, client } = await start();
    vm.startMigration(OUTGOING);
    await client.until((message) => word(message) === "active");
    vm.stallMigration();
    client.send({ execute: "migrate_cancel", id: "c" });
    expect(await story(client, "c")).toEqual(["cancelling", "c"]);
    clock.advance(CLEAN_UP_MS);
    expect(await queryMigrate(client)).toEqual({ status: "cancelled" });
    expect(vm.runState).toBe("running");
  });

  test("in setup is not yanked by a yank, and cancelled as its version does", async () => {
    for (const version of ["7.2", "11.1"] as const) {
      const { vm, clock, client } = await start(version);
      vm.startMigration({ ...OUTGOING, status: "setup" });
      await client.next();
      expect(await client.ask(yank("y", YANK_MIGRATION))).toEqual({ return: {}, id: "y" });
      expect(vm.migrationStatus).toBe("setup");
      client.send({ execute: "migrate_cancel", id: "c" });
      await story(client, "c");
      clock.advance(CLEAN_UP_MS);
      expect(vm.migrationStatus).toBe(version === "7.2" ? "cancelling" : "cancelled");
      vm.connectMigration();
      expect(vm.migrationStatus).toBe("cancelled");
    }
  });

  test("in pre-switchover is only seen to be yanked once it is told to continue", async () => {
    const { vm, clock, client } = await start();
    vm.startMigration({ ...OUTGOING, status: "pre-switchover" });
    await client.until((message) => word(message) === "pre-switchover");
    expect(await client.ask(yank("y", YANK_MIGRATION))).toEqual({ return: {}, id: "y" });
    clock.advance(CLEAN_UP_MS);
    expect([vm.migrationStatus, vm.runState]).toEqual(["pre-switchover", "finish-migrate"]);
    await client.ask({ execute: "migrate-continue", arguments: { state: "pre-switchover" } });
    clock.advance(CLEAN_UP_MS);
    expect([vm.migrationStatus, vm.runState]).toEqual(["failed", "running"]);
  });

  test("with exec: is out of a yank's reach, and its cancelling hangs the main loop until the child ends", async () => {
    const { vm, clock, client } = await start();
    vm.startMigration({ ...OUTGOING, uri: "exec:sleep 99" });
    await client.until((message) => word(message) === "active");
    expect(await client.ask(yank("y", YANK_MIGRATION))).toEqual({ return: {}, id: "y" });
    expect(vm.migrationStatus).toBe("active");
    client.send({ execute: "migrate_cancel", id: "c" });
    await story(client, "c");
    client.send({ execute: "query-status", id: "hung" });
    await client.ask(yank("no-use", YANK_MIGRATION));
    expect(vm.isMainLoopBlocked).toBe(true);
    vm.releaseMigration();
    clock.advance(CLEAN_UP_MS);
    expect(await story(client, "hung")).toContain("hung");
    expect(vm.migrationStatus).toBe("cancelled");
  });
});

describe("a switchover that never ends", () => {
  test.each([
    ["7.2", [], ["failed", "RESUME"], { status: "failed" }],
    ["11.1", ["device"], ["failing", "failed", "RESUME"], { status: "failed", "error-desc": expect.stringContaining("Broken pipe") }],
  ] as const)("in %s hangs in-band after STOP, and a yank brings the guest back", async (version, before, after, expected) => {
    const { vm, clock, client } = await start(version);
    vm.startMigration(OUTGOING);
    vm.hangMigrationSwitchover();
    client.send({ execute: "query-status", id: "hung" });
    client.send({ "exec-oob": "query-yank", id: "alive" });
    expect(await story(client, "alive")).toEqual(["setup", "active", "STOP", ...before, "alive"]);
    client.send(yank("y", YANK_MIGRATION));
    expect(await story(client, "y")).toEqual(["y"]);
    expect(await client.next()).toMatchObject({ id: "hung", return: { status: "finish-migrate", running: false } });
    clock.advance(CLEAN_UP_MS);
    client.send({ execute: "query-migrate", id: "end" });
    expect(await story(client, "end")).toEqual([...after, "end"]);
    expect(await queryMigrate(client)).toEqual(expected);
    expect(vm.runState).toBe("running");
  });

  test("gives a guest that was paused before back as paused", async () => {
    const { vm, clock, client } = await start("7.2", { runState: "paused" });
    vm.startMigration(OUTGOING);
    vm.hangMigrationSwitchover();
    client.send(yank("y", YANK_MIGRATION));
    await story(client, "y");
    clock.advance(CLEAN_UP_MS);
    expect(vm.runState).toBe("paused");
  });
});

describe("postcopy", () => {
  test("is paused by a yank and by migrate-pause, stays listed, and takes a second yank without effect", async () => {
    const { vm, client } = await start();
    vm.startMigration({ ...OUTGOING, status: "postcopy-active" });
    await client.until((message) => message.event === "STOP");
    client.send(yank("y", YANK_MIGRATION));
    expect(await story(client, "y")).toEqual(["postcopy-paused", "y"]);
    expect(await client.ask(yank("again", YANK_MIGRATION))).toEqual({ return: {}, id: "again" });
    expect(vm.runState).toBe("finish-migrate");
    const desc = "migrate-pause is currently only supported during postcopy-active state";
    expect(await client.ask({ "exec-oob": "migrate-pause" })).toMatchObject({ error: { desc } });
    client.send({ execute: "migrate", arguments: { uri: "unix:/run/r.sock", resume: true }, id: "r" });
    expect(await story(client, "r")).toEqual(["postcopy-recover", "postcopy-active", "r"]);
    client.send({ "exec-oob": "migrate-pause", id: "p" });
    expect(await story(client, "p")).toEqual(["postcopy-paused", "p"]);
  });

  test("cannot be cancelled from QEMU 10 on, and loses the guest before", async () => {
    const modern = await start("11.1");
    modern.vm.startMigration({ ...OUTGOING, status: "postcopy-active" });
    await modern.client.until((message) => word(message) === "postcopy-active");
    const desc = "Postcopy migration in progress, cannot cancel.";
    expect(await modern.client.ask({ execute: "migrate_cancel" })).toMatchObject({ error: { class: "GenericError", desc } });

    const old = await start("7.2");
    old.vm.startMigration({ ...OUTGOING, status: "postcopy-active" });
    await old.client.until((message) => message.event === "STOP");
    old.client.send({ execute: "migrate_cancel", id: "c" });
    expect(await story(old.client, "c")).toEqual(["cancelling", "c"]);
    old.clock.advance(CLEAN_UP_MS);
    expect([old.vm.migrationStatus, old.vm.runState]).toEqual(["cancelled", "postmigrate"]);
  });
});

describe("COLO", () => {
  test.each([
    ["outgoing", "primary", ["setup", "active", "STOP", "colo", "RESUME"]],
    ["incoming", "secondary", ["colo", "RESUME"]],
  ] as const)("of an %s side is the %s, and a yank leaves it waiting for a failover", async (side, role, began) => {
    const { vm, client } = await start();
    vm.startMigration({ ...OUTGOING, side, status: "colo" });
    client.send({ execute: "query-colo-status", id: "s" });
    expect(await story(client, "s")).toEqual([...began, "s"]);
    client.send(yank("y", YANK_MIGRATION));
    expect(await client.next()).toMatchObject({ event: "COLO_EXIT", data: { mode: role, reason: "error" } });
    expect(await client.next()).toEqual({ return: {}, id: "y" });
    const waiting = { "last-mode": "none", mode: role, reason: "none" };
    expect(await client.ask({ execute: "query-colo-status" })).toEqual({ return: waiting });
    expect([vm.migrationStatus, vm.runState]).toEqual(["colo", "running"]);
    client.send({ execute: "x-colo-lost-heartbeat", id: "f" });
    expect(await story(client, "f")).toEqual(["STOP", "completed", "RESUME", "f"]);
    const alone = { "last-mode": role, mode: "none", reason: "request" };
    expect(await client.ask({ execute: "query-colo-status" })).toEqual({ return: alone });
  });
});

test("a guest that dirties more than is sent says so, and its bytes move", async () => {
  const { vm, clock, client } = await start();
  vm.startMigration({ ...OUTGOING, dirtyBytesPerSecond: 40_960_000 });
  clock.advance(1_000);
  expect(await queryMigrate(client)).toMatchObject({ status: "active", ram: { transferred: 1_000_000, "dirty-pages-rate": 10_000 } });
});

describe("a destination", () => {
  test("takes a yank without effect while it listens, and exits when it is yanked in precopy", async () => {
    const { vm, client, clock } = await start("7.2", {
      runState: "inmigrate",
      migration: { side: "incoming", uri: "unix:/run/in.sock" },
    });
    expect(await queryMigrate(client)).toEqual({ "socket-address": [{ path: "/run/in.sock", type: "unix" }] });
    expect(await client.ask(yank("y", YANK_MIGRATION))).toEqual({ return: {}, id: "y" });
    vm.acceptMigration();
    expect(word(await client.next())).toBe("active");
    client.send(yank("cut", YANK_MIGRATION));
    expect(await story(client, "cut")).toEqual(["failed", "cut"]);
    clock.advance(CLEAN_UP_MS);
    expect(await client.untilEnd()).toEqual([]);
    expect(vm.hasEnded).toBe(true);
  });
});
