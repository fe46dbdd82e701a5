import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSimulatedVm } from "../../server/simulator/index.ts";
import type { SimulatedBlockNode, SimulatedChardev, SimulatedDevice, SimulatedVersion } from "../../server/simulator/index.ts";
import type { ContractPeer, ContractVm, ContractVmOptions } from "./peer.ts";

/** The simulator as the contract suite sees it, being like a 7.2 or an 11.1. */
export function simulatorPeer(version: Exclude<SimulatedVersion, "no-oob"> = "7.2"): ContractPeer {
  return {
    name: version === "7.2" ? "simulator" : `simulator (${version})`,
    major: Number(version.split(".")[0]),
    start: (options = {}) => start(version, options),
  };
}

async function start(version: SimulatedVersion, options: ContractVmOptions): Promise<ContractVm> {
  const directory = await mkdtemp(join(tmpdir(), "ripcord-simulator-"));
  const monitorPath = join(directory, "mon0.sock");
  const secondMonitorPath = join(directory, "mon1.sock");
  const serialPath = join(directory, "ser0.sock");
  const hasNbd = options.nbd ?? true;
  const hasSerial = options.serial ?? true;
  const blockNodes: SimulatedBlockNode[] = hasNbd
    ? [
        { driver: "nbd", nodeName: "nbd0", server: { type: "unix", path: join(directory, "nbd.sock") }, export: "exp" },
        { driver: "raw", nodeName: "fmt0", file: "nbd0" },
        { driver: "nbd", nodeName: "tgt", server: { type: "unix", path: join(directory, "tgt.sock") }, export: "exp" },
      ]
    : [];
  const chardevs: SimulatedChardev[] = hasSerial ? [{ kind: "socket-server", id: "ser0", path: serialPath, listens: true }] : [];
  const devices: SimulatedDevice[] = [];
  if (hasSerial) devices.push({ id: "com1", type: "isa-serial", chardev: "ser0" });
  if (hasNbd) devices.push({ id: "vda", type: "virtio-blk-pci", drive: "fmt0", readsPerSecond: options.reads ? 18 : undefined });
  const vm = await startSimulatedVm({
    monitors: [
      { id: "mon0", path: monitorPath, isPretty: options.pretty },
      { id: "mon1", path: secondMonitorPath },
      ...(options.tcp ? [{ id: "mon2", tcp: { port: 0 } }] : []),
    ],
    name: "contract",
    version,
    blockNodes,
    chardevs,
    devices,
  });
  const tcpPort = options.tcp ? vm.tcpPort("mon2") : undefined;
  return {
    monitorPath,
    secondMonitorPath,
    tcpMonitor: tcpPort === undefined ? undefined : { host: "127.0.0.1", port: tcpPort },
    serialPath,
    blockMainLoop: async () => {
      const unblock = vm.blockMainLoop();
      return async () => unblock();
    },
    freezeNbdServer: async () => {
      vm.freezeNbdServer("nbd0");
      vm.startRequest("fmt0");
    },
    stallIo: async () => vm.stallIo("nbd0"),
    thawNbdServer: async () => vm.thawNbdServer("nbd0"),
    loseNbdServer: async () => {
      vm.setNbdState("nbd0", "reconnecting");
      vm.startRequest("fmt0");
    },
    restoreNbdServer: async () => vm.setNbdState("nbd0", "connected"),
    startStuckMirror: async () => {
      vm.startJob({ id: "mir0", type: "mirror", device: "fmt0", target: "tgt" });
      vm.freezeNbdServer("tgt");
    },
    startPostcopy: async () => vm.startMigration({ side: "outgoing", status: "postcopy-active", bytesPerSecond: 100_000 }),
    freezeProcess: async () => vm.freezeProcess(),
    thawProcess: async () => vm.thawProcess(),
    close: async () => {
      await vm.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
