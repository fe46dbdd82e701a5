import { join } from "node:path";
import { realClock, type SimulatorClock } from "./clock.ts";
import { SimulatedNbdServer } from "./nbd-server.ts";
import type { SimulatedBlockNode, SimulatedVmOptions } from "./options.ts";
import { startSimulatedVm, type SimulatedVm } from "./simulated-vm.ts";

/** How one VM of the demo is broken: the recipes of the lab, or not at all. */
export type DemoRecipe = "nbd-drain" | "debug-console" | "migration-switchover" | "migration-stall" | "io-stall" | "shared-server";

export interface DemoVm {
  name: string;
  monitorPath: string;
  /** What is broken about it; absent for the healthy ones. */
  recipe: DemoRecipe | undefined;
  /** Breaks it by its recipe, also after it was yanked. */
  break: (() => void) | undefined;
  vm: SimulatedVm;
}

/** The demo's VMs. Whoever starts them ends them with `close`. */
export interface DemoFleet {
  readonly vms: readonly DemoVm[];
  /** Breaks a VM by its recipe, also after it was yanked. @throws when it has none, or does not exist. */
  breakAgain(name: string): void;
  close(): Promise<void>;
}

export interface DemoFleetOptions {
  clock?: SimulatorClock;
  version?: SimulatedVmOptions["version"];
  /**
   * Each VM with a recipe breaks this long after a client has negotiated with it, so that whoever watches it was there
   * before the hang. `undefined` leaves breaking to `breakAgain`. Default 3,000.
   */
  breaksAfterMs?: number | undefined;
}

interface Plan {
  name: string;
  recipe?: DemoRecipe;
  /** Of `shared-server`: what it depends on together with others. */
  farSide?: SimulatedNbdServer;
  options: Omit<SimulatedVmOptions, "monitors" | "name">;
}

const NODE = "nbd0";
const DEBUG_CHARDEV = "debug0";
const SLOW_BYTES_PER_SECOND = 2_000_000;

/**
 * Starts the demo's fleet: the same VMs as the demo on real QEMUs, for machines that have none.
 * @param directory an existing folder, in which every VM gets `NAME.sock`.
 */
export async function demoFleet(directory: string, options: DemoFleetOptions = {}): Promise<DemoFleet> {
  const { clock = realClock, version } = options;
  const breaksAfterMs = "breaksAfterMs" in options ? options.breaksAfterMs : 3_000;
  const vms: DemoVm[] = [];
  const close = async () => {
    await Promise.all(vms.map(({ vm }) => vm.close()));
  };
  try {
    for (const plan of plans(directory)) {
      const monitorPath = join(directory, `${plan.name}.sock`);
      const vm = await startSimulatedVm({
        clock,
        version,
        ...plan.options,
        name: plan.name,
        monitors: [{ id: "ripcord", path: monitorPath }],
      });
      const { recipe, farSide } = plan;
      const breakIt = recipe && (() => breakBy(recipe, vm, farSide));
      vms.push({ name: plan.name, monitorPath, recipe, break: breakIt, vm });
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (breaksAfterMs !== undefined) {
    for (const { vm, break: breakIt } of vms) {
      if (!breakIt) continue;
      const stop = vm.onNegotiated(() => {
        stop();
        clock.schedule(breaksAfterMs, () => {
          if (!vm.hasEnded) breakIt();
        });
      });
    }
  }
  return {
    vms,
    breakAgain: (name) => {
      const found = vms.find((vm) => vm.name === name);
      if (!found?.break) throw new Error(found ? `${name} has no recipe to be broken by` : `No VM ${name} in the demo`);
      found.break();
    },
    close,
  };
}

function breakBy(recipe: DemoRecipe, vm: SimulatedVm, farSide: SimulatedNbdServer | undefined): void {
  switch (recipe) {
    case "io-stall":
      vm.repairDisk(NODE);
      return vm.stallIo(NODE);
    case "shared-server":
      farSide?.freeze();
      vm.repairDisk(NODE);
      return vm.hangOnDrain(NODE);
    case "nbd-drain":
      vm.repairDisk(NODE);
      return vm.hangOnDrain(NODE);
    case "debug-console":
      return vm.fillChardev(DEBUG_CHARDEV);
    case "migration-switchover":
      if (vm.migrationStatus !== "active") vm.startMigration(outgoing("/run/simulated/move.sock"));
      return vm.hangMigrationSwitchover();
    case "migration-stall":
      if (vm.migrationStatus !== "active") vm.startMigration(outgoing("/run/simulated/stall.sock"));
      return vm.stallMigration();
  }
}

function outgoing(path: string): NonNullable<SimulatedVmOptions["migration"]> {
  return { side: "outgoing", uri: `unix:${path}`, bytesPerSecond: SLOW_BYTES_PER_SECOND };
}

function nbdDisk(directory: string, server: string, farSide?: SimulatedNbdServer): Pick<SimulatedVmOptions, "blockNodes" | "devices"> {
  const blockNodes: SimulatedBlockNode[] = [
    { driver: "nbd", nodeName: NODE, server: { type: "unix", path: join(directory, `${server}.nbd`) }, export: "disk", farSide },
    { driver: "raw", nodeName: "disk0", file: NODE },
  ];
  return { blockNodes, devices: [{ id: "vda", type: "virtio-blk-pci", drive: "disk0", readsPerSecond: 40 }] };
}

/**
 * Six and more that are well, of different shapes, three that hang, one whose migration and one whose disk stalls, and two
 * that hang on one server.
 */
function plans(directory: string): Plan[] {
  const farSide = new SimulatedNbdServer();
  const migrationPath = join(directory, "crm-05.migration");
  const iothreadDisk = nbdDisk(directory, "ci-cache-03");
  return [
    { name: "web-01", options: nbdDisk(directory, "web-01") },
    {
      name: "gw-02",
      options: {
        chardevs: [{ kind: "socket-server", id: "serial0", path: join(directory, "gw-02.serial"), listens: true }],
        devices: [{ id: "com1", type: "isa-serial", chardev: "serial0" }],
      },
    },
    { name: "crm-05", options: { migration: outgoing(migrationPath) } },
    {
      name: "crm-05-target",
      options: { runState: "inmigrate", migration: { side: "incoming", uri: `unix:${migrationPath}`, status: "active" } },
    },
    { name: "staging-04", options: { ...nbdDisk(directory, "staging-04"), runState: "paused" } },
    {
      name: "ci-cache-03",
      options: {
        ...iothreadDisk,
        vcpus: 4,
        objects: [{ id: "io0", type: "iothread" }],
        devices: iothreadDisk.devices?.map((device) => ({ ...device, iothread: "io0" })),
      },
    },
    {
      name: "dns-01",
      options: {
        blockNodes: [{ driver: "file", nodeName: "disk0", filename: "/var/lib/images/dns-01.img" }],
        devices: [{ id: "vda", type: "virtio-blk-pci", drive: "disk0", readsPerSecond: 5 }],
      },
    },
    { name: "db-prod-07", recipe: "nbd-drain", options: nbdDisk(directory, "db-prod-07") },
    {
      name: "build-19",
      recipe: "debug-console",
      options: {
        chardevs: [{ kind: "socket-server", id: DEBUG_CHARDEV, path: join(directory, "build-19.debug") }],
        devices: [{ id: "debugcon", type: "isa-debugcon", chardev: DEBUG_CHARDEV }],
      },
    },
    { name: "erp-01", recipe: "migration-switchover", options: {} },
    { name: "mail-02", recipe: "migration-stall", options: {} },
    { name: "logs-04", recipe: "io-stall", options: nbdDisk(directory, "logs-04") },
    { name: "shop-01", recipe: "shared-server", farSide, options: nbdDisk(directory, "shop", farSide) },
    { name: "shop-02", recipe: "shared-server", farSide, options: nbdDisk(directory, "shop", farSide) },
  ];
}
