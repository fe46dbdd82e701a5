import { rmSync } from "node:fs";
import type { Closers } from "../closers.ts";
import { type Lab, openLab } from "../lab.ts";
import { messageOf } from "../lab-error.ts";
import { ProcessLedger } from "../process-ledger.ts";
import type { Qemu } from "../qemu.ts";
import { waitFor } from "../wait-for.ts";
import { prepareDataFolder, removeStaleSockets, writeConfig } from "./data-folder.ts";
import type { BreakableVm, DemoFleet } from "./fleet.ts";
import { HubProcess } from "./hub-process.ts";
import { startRealFleet } from "./real-fleet.ts";
import { startSimulatedFleet } from "./simulated-fleet.ts";

const SEEN_TIMEOUT_MS = 60_000;

export interface DemoOptions {
  dataDir: string;
  port: number;
  /** Undefined for a simulated fleet. */
  qemu: Qemu | undefined;
  hubEntry: string;
  say: (line: string) => void;
}

/** A demo under way. */
export interface Demo {
  readonly url: string;
  readonly breakable: readonly BreakableVm[];
  /** Rejects when the demo cannot go on. */
  readonly gaveUp: Promise<never>;
  /** Breaks those of `vms` that are whole, and resolves when all that could be are broken. Says what it does. */
  breakAgain(vms: readonly BreakableVm[]): Promise<void>;
}

/**
 * Starts fleet and hub side by side and resolves once the screen can be opened; nothing is broken yet.
 * @param closers gets everything that has to be ended, from the first moment on.
 * @throws LabError when the folder, the fleet or the hub cannot be had.
 */
export async function runDemo(options: DemoOptions, closers: Closers): Promise<Demo> {
  const { dataDir, port, qemu, hubEntry, say } = options;
  const folders = prepareDataFolder(dataDir);
  const { lab, ledger } = await openForDemo(options, folders.lab, folders.monitors);
  closers.add(ledger, (opened) => {
    opened.killAll();
    opened.close();
    rmSync(folders.lab, { recursive: true, force: true });
  });
  removeStaleSockets(folders);
  writeConfig(folders, port);

  const starting: Promise<DemoFleet> = lab === undefined ? startSimulatedFleet(folders.monitors) : startRealFleet(lab, say);
  closers.add({ starting }, async (fleet) => (await fleet.starting.catch(() => undefined))?.close());
  const hub = HubProcess.start({ ledger, folders, entry: hubEntry, mode: qemu === undefined ? "simulated" : "real", port, say });
  // Closed before the VMs, so that nobody watches them end.
  closers.add(hub, (started) => started.stop());
  const ending = new AbortController();
  closers.add(ending, (controller) => controller.abort());
  const [fleet, url] = await Promise.all([starting, hub.ready()]);

  async function breakOne(vm: BreakableVm): Promise<void> {
    try {
      if (await vm.isBroken()) return;
      await vm.mend();
      // The cord has to be in reach before the hang, and what it would cut has to be known.
      for (const name of vm.vmNames) {
        await waitFor(`the screen to show ${name} as healthy`, async () => ((await hub.isReadyToBreak(name)) ? true : undefined), {
          timeoutMs: SEEN_TIMEOUT_MS,
          intervalMs: 200,
          signal: ending.signal,
        });
      }
      await vm.break();
      say(`${vm.name}: ${vm.story}`);
    } catch (error) {
      if (ending.signal.aborted) return;
      say(`${vm.name} was not broken: ${messageOf(error)}`);
    }
  }
  return {
    url,
    breakable: fleet.breakable,
    gaveUp: hub.gaveUp,
    breakAgain: async (vms) => void (await Promise.all(vms.map(breakOne))),
  };
}

async function openForDemo(
  { qemu }: DemoOptions,
  directory: string,
  monitorsDirectory: string,
): Promise<{ lab: Lab | undefined; ledger: ProcessLedger }> {
  if (qemu === undefined) return { lab: undefined, ledger: await ProcessLedger.open(directory, { exclusive: true }) };
  const lab = await openLab({ directory, monitorsDirectory, qemu, exclusive: true });
  return { lab, ledger: lab.processes };
}
