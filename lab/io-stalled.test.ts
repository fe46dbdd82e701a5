import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { VmReport } from "#lib/vm/report";
import { readSecondDiskSector } from "./boot-sectors.ts";
import { Closers } from "./closers.ts";
import { BridgeProcess } from "./corpus/bridge-process.ts";
import { writeDisk } from "./images.ts";
import { openLab, removeFolder } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { NbdDisk } from "./nbd-disk.ts";
import { findQemus } from "./qemu.ts";
import { LabVm } from "./vm.ts";
import { waitFor } from "./wait-for.ts";

const IO_STALL_AFTER_MS = 10_000;

const { usable } = await findQemus();
const withTools = usable.filter(({ nbdBinary }) => nbdBinary !== undefined);

test("there is a QEMU with its block tools, or nobody requires one", () => {
  expect(withTools.length === 0 && process.env["RIPCORD_REQUIRE_ALL"] === "1").toBe(false);
});

interface Shape {
  name: string;
  transport: "tcp" | "unix";
  devices: (node: string) => string[];
}

/** Guests that read their second disk 18 times a second, each on another kind of device. */
const SHAPES: Shape[] = [
  { name: "io-blk-tcp", transport: "tcp", devices: (node) => ["-device", `virtio-blk-pci,drive=${node},id=vda`] },
  { name: "io-blk-unix", transport: "unix", devices: (node) => ["-device", `virtio-blk-pci,drive=${node},id=vda`] },
  {
    name: "io-thread",
    transport: "unix",
    devices: (node) => ["-object", "iothread,id=io1", "-device", `virtio-blk-pci,drive=${node},iothread=io1,id=vda`],
  },
  { name: "io-queues", transport: "tcp", devices: (node) => ["-device", `virtio-blk-pci,drive=${node},id=vda,num-queues=4`] },
  {
    name: "io-scsi",
    transport: "unix",
    devices: (node) => ["-device", "virtio-scsi-pci,id=scsi0", "-device", `scsi-hd,drive=${node},id=sda`],
  },
  // No virtqueue: their connections tell.
  { name: "io-ide-tcp", transport: "tcp", devices: (node) => ["-device", `ide-hd,drive=${node},id=hdb`] },
  { name: "io-ide-unix", transport: "unix", devices: (node) => ["-device", `ide-hd,drive=${node},id=hdb`] },
];

describe.each(withTools.map((qemu) => [`${qemu.version.major}.${qemu.version.minor}`, qemu] as const))("QEMU %s", (_version, qemu) => {
  const root = mkdtempSync(join(tmpdir(), "lab-io-"));
  let closers = new Closers();
  let bridge: BridgeProcess;
  let lab: Lab;

  beforeAll(async () => {
    bridge = await BridgeProcess.start(root);
    lab = await openLab({ directory: join(root, "l"), monitorsDirectory: bridge.monitorsDirectory, qemu });
  });
  afterEach(async () => {
    await closers.close();
    closers = new Closers();
  });
  afterAll(async () => {
    await bridge.close();
    await lab.close();
    rmSync(root, { recursive: true, force: true });
  });

  const report = (name: string): VmReport | undefined => [...bridge.hub.vms.values()].find((candidate) => candidate.name === name);
  async function shown(name: string, isAsWanted: (report: VmReport) => boolean): Promise<VmReport> {
    return waitFor(
      `the bridge to tell of ${name}`,
      () => {
        const found = report(name);
        return found && isAsWanted(found) ? found : undefined;
      },
      { timeoutMs: 60_000 },
    );
  }
  async function bootSector(name: string): Promise<string> {
    const folder = closers.add(await lab.makeFolder(`${name}-boot`), removeFolder);
    return writeDisk(join(folder, "boot.img"), readSecondDiskSector());
  }
  const isBusy = ({ disks, health }: VmReport): boolean =>
    health.verdict.kind === "healthy" && disks?.some(({ wasBusy }) => wasBusy) === true;

  /** Starts one guest, has its server and an idle disk's freeze, and returns what was told of it in the end. */
  async function stall(name: string, shape: Shape): Promise<{ stalled: VmReport; after: VmReport }> {
    const disk = closers.add(await NbdDisk.start(lab, { name: `${name}-nbd`, transport: shape.transport }), (opened) => opened.close());
    // Beside it a disk at which nobody reads, on a server that will be just as dead.
    const idle = closers.add(await NbdDisk.start(lab, { name: `${name}-idle`, transport: "unix" }), (opened) => opened.close());
    const devices = [
      ...disk.devices.slice(0, 4),
      ...shape.devices(disk.formatNode),
      ...idle.devices.map((argument) => argument.replaceAll("nbd0", "nbd1").replaceAll("fmt0", "fmt1").replace("id=vda", "id=vdidle")),
    ];
    closers.add(await LabVm.start(lab, { name, bootDisk: await bootSector(name), devices }), (opened) => opened.close());
    await shown(name, (seen) => isBusy(seen) && seen.topologyAgeMs !== undefined);
    await disk.server.freeze();
    await idle.server.freeze();
    const stalled = await shown(name, ({ health }) => health.verdict.kind !== "healthy" && health.verdict.kind !== "slow");
    disk.server.thaw();
    const after = await shown(name, ({ health }) => health.verdict.kind === "healthy");
    idle.server.thaw();
    return { stalled, after };
  }

  test("tells of every kind of disk that stands still, names its node alone, and sees it go on", { timeout: 240_000 }, async () => {
    const told = await Promise.all(SHAPES.map(async (shape) => ({ shape, ...(await stall(shape.name, shape)) })));
    for (const { shape, stalled, after } of told) {
      expect([shape.name, stalled.health.verdict]).toEqual([shape.name, { kind: "io-stalled", nodes: ["nbd0"] }]);
      expect(stalled.health.evidence.map(({ code }) => code)).toContain("io-still");
      expect(stalled.health.sinceAgeMs).toBeGreaterThanOrEqual(IO_STALL_AFTER_MS);
      for (const { runState } of [stalled, after]) expect(runState).toMatchObject({ value: "running", isLastKnown: false });
    }
  });

  test("tells of a disk that is throttled to a byte a second", { timeout: 150_000 }, async () => {
    const name = "io-throttled";
    const folder = closers.add(await lab.makeFolder(`${name}-disk`), removeFolder);
    const image = await writeDisk(join(folder, "disk.img"), readSecondDiskSector());
    const devices = [
      ...["-drive", `if=none,id=slow0,format=raw,file=${image},throttling.bps-total=1`],
      ...["-device", "virtio-blk-pci,drive=slow0,id=vda"],
    ];
    closers.add(await LabVm.start(lab, { name, bootDisk: await bootSector(name), devices }), (opened) => opened.close());
    const stalled = await shown(name, ({ health }) => health.verdict.kind === "io-stalled");
    expect(stalled.instances.filter(({ instance }) => instance.type === "block-node")).toEqual([]);
    expect(stalled.disks?.find(({ device }) => device === "vda")).toMatchObject({ outstandingCount: 1 });
  });
});
