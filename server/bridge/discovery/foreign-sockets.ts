import { basename } from "node:path";

/** Whose socket this is by its place and name; `agent` is a guest agent's, whoever started it. */
export type ForeignOwner = "libvirt" | "proxmox" | "incus" | "agent";

const LIBVIRT_MONITOR = /\/libvirt\/(qemu\/)?(lib\/)?domain-[^/]+\/monitor\.sock$|\/libvirt\/qemu(\/.*)?\/[^/]*\.?monitor(\.sock)?$/;
const LIBVIRT_CHANNEL = /\/libvirt\/(qemu\/)?channel\//;
const PROXMOX = /\/run\/(qemu-server\/[^/]+\.(qmp|qga|qsd)|qmeventd\.sock)$/;
const INCUS = /\/(incus|lxd)\/.*\/?qemu\.[^/]*$|\/qemu\.monitor$/;
const AGENT = /guest[_-]agent|(^|[.-])qga([.-]|$)|\.agent$/;

/**
 * Monitors that another tool made for itself. A monitor serves one client, and holding it turns every action of its owner
 * into a time-out; cutting it makes libvirt stop the guest.
 * @see facts sheet, section 9
 */
export function foreignOwner(path: string): ForeignOwner | undefined {
  if (LIBVIRT_MONITOR.test(path)) return "libvirt";
  if (PROXMOX.test(path)) return "proxmox";
  if (INCUS.test(path)) return "incus";
  if (LIBVIRT_CHANNEL.test(path) || AGENT.test(basename(path))) return "agent";
  return undefined;
}
