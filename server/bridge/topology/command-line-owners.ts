import { chardevPropertiesOf } from "./chardev-owner.ts";
import type { ChardevOwner } from "./chardev-owner.ts";
import type { OptionText } from "./option-text.ts";

/** Chardev id → who was given it; the first, as QEMU would not have started with a second. */
export type OwnersByChardev = Map<string, ChardevOwner>;

/** `-device isa-serial,chardev=ser0,id=com1`, also as JSON. Every device with a `chardev` is its front end. */
export function addDeviceOwner(owners: OwnersByChardev, options: OptionText): void {
  const [type, chardev] = [options.get("driver") ?? options.get(""), options.get("chardev")];
  if (type === undefined || chardev === undefined) return;
  const portName = /^virt(serialport|console)$/.test(type) ? options.get("name") : undefined;
  add(owners, chardev, { kind: "device", id: options.get("id") ?? `${type} without an id`, type, portName });
}

/** `-object rng-egd,id=rng0,chardev=c`. Monitors are not owners: they are what must never be cut. */
export function addObjectOwner(owners: OwnersByChardev, options: OptionText): void {
  const [type, id] = [options.get("qom-type") ?? options.get(""), options.get("id")];
  if (type === undefined || id === undefined || type.startsWith("monitor-")) return;
  for (const property of chardevPropertiesOf(type)) {
    const chardev = options.get(property);
    if (chardev !== undefined) add(owners, chardev, { kind: "object", id, type });
  }
}

/** `-netdev vhost-user,chardev=c`; no QMP command before 10.0 ties the two together. */
export function addNetdevOwner(owners: OwnersByChardev, options: OptionText): void {
  const [type, id, chardev] = [options.get("type") ?? options.get(""), options.get("id"), options.get("chardev")];
  if (type === undefined || id === undefined) return;
  if (type === "vhost-user" && chardev !== undefined) add(owners, chardev, { kind: "netdev", id, type });
}

export function addTpmOwner(owners: OwnersByChardev, options: OptionText): void {
  const [id, chardev] = [options.get("id"), options.get("chardev")];
  if (id !== undefined && chardev !== undefined) add(owners, chardev, { kind: "tpm", id, type: "tpm-emulator" });
}

/** `-serial`, `-parallel` and `-debugcon`: what they make is part of the board and cannot be unplugged. */
export function addBoardOwner(owners: OwnersByChardev, option: string, chardev: string): void {
  const type = option === "debugcon" ? "isa-debugcon" : option;
  add(owners, chardev, { kind: "board", id: `-${option}`, type });
}

function add(owners: OwnersByChardev, chardev: string, owner: ChardevOwner): void {
  if (chardev !== "" && !owners.has(chardev)) owners.set(chardev, owner);
}
