import type { Socket } from "node:net";
import type { Closers } from "./closers.ts";
import { openSocket } from "./raw-monitor.ts";
import { RIPCORD_CHARDEV } from "./vm-arguments.ts";
import type { LabVm } from "./vm.ts";
import { staysOpen, waitFor } from "./wait-for.ts";

const GREETING_AFTER_MS = 250;

/**
 * Another tool that sits on the monitor that Ripcord wants. It says nothing and reads nothing but the greeting. Where
 * the monitor is taken already, by Ripcord, it queues behind it and has QEMU hang up on the one in front.
 */
export class MonitorOccupant {
  readonly #vm: LabVm;
  #socket: Socket | undefined;

  constructor(vm: LabVm, closers: Closers) {
    this.#vm = vm;
    closers.add(this, (occupant) => occupant.leave());
  }

  get isThere(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed;
  }

  /** Resolves once QEMU serves this client and so nobody else. */
  async occupy(): Promise<void> {
    if (this.isThere) return;
    const path = this.#vm.qemuMonitorPath;
    const socket = await waitFor(`a place in the queue of ${path}`, () => openSocket(path), { intervalMs: 5 });
    this.#socket = socket;
    socket.on("error", () => {});
    const greeted = new Promise<void>((resolve) => socket.once("data", () => resolve()));
    if (await staysOpen(greeted, GREETING_AFTER_MS)) {
      await this.#vm.raw.executeOob("yank", { instances: [{ type: "chardev", id: RIPCORD_CHARDEV }] });
    }
    await waitFor("the greeting", async () => ((await staysOpen(greeted, GREETING_AFTER_MS)) ? undefined : true));
  }

  leave(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}
