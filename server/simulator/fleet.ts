import { join } from "node:path";
import type { SimulatedVersion, SimulatedVmOptions } from "./options.ts";
import { startSimulatedVm, type SimulatedVm } from "./simulated-vm.ts";

export interface SimulatedFleetOptions {
  /** An existing folder; every VM's monitor is `NAME.sock` in it. */
  directory: string;
  count: number;
  version?: SimulatedVersion;
  /** Names are this, a dash and a number of four digits or more. Default `sim`. */
  prefix?: string;
  /** What every VM has beyond its monitor, its NBD disk `disk0` on node `nbd0`, and its serial console `serial0`. */
  extras?: Pick<SimulatedVmOptions, "clock" | "latency" | "releasedReplyFirst">;
}

/** Many simulated VMs in one process, for load. Whoever starts it ends it with `close`. */
export interface SimulatedFleet {
  readonly vms: ReadonlyMap<string, SimulatedVm>;
  pathOf(name: string): string;
  /** Hangs one VM by recipe 1; after a yank, gives it a new disk first. @throws when there is no such VM. */
  hang(name: string): void;
  /** The NBD server of one VM answers again, and its guest runs. */
  release(name: string): void;
  close(): Promise<void>;
}

const NODE = "nbd0";
/** Shared by all VMs, because nothing in them differs. */
const DEVICES: SimulatedVmOptions["devices"] = [
  { id: "disk0", type: "virtio-blk-pci", drive: "fmt0" },
  { id: "com1", type: "isa-serial", chardev: "serial0" },
];
const NODES: SimulatedVmOptions["blockNodes"] = [
  { driver: "nbd", nodeName: NODE, server: { type: "inet", host: "192.0.2.10", port: "10809" }, export: "disk" },
  { driver: "raw", nodeName: "fmt0", file: NODE },
];
const CHARDEVS: SimulatedVmOptions["chardevs"] = [{ kind: "socket-server", id: "serial0", path: "/run/simulated/serial0.sock" }];

/** Starts `count` VMs. No VM has a timer of its own, and both probes are answered without parsing. */
export async function startSimulatedFleet(options: SimulatedFleetOptions): Promise<SimulatedFleet> {
  const { directory, count, version, prefix = "sim", extras } = options;
  const vms = new Map<string, SimulatedVm>();
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
        devices: DEVICES,
        blockNodes: NODES,
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
  return {
    vms,
    pathOf,
    hang: (name) => {
      const vm = find(name);
      vm.repairDisk(NODE);
      vm.hangOnDrain(NODE);
    },
    release: (name) => find(name).repairDisk(NODE),
    close,
  };
}
