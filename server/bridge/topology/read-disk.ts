import type { QomReader } from "./qom-reader.ts";
import type { ErrorPolicy, GuestDisk } from "./topology.ts";

const FOLDERS = ["/machine/peripheral", "/machine/peripheral-anon", "/machine/unattached"] as const;
const DISK_TYPE = /blk|scsi-(hd|cd|block|generic|disk)|ide-(hd|cd)|nvme|floppy|usb-storage|sd-card|emmc|pflash/;

/**
 * The guest device at the top, with its error policies, from the names of the backends found above a node: a QOM path
 * for `-device drive=NODE`, the drive's id for `-drive`.
 * @param deviceOfDrive drive id → device id or QOM path, where `query-block` was asked.
 */
export async function readDisk(
  qom: QomReader,
  backends: readonly { readonly name: string; readonly through: readonly string[] }[],
  deviceOfDrive: ReadonlyMap<string, string>,
): Promise<GuestDisk | undefined> {
  for (const backend of backends) {
    const path = await devicePath(qom, backend.name, deviceOfDrive);
    if (path === undefined) continue;
    const folder = FOLDERS.find((candidate) => path.startsWith(`${candidate}/`));
    const name = folder && path.slice(folder.length + 1);
    const type = folder && (await qom.children(folder))?.find((child) => child.name === name)?.type;
    return {
      device: folder === "/machine/peripheral" && name !== undefined ? name : path,
      type,
      through: backend.through,
      werror: errorPolicy(await qom.getText(path, "werror"), "enospc"),
      rerror: errorPolicy(await qom.getText(path, "rerror"), "report"),
    };
  }
  return undefined;
}

/** The device itself: a virtio device's backend is its child. */
async function devicePath(qom: QomReader, backend: string, deviceOfDrive: ReadonlyMap<string, string>): Promise<string | undefined> {
  if (backend.startsWith("/")) return withoutVirtioBackend(backend);
  const known = deviceOfDrive.get(backend);
  if (known !== undefined) return known.startsWith("/") ? withoutVirtioBackend(known) : `/machine/peripheral/${known}`;
  for (const folder of FOLDERS) {
    for (const child of (await qom.children(folder)) ?? []) {
      if (!DISK_TYPE.test(child.type)) continue;
      const path = `${folder}/${child.name}`;
      if ((await qom.getText(path, "drive")) === backend) return path;
    }
  }
  return undefined;
}

function withoutVirtioBackend(path: string): string {
  return path.endsWith("/virtio-backend") ? path.slice(0, -"/virtio-backend".length) : path;
}

/** @see QEMU hw/block/block.c: what `auto` stands for is decided there */
function errorPolicy(value: string | undefined, auto: ErrorPolicy): ErrorPolicy | undefined {
  switch (value) {
    case "auto":
      return auto;
    case "report":
    case "ignore":
    case "enospc":
    case "stop":
      return value;
    default:
      return undefined;
  }
}
