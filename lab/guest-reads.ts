import { join } from "node:path";
import type { Closers } from "./closers.ts";
import { writeDisk } from "./images.ts";
import { type Lab, removeFolder } from "./lab.ts";
import { LabVm } from "./vm.ts";
import { staysOpen, waitFor } from "./wait-for.ts";

/** The guests read 18 times a second, so this is nine reads that did not come. */
const STILL_AFTER_MS = 500;
/** Before its first reads of the disk the guest is still in its firmware, which is not a stall. */
const FIRST_READS = 5;

export interface GuestReadsOptions {
  vmName: string;
  /** The guest: one that reads, or writes, all the time. */
  bootSector: Buffer;
  devices: readonly string[];
}

/** A VM whose guest works on its disks for ever, and how to see whether that work moves. */
export class GuestReads {
  readonly vm: LabVm;

  private constructor(vm: LabVm) {
    this.vm = vm;
  }

  static async start(lab: Lab, closers: Closers, { vmName, bootSector, devices }: GuestReadsOptions): Promise<GuestReads> {
    const folder = closers.add(await lab.makeFolder(`${vmName}-boot`), removeFolder);
    const bootDisk = await writeDisk(join(folder, "boot.img"), bootSector);
    return new GuestReads(closers.add(await LabVm.start(lab, { name: vmName, bootDisk, devices }), (opened) => opened.close()));
  }

  async waitUntilMoving(): Promise<void> {
    await waitFor("the guest to use its disk", async () =>
      (await this.count()) > FIRST_READS && !(await this.isStill()) ? true : undefined,
    );
  }

  /** Resolves once a few more requests have ended than until now. */
  async waitForMore(): Promise<void> {
    const before = await this.count();
    await waitFor("the guest to go on", async () => ((await this.count()) > before + FIRST_READS ? true : undefined));
  }

  async waitUntilStill(): Promise<void> {
    await waitFor("the guest's disk to stand still", async () => ((await this.isStill()) ? true : undefined));
  }

  /** Whether the guest's work moved once and stands still now. Needs the main loop alive. */
  async haveStopped(): Promise<boolean> {
    return this.vm.isRunning && (await this.count()) > FIRST_READS && (await this.isStill());
  }

  async isStill(): Promise<boolean> {
    const before = await this.count();
    await staysOpen(new Promise(() => {}), STILL_AFTER_MS);
    return (await this.count()) === before;
  }

  /** Requests of the guest's virtio disks that ended, well or not. @see QEMU qapi/block-core.json, BlockDeviceStats */
  async count(): Promise<number> {
    const devices = (await this.vm.raw.execute("query-blockstats")) as {
      qdev?: string;
      stats: { rd_operations: number; failed_rd_operations: number; wr_operations: number; failed_wr_operations: number };
    }[];
    return devices
      .filter((device) => /\/vd[a-h]\//.test(device.qdev ?? ""))
      .map(({ stats }) => stats.rd_operations + stats.failed_rd_operations + stats.wr_operations + stats.failed_wr_operations)
      .reduce((sum, count) => sum + count, 0);
  }
}
