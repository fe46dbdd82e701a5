import { z } from "zod";
import { chardevPropertiesOf } from "./chardev-owner.ts";
import type { ChardevOwner } from "./chardev-owner.ts";
import type { QomChild, QomReader } from "./qom-reader.ts";

export interface OwnersReading {
  readonly owners: ReadonlyMap<string, ChardevOwner>;
  readonly areMonitorsObjects: boolean;
}

/** Device types that are known to have a `chardev`: asked first, and the only ones asked among the board's own devices. */
const LIKELY_DEVICE =
  /serial|console|uart|pl011|debugcon|vhost-user|usb-redir|ccid-card-passthru|ivshmem|spapr-vty|sclp|parallel|ipmi-bmc-extern|guest-loader|diva-gsp|terminal3270/;
/** Device types that surely have none and come in dozens. */
const UNLIKELY_DEVICE =
  /^(pcie-root-port|pci-bridge|pcie-pci-bridge|ioh3420|x3130-upstream|xio3130-downstream|pxb|pxb-pcie|pc-dimm|nvdimm)$/;

const tpmSchema = z.array(
  z.object({ id: z.string(), options: z.object({ type: z.literal("emulator"), data: z.object({ chardev: z.string() }) }) }).catch({
    id: "",
    options: { type: "emulator", data: { chardev: "" } },
  }),
);

/**
 * Looks for the owner of each of these chardevs, and stops as soon as all have one. Without a chardev to ask about it
 * asks nothing. Objects come first: they say which chardevs are monitors on QEMU ≥ 11.1.
 * @param unowned labels as devices name them (a mux without `-base`).
 */
export async function readOwners(qom: QomReader, unowned: ReadonlySet<string>): Promise<OwnersReading> {
  const owners = new Map<string, ChardevOwner>();
  const left = new Set(unowned);
  if (left.size === 0) return { owners, areMonitorsObjects: false };
  const record = (chardev: string | undefined, owner: ChardevOwner): void => {
    if (chardev === undefined) return;
    // A mux can have a monitor and a device as its front ends: then it is a monitor's.
    if (owner.kind === "monitor" || !owners.has(chardev)) owners.set(chardev, owner);
    left.delete(chardev);
  };
  const objects = (await qom.children("/objects")) ?? [];
  for (const object of objects) {
    for (const property of chardevPropertiesOf(object.type)) {
      const kind = object.type.startsWith("monitor-") ? "monitor" : "object";
      record(await qom.getText(`/objects/${object.name}`, property), { kind, id: object.name, type: object.type });
    }
  }
  for (const folder of ["/machine/peripheral", "/machine/peripheral-anon", "/machine/unattached"]) {
    if (left.size === 0) break;
    await readDevices(qom, folder, left, record);
  }
  if (left.size > 0) {
    const tpms = tpmSchema.safeParse(await qom.tryAsk("query-tpm"));
    for (const tpm of tpms.data ?? []) record(tpm.options.data.chardev || undefined, { kind: "tpm", id: tpm.id, type: "tpm-emulator" });
  }
  return { owners, areMonitorsObjects: objects.some((object) => object.type === "monitor-qmp") };
}

async function readDevices(
  qom: QomReader,
  folder: string,
  left: ReadonlySet<string>,
  record: (chardev: string | undefined, owner: ChardevOwner) => void,
): Promise<void> {
  for (const device of candidates(folder, (await qom.children(folder)) ?? [])) {
    if (left.size === 0 || !qom.hasReadsLeft) return;
    const path = `${folder}/${device.name}`;
    const chardev = await qom.getText(path, "chardev");
    if (chardev === undefined) continue;
    const portName = device.type === "virtserialport" ? await qom.getText(path, "name") : undefined;
    record(chardev, { kind: "device", id: folder === "/machine/peripheral" ? device.name : path, type: device.type, portName });
  }
}

function candidates(folder: string, devices: readonly QomChild[]): QomChild[] {
  const likely = devices.filter((device) => LIKELY_DEVICE.test(device.type) && !device.type.startsWith("virtio-serial"));
  if (folder === "/machine/unattached") return likely;
  const rest = devices.filter((device) => !LIKELY_DEVICE.test(device.type) && !UNLIKELY_DEVICE.test(device.type));
  return [...likely, ...rest];
}
