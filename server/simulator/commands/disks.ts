import { findNode } from "../block-chain.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedBlockNode, SimulatedDevice } from "../options.ts";

/** The guest's disks, in the order in which QEMU lists them. */
export function disksOf(machine: SimulatedMachine): SimulatedDevice[] {
  return machine.block.devices.filter((device) => device.drive !== undefined);
}

/** Where QEMU says that a disk is: the backend of a virtio disk, the id of any other device, or the path of one without an id. */
export function qdevOf(machine: SimulatedMachine, disk: SimulatedDevice): string {
  if (disk.id !== undefined && !disk.isBuiltIn) return isVirtioDisk(disk) ? `/machine/peripheral/${disk.id}/virtio-backend` : disk.id;
  const path = devicePathOf(machine, disk);
  return isVirtioDisk(disk) ? `${path}/virtio-backend` : path;
}

/** The QOM path of a device, without what is below it. */
export function devicePathOf(machine: SimulatedMachine, device: SimulatedDevice): string {
  if (device.id !== undefined && !device.isBuiltIn) return `/machine/peripheral/${device.id}`;
  const index = machine.block.devices.filter((other) => other.id === undefined || other.isBuiltIn).indexOf(device);
  return `/machine/peripheral-anon/device[${index}]`;
}

export function isVirtioDisk(device: SimulatedDevice): boolean {
  return device.type.startsWith("virtio-blk");
}

/** A node's `filename`, which a filter writes as the JSON of what is below it. */
export function filenameOf(machine: SimulatedMachine, node: SimulatedBlockNode): string {
  const { nodes } = machine.block;
  switch (node.driver) {
    case "file":
      return node.filename;
    case "nbd": {
      const name = node.export === undefined ? "" : `/${node.export}`;
      if (node.server.type === "unix") return `nbd+unix://${name || "/"}?socket=${node.server.path}`;
      return `nbd://${node.server.host}:${node.server.port}${name}`;
    }
    case "throttle":
      return `json:${JSON.stringify({ "throttle-group": "tg0", driver: "throttle", file: optionsOf(nodes, node.file) })}`;
    case "quorum":
      return `json:${JSON.stringify({ children: node.children.map((child) => optionsOf(nodes, child)), driver: "quorum" })}`;
    default: {
      const file = findNode(nodes, node.file);
      return file ? filenameOf(machine, file) : node.file;
    }
  }
}

/** What QEMU repeats of a child's options in its parent's filename. */
function optionsOf(nodes: readonly SimulatedBlockNode[], nodeName: string): object {
  const node = findNode(nodes, nodeName);
  if (!node) return {};
  switch (node.driver) {
    case "nbd": {
      const { server } = node;
      if (server.type === "unix") return { "server.path": server.path, driver: "nbd", export: node.export ?? "", "server.type": "unix" };
      return { "server.host": server.host, "server.port": server.port, driver: "nbd", export: node.export ?? "", "server.type": "inet" };
    }
    case "file":
      return { driver: "file", filename: node.filename };
    case "quorum":
      return { driver: "quorum", children: node.children.map((child) => optionsOf(nodes, child)) };
    default:
      return { driver: node.driver, file: optionsOf(nodes, node.file) };
  }
}
