import type { BlockBackend } from "./block-graph.ts";
import { findBackend } from "./block-stats.ts";
import type { CountedBackend } from "./block-stats.ts";
import type { CommandLineDrive } from "./command-line-block.ts";
import type { QomReader } from "./qom-reader.ts";
import type { ErrorPolicy, GuestDisk } from "./topology.ts";

const FOLDERS = ["/machine/peripheral", "/machine/peripheral-anon", "/machine/unattached"] as const;
const DISK_TYPE = /blk|scsi-(hd|cd|block|generic|disk)|ide-(hd|cd)|nvme|floppy|usb-storage|sd-card|emmc|pflash/;
/** Never more devices of one node: each costs some reads. */
const MAX_DISKS = 4;

/** What is known beside the graph. */
export interface DiskContext {
  /** Undefined where QEMU did not tell. */
  readonly counted: readonly CountedBackend[] | undefined;
  /** `-drive`s by id; undefined where the command line was not read. */
  readonly drives: ReadonlyMap<string, CommandLineDrive> | undefined;
}

/**
 * The guest devices at the top, the nearest first, with their error policies, from the backends found above a node. The
 * graph names a backend by its device's id or QOM path, and a `-drive`'s by the drive's id.
 */
export async function readDisks(qom: QomReader, backends: readonly BlockBackend[], context: DiskContext): Promise<GuestDisk[]> {
  const disks: GuestDisk[] = [];
  for (const backend of backends.slice(0, MAX_DISKS)) {
    const path = await devicePath(qom, backend.name, context.counted);
    if (path === undefined) continue;
    const folder = FOLDERS.find((candidate) => path.startsWith(`${candidate}/`));
    // A device's own parts lie below it: virtio's back end, the SCSI disk within a USB stick.
    const name = folder && path.slice(folder.length + 1).split("/", 1)[0];
    const outer = folder && name ? `${folder}/${name}` : path;
    const type = folder && (await qom.children(folder))?.find((child) => child.name === name)?.type;
    const drive = context.counted ? findBackend(context.counted, backend.name)?.drive : backend.name.replace(/^\/.*/s, "");
    disks.push({
      device: folder === "/machine/peripheral" && name ? name : outer,
      type,
      through: backend.through,
      werror: resolvePolicy(await qom.getText(outer, "werror"), type, "werror", driveOf(drive, context)),
      rerror: resolvePolicy(await qom.getText(outer, "rerror"), type, "rerror", driveOf(drive, context)),
      ...(backend.mayWrite === undefined ? {} : { isReadOnly: !backend.mayWrite }),
      ...(backend.isBacking ? { isBacking: true } : {}),
      ...(backend.isCopy ? { isOneOfSeveralCopies: true } : {}),
    });
  }
  return disks;
}

/** The device, or a part of it. */
async function devicePath(qom: QomReader, backend: string, counted: readonly CountedBackend[] | undefined): Promise<string | undefined> {
  if (backend.startsWith("/")) return backend;
  if (counted) {
    const qdev = findBackend(counted, backend)?.qdev;
    if (qdev === undefined) return undefined;
    return qdev.startsWith("/") ? qdev : `/machine/peripheral/${qdev}`;
  }
  for (const folder of FOLDERS) {
    for (const child of (await qom.children(folder)) ?? []) {
      if (!DISK_TYPE.test(child.type)) continue;
      const path = `${folder}/${child.name}`;
      if ((await qom.getText(path, "drive")) === backend) return path;
    }
  }
  return undefined;
}

/** What the drive of a `-drive` says of errors; "unknown" where it may say something that was not read. */
function driveOf(drive: string | undefined, { drives }: DiskContext): CommandLineDrive | "unknown" | undefined {
  return drive === undefined || drive === "" ? undefined : (drives?.get(drive) ?? "unknown");
}

/**
 * What the guest will feel. `auto` leaves it to the block backend: what its `-drive` says, else reads are reported and
 * writes stop the VM where space ran out.
 * @see QEMU hw/block/block.c, blkconf_apply_backend_options
 */
function resolvePolicy(
  value: string | undefined,
  type: string | undefined,
  which: "werror" | "rerror",
  drive: CommandLineDrive | "unknown" | undefined,
): ErrorPolicy | undefined {
  switch (value) {
    case "auto":
      if (drive === "unknown") return undefined;
      return drive?.[which] ?? (which === "rerror" ? "report" : "enospc");
    case "report":
    case "ignore":
    case "enospc":
    case "stop":
      return value;
    default:
      // NVMe has no policy to choose: it always tells the guest.
      return type === "nvme" || type === "nvme-ns" ? "report" : undefined;
  }
}
