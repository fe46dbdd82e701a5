import type { Closers } from "./closers.ts";
import type { Lab } from "./lab.ts";
import { NbdDisk, type NbdDiskOptions } from "./nbd-disk.ts";
import type { Culprit } from "./scenario.ts";
import { LabVm, type LabVmOptions } from "./vm.ts";

/** The in-band commands that wait for the disks and that the lab hangs a VM with; after `quit` it ends once it is free. */
export type HangingCommand = "stop" | "system_reset" | "quit";

export interface NbdHangOptions extends LabVmOptions {
  command?: HangingCommand;
  transport?: NbdDiskOptions["transport"];
}

/**
 * Recipe 1: the NBD server stops answering, and the drain of a `stop` blocks the main loop. Shared by every scenario
 * that needs a main loop that hangs and can be yanked free.
 */
export class NbdHang {
  readonly vm: LabVm;
  readonly disk: NbdDisk;
  readonly #command: HangingCommand;

  private constructor(vm: LabVm, disk: NbdDisk, command: HangingCommand) {
    this.vm = vm;
    this.disk = disk;
    this.#command = command;
  }

  static async start(lab: Lab, closers: Closers, options: NbdHangOptions): Promise<NbdHang> {
    const { command = "stop", transport, ...vmOptions } = options;
    const disk = closers.add(await NbdDisk.start(lab, { name: `${options.name}-nbd`, transport }), (opened) => opened.close());
    const vm = closers.add(await LabVm.start(lab, { ...vmOptions, devices: disk.devices }), (opened) => opened.close());
    return new NbdHang(vm, disk, command);
  }

  get culprit(): Culprit {
    return { vm: this.vm, instance: { type: "block-node", "node-name": this.disk.nodeName } };
  }

  async induce(): Promise<void> {
    await this.disk.server.freeze();
    await this.disk.startRequest(this.vm.raw);
    // Not awaited, and neither is its STOP event: QEMU 11 drains before it, where the guest has started the disk.
    this.vm.raw.execute(this.#command, undefined, { timeoutMs: 0 }).catch(() => {});
    await this.vm.waitUntilHung();
  }

  async removeCause(): Promise<void> {
    this.disk.server.thaw();
    await this.disk.startServer();
  }

  async restore(restarted: ReadonlySet<LabVm>): Promise<void> {
    if (this.#command === "quit" && !restarted.has(this.vm)) {
      await this.vm.process.exited;
      return this.vm.restart();
    }
    await this.vm.waitUntilAnswering();
    if (restarted.has(this.vm)) return;
    // Whether or not somebody yanked: a fresh connection is right in both cases.
    await this.disk.replug(this.vm.raw);
    await this.vm.raw.execute("cont");
  }
}
