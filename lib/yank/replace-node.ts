import { qmpLine } from "../diagnosis/quoting.ts";
import { instanceName } from "../vm/instance.ts";
import type { InstanceReport, NbdAddress } from "../vm/instance.ts";

const SPARE_NODE = "ripcord-spare";
/** What stands where something was never read, so that QEMU refuses the command until a person has put it in. */
const ADDRESS_TO_FILL_IN = { type: "inet", host: "HOST", port: "PORT" };
const SIZE_TO_FILL_IN = "SIZE-IN-BYTES";
const DRIVER_TO_FILL_IN = "RAW-OR-QCOW2";

/**
 * The commands that give a guest's disk a fresh connection after its NBD node was yanked: the device is moved to a spare
 * node, the dead nodes are closed, and new ones of the same names take their place. The guest is stopped meanwhile, since
 * what it writes to the spare node is lost. `blockdev-reopen` of the format node would be shorter, and fails: it flushes
 * the dead node. One line each, for another monitor of the VM; undefined where what stands between node and device is not
 * known, or is more than one node.
 * @see lab/nbd-disk.ts, which does the same
 */
export function replaceNodeCommands({ instance, serves, farSide }: InstanceReport): string[] | undefined {
  const { owner, through = [], sizeBytes } = serves;
  if (serves.kind !== "guest-disk" || owner === undefined || through.length > 1) return undefined;
  const node = instanceName(instance);
  const [format] = through;
  const top = format ?? node;
  const drive = (to: string) => qmpLine({ execute: "qom-set", arguments: { path: devicePath(owner), property: "drive", value: to } });
  const add = (options: Record<string, unknown>) => qmpLine({ execute: "blockdev-add", arguments: options });
  const close = (name: string) => qmpLine({ execute: "blockdev-del", arguments: { "node-name": name } });
  const readOnly = serves.isReadOnly === true ? { "read-only": true } : {};
  return [
    qmpLine({ execute: "stop" }),
    add({ driver: "null-co", "node-name": SPARE_NODE, size: sizeBytes ?? SIZE_TO_FILL_IN, ...readOnly }),
    drive(SPARE_NODE),
    ...(format === undefined ? [] : [close(format)]),
    close(node),
    add({ driver: "nbd", "node-name": node, ...nbdArguments(farSide?.nbd), ...readOnly }),
    ...(format === undefined
      ? []
      : [add({ driver: serves.throughDrivers?.[0] ?? DRIVER_TO_FILL_IN, "node-name": format, file: node, ...readOnly })]),
    drive(top),
    close(SPARE_NODE),
    qmpLine({ execute: "cont" }),
  ];
}

/** Where a device's `drive` is set. A `-device` with an id is under peripheral; what has none is named by its own path. */
function devicePath(owner: string): string {
  return owner.startsWith("/") ? owner : `/machine/peripheral/${owner}`;
}

function nbdArguments(nbd: NbdAddress | undefined): Record<string, unknown> {
  if (nbd === undefined) return { server: ADDRESS_TO_FILL_IN, export: "EXPORT" };
  const server = "path" in nbd ? { type: "unix", path: nbd.path } : { type: "inet", host: nbd.host, port: nbd.port };
  return { server, ...(nbd.exportName === "" ? {} : { export: nbd.exportName }) };
}
