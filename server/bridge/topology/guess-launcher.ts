import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import type { Launcher } from "#lib/vm/report";

/** Who started this QEMU, by the ids that libvirt, Proxmox VE and Incus give to their own monitors' chardevs. */
export function guessLauncher(instances: readonly YankInstance[], isSimulated: boolean): Launcher {
  if (isSimulated) return "simulated";
  const ids = new Set<string>();
  for (const instance of instances) if (isKnownYankInstance(instance) && instance.type === "chardev") ids.add(instance.id);
  if (ids.has("charmonitor")) return "libvirt";
  if (ids.has("qmp") && ids.has("qmp-event")) return "proxmox";
  if (ids.has("monitor")) return "incus";
  return "plain";
}
