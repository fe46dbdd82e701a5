import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MonitorConfig } from "#lib/config/schema";
import { systemClock } from "#server/qmp/clock";
import type { MonitorSpot } from "../vm/vm-host.ts";
import { Discovery } from "./discovery.ts";
import { foreignOwner } from "./foreign-sockets.ts";
import { parseMonitor } from "./monitor-pattern.ts";

describe("whose socket a path is", () => {
  test.each([
    ["/var/lib/libvirt/qemu/domain-3-db/monitor.sock", "libvirt"],
    ["/var/lib/libvirt/qemu/channel/target/domain-3-db/org.qemu.guest_agent.0", "agent"],
    ["/var/run/qemu-server/101.qmp", "proxmox"],
    ["/run/qemu-server/101.qga", "proxmox"],
    ["/run/incus/db/qemu.monitor", "incus"],
    ["/run/ripcord/monitors/db.sock", undefined],
    ["/run/vms/db/qmp.sock", undefined],
  ])("%s: %s", (path, owner) => {
    expect(foreignOwner(path)).toBe(owner);
  });
});

describe("an entry that cannot be used says why", () => {
  test.each<[MonitorConfig, RegExp]>([
    [{ path: "/run/*/a/b.sock", takeOver: false }, /last two segments/],
    [{ path: `/run/${"x".repeat(120)}.sock`, takeOver: false }, /107 bytes/],
    [{ tcp: "192.0.2.1:4444", takeOver: false }, /allowRemoteTcp/],
    [{ tcp: "127.0.0.1:0", takeOver: false }, /1 to 65535/],
  ])("%o", (config, reason) => {
    expect(() => parseMonitor(config, 0, false)).toThrow(reason);
  });
});

describe("discovery", { timeout: 15_000 }, () => {
  let root: string;
  let discovery: Discovery;
  const servers: Server[] = [];
  const spots: MonitorSpot[] = [];
  const gone: string[] = [];

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "ripcord-watch-")));
  });
  afterEach(async () => {
    await discovery.close();
    for (const server of servers.splice(0)) server.close();
    spots.length = 0;
    gone.length = 0;
    rmSync(root, { recursive: true, force: true });
  });

  async function watch(...monitors: MonitorConfig[]): Promise<void> {
    discovery = new Discovery({
      monitors,
      allowRemoteTcp: false,
      clock: systemClock,
      onAppeared: (spot) => spots.push(spot),
      onVanished: (address) => gone.push(address),
    });
    await discovery.start();
  }
  function listen(path: string): Promise<void> {
    const server = createServer();
    servers.push(server);
    return new Promise((resolve) => server.listen(path, resolve));
  }
  const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 10 });
  const found = () => [
    ...new Set(spots.map(({ address }) => (address.kind === "unix" ? address.path : `${address.host}:${address.port}`))),
  ];

  test("finds sockets that are there, that come later, and nothing but sockets", async () => {
    await listen(join(root, "a.sock"));
    writeFileSync(join(root, "file.sock"), "");
    await watch({ path: join(root, "*.sock"), takeOver: false });
    expect(found()).toEqual([join(root, "a.sock")]);
    await listen(join(root, "b.sock"));
    await listen(join(root, "c.other"));
    await until(() => expect(found()).toEqual([join(root, "a.sock"), join(root, "b.sock")]));
    rmSync(join(root, "a.sock"));
    await until(() => expect(gone).toEqual([join(root, "a.sock")]));
  });

  test("sees a folder that appears, vanishes and is made again", async () => {
    const folder = join(root, "monitors");
    await watch({ path: join(folder, "*.sock"), takeOver: false });
    mkdirSync(folder);
    await listen(join(folder, "a.sock"));
    await until(() => expect(found()).toEqual([join(folder, "a.sock")]));
    rmSync(folder, { recursive: true });
    await until(() => expect(gone).toEqual([join(folder, "a.sock")]));
    spots.length = 0;
    mkdirSync(folder);
    await listen(join(folder, "b.sock"));
    await until(() => expect(found()).toEqual([join(folder, "b.sock")]));
  });

  test("looks one folder deep where the pattern does", async () => {
    mkdirSync(join(root, "vm1"));
    await watch({ path: join(root, "*", "qmp.sock"), takeOver: false });
    await listen(join(root, "vm1", "qmp.sock"));
    await listen(join(root, "vm1", "other.sock"));
    await until(() => expect(found()).toEqual([join(root, "vm1", "qmp.sock")]));
  });

  test("touches another tool's sockets by no glob, and by name only with takeOver", async () => {
    const folder = join(root, "run", "qemu-server");
    mkdirSync(folder, { recursive: true });
    for (const name of ["101.qmp", "102.qmp", "103.qmp"]) await listen(join(folder, name));
    await watch(
      { path: join(folder, "*"), takeOver: true },
      { path: join(folder, "102.qmp"), takeOver: false },
      { path: join(folder, "103.qmp"), takeOver: true },
    );
    expect(found().toSorted()).toEqual([join(folder, "102.qmp"), join(folder, "103.qmp")]);
    const isNotOurs = new Map(spots.map((spot) => [spot.address.kind === "unix" ? spot.address.path : "", spot.isNotOurs]));
    expect(isNotOurs.get(join(folder, "102.qmp"))).toBe(true);
    expect(isNotOurs.get(join(folder, "103.qmp"))).toBe(false);
  });

  test("names what it cannot use, and goes on with the rest", async () => {
    await watch({ tcp: "198.51.100.7:4444", takeOver: false }, { tcp: "127.0.0.1:4444", takeOver: false });
    expect(found()).toEqual(["127.0.0.1:4444"]);
    expect(discovery.notices()).toEqual([expect.stringContaining("198.51.100.7:4444")]);
  });
});
