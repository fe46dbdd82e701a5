import { instanceName } from "./instance.ts";
import type { InstanceReport } from "./instance.ts";
import type { VmReport } from "./report.ts";

/** Whether the node or device of that name is this block node, or stands on it, as far as that was read. */
export function standsUnder(instance: InstanceReport, name: string, { disks = [] }: Pick<VmReport, "disks">): boolean {
  if (instance.instance.type !== "block-node") return false;
  const { owner, through = [] } = instance.serves;
  const names = new Set([name, ...disks.filter((disk) => disk.device === name || disk.nodeName === name).map((disk) => disk.device)]);
  return [instanceName(instance.instance), owner, ...through].some((candidate) => candidate !== undefined && names.has(candidate));
}
