import { any, listOf, str, struct } from "../qapi-type.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { WireObject, WireValue } from "../wire-value.ts";
import { fails, returns, type SimulatedCommand } from "./command.ts";

/** What stands at a QOM path: properties with values, and children by name and type. */
interface QomNode {
  type: string;
  properties: Record<string, { type: string; value: WireValue | undefined }>;
  children: Record<string, string>;
}

/** @see QEMU qapi/qom.json */
export const QOM_COMMANDS: SimulatedCommand[] = [
  {
    name: "qom-list",
    arguments: struct({ path: str }),
    returns: listOf(struct({ name: str, type: str, "*description": str })),
    run: ({ machine }, args) => {
      const path = String(args.path);
      const node = findNode(machine, path);
      if (!node) return fails(`Device '${path}' not found`, "DeviceNotFound");
      const properties = Object.entries(node.properties).map(([name, { type }]): WireObject => ({ name, type }));
      const children = Object.entries(node.children).map(([name, type]): WireObject => ({ name, type: `child<${type}>` }));
      return returns([{ name: "type", type: "string" }, ...properties, ...children]);
    },
  },
  {
    name: "qom-get",
    arguments: struct({ path: str, property: str }),
    returns: any,
    run: ({ machine }, args) => {
      const path = String(args.path);
      const name = String(args.property);
      const node = findNode(machine, path);
      if (!node) return fails(`Device '${path}' not found`, "DeviceNotFound");
      if (name === "type") return returns(node.type);
      const property = Object.hasOwn(node.properties, name) ? node.properties[name] : undefined;
      if (property?.value === undefined) return fails(`Property '${node.type}.${name}' not found`);
      return returns(property.value);
    },
  },
];

/** Built when asked for: a fleet of thousands keeps no object tree. */
function findNode(machine: SimulatedMachine, path: string): QomNode | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const [root = "", name, ...rest] = parts[0] === "machine" ? [parts.slice(0, 2).join("/"), ...parts.slice(2)] : parts;
  const container = containers(machine)[root];
  if (!container) return root === "machine" ? machineNode() : undefined;
  if (name === undefined) return containerNode(container);
  const node = container.get(name);
  if (rest.length === 0) return node;
  if (rest.length !== 1 || rest[0] !== "virtio-backend" || !node?.type.startsWith("virtio-")) return undefined;
  return { ...node, type: backendType(node.type) };
}

function containers(machine: SimulatedMachine): Record<string, Map<string, QomNode>> {
  const named = new Map<string, QomNode>();
  const anonymous = new Map<string, QomNode>();
  const unattached = new Map<string, QomNode>();
  const vcpus = machine.options.vcpus ?? 1;
  for (let index = 0; index < vcpus; index++) unattached.set(`device[${index}]`, plainNode("qemu64-x86_64-cpu"));
  for (const device of machine.block.devices) {
    const node = deviceNode(device);
    if (device.isBuiltIn) unattached.set(`device[${unattached.size}]`, node);
    else if (device.id === undefined) anonymous.set(`device[${anonymous.size}]`, node);
    else named.set(device.id, node);
  }
  const objects = new Map((machine.options.objects ?? []).map((object) => [object.id, deviceNode(object)]));
  const chardevs = new Map<string, QomNode>();
  for (const chardev of machine.chardevs.all) {
    const isSocket = "path" in chardev;
    const node = isSocket ? socketNode(machine.chardevs.isConnected(chardev.id), chardev.path) : plainNode(`chardev-${chardev.kind}`);
    chardevs.set(chardev.id, node);
  }
  for (const monitor of machine.monitors) chardevs.set(monitor.id, socketNode(monitor.isConnected, monitor.options.path));
  return {
    "machine/peripheral": named,
    "machine/peripheral-anon": anonymous,
    "machine/unattached": unattached,
    objects,
    chardevs,
  };
}

function deviceNode(device: object & { type: string }): QomNode {
  const { chardev, drive, iothread, rerror, werror }: Partial<Record<string, string>> = { ...device };
  const isDisk = drive !== undefined;
  const properties: QomNode["properties"] = {};
  // A device that could have a chardev or a drive has the property, also where it is empty.
  if (chardev !== undefined || takesChardev(device.type)) properties.chardev = { type: "str", value: chardev ?? "" };
  if (isDisk) {
    properties.drive = { type: "str", value: drive };
    properties.rerror = { type: "BlockdevOnError", value: rerror ?? "auto" };
    properties.werror = { type: "BlockdevOnError", value: werror ?? "auto" };
    if (iothread !== undefined) properties.iothread = { type: "link<iothread>", value: `/objects/${iothread}` };
  }
  return { type: device.type, properties, children: {} };
}

/** `virtio-blk-device` of a `virtio-blk-pci`. */
function backendType(type: string): string {
  return `${type.replace(/-(pci|ccw)(-.*)?$/, "")}-device`;
}

function takesChardev(type: string): boolean {
  return /^(isa-serial|virtconsole|virtserialport|isa-debugcon|pci-serial|rng-egd|vhost-user-)/.test(type);
}

function socketNode(isConnected: boolean, path: string | undefined): QomNode {
  return {
    type: "chardev-socket",
    properties: {
      connected: { type: "bool", value: isConnected },
      addr: { type: "SocketAddress", value: path === undefined ? { type: "inet" } : { path, type: "unix" } },
    },
    children: {},
  };
}

function plainNode(type: string): QomNode {
  return { type, properties: {}, children: {} };
}

function containerNode(container: Map<string, QomNode>): QomNode {
  return { type: "container", properties: {}, children: Object.fromEntries(Array.from(container, ([name, node]) => [name, node.type])) };
}

function machineNode(): QomNode {
  const children = { peripheral: "container", "peripheral-anon": "container", unattached: "container" };
  return { type: "pc-i440fx-7.2-machine", properties: {}, children };
}
