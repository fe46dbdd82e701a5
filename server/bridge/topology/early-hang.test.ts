import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startSimulatedVm } from "#server/simulator/index";
import type { SimulatedVm } from "#server/simulator/simulated-vm";
import { fakeProc, startTestRegistry } from "../testing/test-registry.ts";
import type { TestRegistry } from "../testing/test-registry.ts";

let folder: string;
let path: string;
let bridge: TestRegistry;
let vm: SimulatedVm;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "ripcord-early-"));
  path = join(folder, "db-07.sock");
  const commandLine = [
    "qemu-system-x86_64",
    ...["-chardev", `socket,id=ripcord,path=${path},server=on,wait=off`, "-mon", "chardev=ripcord,mode=control"],
    ...["-chardev", "socket,id=ser0,path=/run/ser0,server=on,wait=off", "-device", "isa-serial,chardev=ser0,id=com1"],
    ...["-blockdev", "driver=nbd,node-name=nbd0,server.type=unix,server.path=/run/nbd,reconnect-delay=7"],
  ];
  const proc = fakeProc({
    findListener: async () => ({ pid: 4_711, startTimeTicks: "1" }),
    readCommandLine: async () => commandLine,
  });
  bridge = startTestRegistry({ proc });
  vm = await startSimulatedVm({
    name: "db-07",
    monitors: [{ id: "ripcord", path }],
    blockNodes: [{ driver: "nbd", nodeName: "nbd0", server: { type: "unix", path: "/run/nbd" } }],
    chardevs: [
      { kind: "socket-server", id: "ser0", path: "/run/ser0" },
      { kind: "socket-server", id: "lonely", path: "/run/lonely" },
    ],
    devices: [{ id: "com1", type: "isa-serial", chardev: "ser0" }],
  });
});
afterEach(async () => {
  bridge.close();
  await vm.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a VM that hangs as soon as it is found keeps its console in reach, by its command line alone", { timeout: 15_000 }, async () => {
  vm.onNegotiated(() => vm.blockMainLoop());
  bridge.appear(path);
  await bridge.until((report) => {
    expect(report.health.verdict).toEqual({ kind: "main-loop-hung", cord: "in-reach" });
    expect(report.topologyAgeMs).toBeUndefined();
    const told = report.instances.map(({ instance, serves, yankable, farSide }) => [
      instance["id" as never] ?? instance["node-name" as never],
      serves.kind,
      yankable === true ? true : yankable.code,
      farSide?.text,
    ]);
    expect(told).toEqual(
      expect.arrayContaining([
        ["ripcord", "monitor", "is-monitor", `whoever connects to ${path}`],
        ["ser0", "serial-console", true, "whoever connects to /run/ser0"],
        ["lonely", "unknown", "topology-unread", undefined],
        ["nbd0", "unknown", true, "NBD server /run/nbd, the default export"],
      ]),
    );
  });
});
