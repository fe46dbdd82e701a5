import { createHash } from "node:crypto";
import { type QemuVersion, hasMonitorObjects } from "./qemu.ts";

/** The chardev id of the monitor that Ripcord watches, as the docs tell operators to name it. */
export const RIPCORD_CHARDEV = "ripcord";
/** The chardev id of the lab's own monitor. */
const LAB_CHARDEV = "labmon";

export interface VmShape {
  name: string;
  /** Default 32; firmware and a boot sector need no more. */
  memoryMib?: number;
  /** A file of exactly `memoryMib` that the guest's memory is a private copy of. */
  memoryFile?: string;
  /** Attached as the first disk, an IDE one, and booted from. */
  bootDisk?: string;
  /** `unix:PATH` to wait on for a migration. */
  incoming?: string;
  /** Everything else, as on the command line. */
  devices?: readonly string[];
}

export interface VmSockets {
  monitorPath: string;
  labMonitorPath: string;
}

/** The whole command line of a lab VM, without the program. */
export function buildVmArguments(shape: VmShape, sockets: VmSockets, version: QemuVersion): string[] {
  const memoryMib = shape.memoryMib ?? 32;
  return [
    // guest= is a key of its own, so the name may hold anything but needs its commas doubled.
    ...["-name", `guest=${escapeValue(shape.name)}`, "-uuid", uuidOf(shape.name)],
    // A small translation buffer: the default reserves up to a gigabyte and a boot sector fits anywhere.
    ...["-accel", "tcg,tb-size=8", "-no-user-config", "-nodefaults", "-display", "none", "-m", `${memoryMib}M`],
    ...memoryArguments(shape.memoryFile, memoryMib),
    ...monitorArguments(RIPCORD_CHARDEV, sockets.monitorPath, version),
    ...monitorArguments(LAB_CHARDEV, sockets.labMonitorPath, version),
    ...bootArguments(shape.bootDisk),
    ...(shape.devices ?? []),
    ...(shape.incoming === undefined ? [] : ["-incoming", shape.incoming]),
  ];
}

/** The same name has the same uuid in every run, as a VM that is started again does. */
export function uuidOf(name: string): string {
  const hex = createHash("sha256").update(`ripcord-lab:${name}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** QEMU's option lists double a comma that belongs to the value. */
export function escapeValue(value: string): string {
  return value.replaceAll(",", ",,");
}

/** A unix server socket that does not wait for its client. */
export function socketChardev(id: string, path: string): string[] {
  return ["-chardev", `socket,id=${id},path=${escapeValue(path)},server=on,wait=off`];
}

function monitorArguments(id: string, path: string, version: QemuVersion): string[] {
  const monitor = hasMonitorObjects(version)
    ? ["-object", `monitor-qmp,id=${id}-monitor,chardev=${id}`]
    : ["-mon", `chardev=${id},mode=control`];
  return [...socketChardev(id, path), ...monitor];
}

function memoryArguments(memoryFile: string | undefined, memoryMib: number): string[] {
  if (memoryFile === undefined) return ["-M", "pc"];
  const backend = `memory-backend-file,id=pc.ram,size=${memoryMib}M,mem-path=${escapeValue(memoryFile)},share=off`;
  return ["-object", backend, "-M", "pc,memory-backend=pc.ram"];
}

function bootArguments(bootDisk: string | undefined): string[] {
  if (bootDisk === undefined) return [];
  return ["-drive", `if=none,id=boot,format=raw,file=${escapeValue(bootDisk)}`, "-device", "ide-hd,drive=boot,bootindex=0"];
}
