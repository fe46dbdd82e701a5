import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedDevice } from "../options.ts";
import { any, bool, int, listOf, str, struct } from "../qapi-type.ts";
import type { WireObject } from "../wire-value.ts";
import { done, fails, returns, type SimulatedCommand } from "./command.ts";
import { devicePathOf, isVirtioDisk } from "./disks.ts";

const QUEUE_SIZE = 256;
const DESCRIPTORS_AT = 66_965_504;

/** Virtio devices and their queues, since 7.2 and never stable. @see QEMU qapi/virtio.json */
export const VIRTIO_COMMANDS: SimulatedCommand[] = [
  {
    name: "x-query-virtio",
    returns: listOf(struct({ path: str, name: str })),
    features: ["unstable"],
    run: ({ machine }) => returns(virtioDevices(machine).map(({ device, path }): WireObject => ({ name: typeNameOf(device), path }))),
  },
  {
    name: "x-query-virtio-status",
    arguments: struct({ path: str }),
    returns: any,
    features: ["unstable"],
    run: ({ machine }, args) => {
      const found = findDevice(machine, String(args.path));
      if (!found) return notVirtio(args.path);
      // An assertion of the output visitor fails: whoever asks loses the guest.
      if (!machine.core.traits.abortsOnVirtioStatus) return returns(statusOf(machine, found));
      machine.abort();
      return { kind: "blocked", resume: done };
    },
  },
  {
    name: "x-query-virtio-queue-status",
    arguments: struct({ path: str, queue: int }),
    returns: struct({
      name: str,
      "queue-index": int,
      inuse: int,
      "vring-num": int,
      "vring-num-default": int,
      "vring-align": int,
      "vring-desc": int,
      "vring-avail": int,
      "vring-used": int,
      "*last-avail-idx": int,
      "*shadow-avail-idx": int,
      "used-idx": int,
      "signalled-used": int,
      "signalled-used-valid": bool,
    }),
    features: ["unstable"],
    run: ({ machine }, args) => {
      const found = findDevice(machine, String(args.path));
      if (!found) return notVirtio(args.path);
      const queue = Number(args.queue);
      if (queue < 0 || queue >= queueCountOf(machine, found)) return fails(`Invalid virtqueue number ${queue}`);
      return returns(queueStatusOf(machine, found, queue));
    },
  },
];

interface VirtioDevice {
  device: SimulatedDevice;
  path: string;
}

function virtioDevices(machine: SimulatedMachine): VirtioDevice[] {
  return machine.block.devices
    .filter((device) => device.type.startsWith("virtio-"))
    .map((device) => ({ device, path: `${devicePathOf(machine, device)}/virtio-backend` }))
    .toReversed();
}

function findDevice(machine: SimulatedMachine, path: string): SimulatedDevice | undefined {
  return virtioDevices(machine).find((candidate) => candidate.path === path)?.device;
}

function notVirtio(path: unknown) {
  return fails(`Path ${String(path)} is not a VirtIODevice`);
}

/** `virtio-blk` of a `virtio-blk-pci`. */
function typeNameOf(device: SimulatedDevice): string {
  return device.type.replace(/-(pci|device|ccw)(-.*)?$/, "");
}

/** A disk has one queue per vCPU unless told otherwise, any other device two or more. */
function queueCountOf(machine: SimulatedMachine, device: SimulatedDevice): number {
  return isVirtioDisk(device) ? (machine.options.vcpus ?? 1) : 2;
}

/** All of a disk's work is on its first queue: a guest with one vCPU at work. */
function queueStatusOf(machine: SimulatedMachine, device: SimulatedDevice, queue: number): WireObject {
  const idle = { inUse: 0, lastAvailIndex: 0, usedIndex: 0 };
  const { inUse, lastAvailIndex, usedIndex } = queue === 0 && isVirtioDisk(device) ? machine.block.queueOf(device) : idle;
  return {
    "signalled-used": 0,
    inuse: inUse,
    name: typeNameOf(device),
    "vring-align": 4_096,
    "vring-desc": DESCRIPTORS_AT,
    "signalled-used-valid": false,
    "vring-num-default": QUEUE_SIZE,
    "vring-avail": DESCRIPTORS_AT + 4_096,
    "queue-index": queue,
    "last-avail-idx": lastAvailIndex,
    "vring-used": DESCRIPTORS_AT + 8_192,
    "used-idx": usedIndex,
    "shadow-avail-idx": lastAvailIndex,
    "vring-num": QUEUE_SIZE,
  };
}

function statusOf(machine: SimulatedMachine, device: SimulatedDevice): WireObject {
  return {
    "device-endian": "little",
    "bus-name": "",
    "disable-legacy-check": false,
    name: typeNameOf(device),
    started: true,
    "device-id": isVirtioDisk(device) ? 2 : 3,
    "backend-features": { "dev-features": [], transports: [] },
    "start-on-kick": false,
    isr: 0,
    broken: false,
    status: { statuses: ["VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready"] },
    "num-vqs": queueCountOf(machine, device),
    "guest-features": { "dev-features": [], transports: [] },
    "host-features": { "dev-features": [], transports: [] },
    "use-guest-notifier-mask": true,
    "vm-running": machine.core.isRunning,
    "queue-sel": 0,
    disabled: false,
    "vhost-started": false,
    "use-started": true,
  };
}
