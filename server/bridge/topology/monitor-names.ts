/**
 * Ids that carry a monitor by convention: QEMU's own shortcuts, libvirt's, Proxmox VE's (`qmp`, `qmp-event`) and Incus's.
 * Refusing a device's chardev that happens to be called so costs little; cutting a monitor can kill a guest.
 */
const WELL_KNOWN = new Set(["charmonitor", "qmp", "qmp-event", "monitor"]);

/** `id` as in `query-yank`; a multiplexed one has `-base` at its end. */
export function isWellKnownMonitor(id: string): boolean {
  const bare = id.endsWith("-base") ? id.slice(0, -"-base".length) : id;
  return WELL_KNOWN.has(bare) || /^compat_monitor\d*$/.test(bare);
}

/** Whose monitor it is, for people. */
export function wellKnownMonitorText(id: string): string {
  const bare = id.endsWith("-base") ? id.slice(0, -"-base".length) : id;
  if (bare === "charmonitor") return "libvirt's own monitor: cutting it makes libvirt believe that the guest crashed, and stop it";
  if (bare === "qmp-event") return "Proxmox's event line: cutting it makes Proxmox believe that the VM ended";
  if (bare === "qmp") return "a monitor by its name, as Proxmox gives it";
  if (bare === "monitor") return "a monitor by its name, as Incus gives it";
  return "a monitor from -qmp or -monitor on QEMU's command line";
}
