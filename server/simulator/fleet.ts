import { join } from "node:path";
import { SimulatedNbdServer } from "./nbd-server.ts";
import type { SimulatedBlockNode, SimulatedVersion, SimulatedVmOptions } from "./options.ts";
import { startSimulatedVm, type SimulatedVm } from "./simulated-vm.ts";

export interface SimulatedFleetOptions {
  /** An existing folder; every VM's monitor is `NAME.sock` in it. */
  directory: string;
  count: number;
  version?: SimulatedVersion;
  /** Names are this, a dash and a number of four digits or more. Default `sim`. */
  prefix?: string;
  /** The VMs' disks are spread over so many NBD servers, in turn. Default 0: as many servers as VMs, at one address. */
  serverCount?: number;
  /** Reads a second of every guest; default 0, idle disks. */
  readsPerSecond?: number;
  /** What every VM has beyond its monitor, its NBD disk `disk0` on node `nbd0`, and its serial console `serial0`. */
  extras?: Pick<SimulatedVmOptions, "clock" | "latency" | "releasedReplyFirst" | "hasWholeSchema">;
}

export const TROUBLES = ["drain", "io-stall", "console", "migration-stall", "switchover", "frozen"] as const;
/** What can befall one VM of a fleet: recipes 1, 4, 2, 3a and 3b, and a stopped process. */
export type Trouble = (typeof TROUBLES)[number];

/** Many simulated VMs in one process, for load. Whoever starts it ends it with `close`. */
export interface SimulatedFleet {
  readonly vms: ReadonlyMap<string, SimulatedVm>;
  /** What `serverCount` asked for. */
  readonly servers: readonly SimulatedNbdServer[];
  pathOf(name: string): string;
  /** Hangs one VM by recipe 1; after a yank, gives it a new disk first. @throws when there is no such VM. */
  hang(name: string): void;
  /** @throws when there is no such VM. */
  trouble(name: string, trouble: Trouble): void;
  /** Whatever held one VM up is over, and its guest runs. */
  release(name: string): void;
  /**
   * A server dies under all its VMs. With `drain` each of them was just being stopped, so that its main loop hangs; else
   * only their guests' reads stand still. @throws when there is no such server. @returns who depends on it.
   */
  killServer(index: number, how: "drain" | "io-stall"): string[];
  /** The server answers again, and its guests run. */
  reviveServer(index: number): void;
  close(): Promise<void>;
}

const NODE = "nbd0";
const CONSOLE = "serial0";
const SLOW_BYTES_PER_SECOND = 2_000_000;
/** Shared by all VMs, because nothing in them differs. */
const CHARDEVS: SimulatedVmOptions["chardevs"] = [{ kind: "socket-server", id: CONSOLE, path: "/run/simulated/serial0.sock" }];

/** Starts `count` VMs. No VM has a timer of its own, and both probes are answered without parsing. */
export async function startSimulatedFleet(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
  const { directory, count, version, prefix = "sim", serverCount = 0, readsPerSecond, extras } = options;
  const vms = new Map<string, SimulatedVm>();
  const servers = Array.from({ length: serverCount }, () => new SimulatedNbdServer());
  const layouts = servers.length === 0 ? [nodesOn(undefined, 0)] : servers.map(nodesOn);
  const devices: SimulatedVmOptions["devices"] = [
    { id: "disk0", type: "virtio-blk-pci", drive: "fmt0", readsPerSecond },
    { id: "com1", type: "isa-serial", chardev: CONSOLE },
  ];
  const pathOf = (name: string) => join(directory, `${name}.sock`);
  const close = async () => {
    await Promise.all(Array.from(vms.values(), (vm) => vm.close()));
  };
  try {
    for (let number = 1; number <= count; number++) {
      const name = `${prefix}-${String(number).padStart(4, "0")}`;
      const vm = await startSimulatedVm({
        ...extras,
        name,
        version,
        monitors: [{ id: "ripcord", path: pathOf(name) }],
        devices,
        blockNodes: layouts[(number - 1) % layouts.length],
        chardevs: CHARDEVS,
      });
      vms.set(name, vm);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const find = (name: string): SimulatedVm => {
    const vm = vms.get(name);
    if (!vm) throw new Error(`No simulated VM ${name}`);
    return vm;
  };
  const clientsOf = (index: number): string[] => {
    if (!servers[index]) throw new Error(`No server ${index} in this fleet`);
    return Array.from(vms.keys()).filter((_, order) => order % servers.length === index);
  };
  return {
    vms,
    servers,
    pathOf,
    hang: (name) => bring("drain", find(name)),
    trouble: (name, trouble) => bring(trouble, find(name)),
    release: (name) => release(find(name)),
    killServer: (index, how) => {
      const clients = clientsOf(index);
      servers[index]?.freeze();
      if (how === "drain") {
        for (const name of clients) {
          find(name).startRequest(NODE);
          find(name).pause();
        }
      }
      return clients;
    },
    reviveServer: (index) => {
      const clients = clientsOf(index);
      servers[index]?.thaw();
      for (const name of clients) release(find(name));
    },
    close,
  };
}

function nodesOn(farSide: SimulatedNbdServer | undefined, index: number): SimulatedBlockNode[] {
  const server = { type: "inet", host: `192.0.2.${10 + index}`, port: "10809" } as const;
  return [
    { driver: "nbd", nodeName: NODE, server, export: "disk", farSide },
    { driver: "raw", nodeName: "fmt0", file: NODE },
  ];
}

function bring(trouble: Trouble, vm: SimulatedVm): void {
  switch (trouble) {
    case "drain":
      vm.repairDisk(NODE);
      return vm.hangOnDrain(NODE);
    case "io-stall":
      vm.repairDisk(NODE);
      return vm.stallIo(NODE);
    case "console":
      return vm.fillChardev(CONSOLE);
    case "migration-stall":
      startMigration(vm);
      return vm.stallMigration();
    case "switchover":
      startMigration(vm);
      return vm.hangMigrationSwitchover();
    case "frozen":
      return vm.freezeProcess();
  }
}

function startMigration(vm: SimulatedVm): void {
  if (vm.migrationStatus === "active") return;
  vm.startMigration({ side: "outgoing", uri: "tcp:192.0.2.200:4444", bytesPerSecond: SLOW_BYTES_PER_SECOND });
}

function release(vm: SimulatedVm): void {
  vm.thawProcess();
  vm.drainChardev(CONSOLE);
  if (["active", "device"].includes(vm.migrationStatus)) vm.loseMigrationPeer();
  vm.repairDisk(NODE);
}
