import type { DiskCount } from "#lib/health/io-progress";
import { clipText, isRecord } from "./plain-data.ts";

/** A VM can name as many disks as it likes. */
const MAX_DISKS = 256;
const COUNTERS = [
  "rd_operations",
  "wr_operations",
  "flush_operations",
  "unmap_operations",
  "zone_append_operations",
  "failed_rd_operations",
  "failed_wr_operations",
  "failed_flush_operations",
  "failed_unmap_operations",
  "failed_zone_append_operations",
  "invalid_rd_operations",
  "invalid_wr_operations",
  "invalid_flush_operations",
  "invalid_unmap_operations",
  "invalid_zone_append_operations",
] as const;

/** One guest disk of `query-blockstats`. */
export interface CountedDisk extends DiskCount {
  /** QEMU's own name of the device: its id, or a QOM path. */
  readonly qdev: string;
}

/** What is counted of each guest disk; block backends without a device (exports, jobs) are nobody's disk. */
export function parseBlockStats(value: unknown): CountedDisk[] {
  if (!Array.isArray(value)) return [];
  const disks: CountedDisk[] = [];
  for (const element of value) {
    if (!isRecord(element) || typeof element["qdev"] !== "string" || !isRecord(element["stats"])) continue;
    const nodeName = element["node-name"];
    disks.push({
      device: diskName(element["qdev"]),
      qdev: element["qdev"],
      ...(typeof nodeName === "string" && nodeName !== "" ? { nodeName: clipText(nodeName) } : {}),
      completedCount: completed(element["stats"]),
    });
    if (disks.length === MAX_DISKS) break;
  }
  return disks;
}

/** As operators know it, and as the topology names it: a device's id, else its QOM path; without the virtio device's own child. */
export function diskName(qdev: string): string {
  const path = qdev.endsWith("/virtio-backend") ? qdev.slice(0, -"/virtio-backend".length) : qdev;
  const prefix = "/machine/peripheral/";
  return clipText(path.startsWith(prefix) ? path.slice(prefix.length) : path);
}

/** One answer to `x-query-virtio-queue-status`. @see QEMU qapi/virtio.json, VirtQueueStatus */
export function parseQueueStatus(value: unknown): { inUseCount: number; usedIndex: number } | undefined {
  if (!isRecord(value)) return undefined;
  const inUseCount = value["inuse"];
  const usedIndex = value["used-idx"];
  return isIndex(inUseCount) && isIndex(usedIndex) ? { inUseCount, usedIndex } : undefined;
}

/** Both are 16 bits wide; anything else is not QEMU's. */
function isIndex(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}

/** Whatever is no count adds nothing; a sum that no disk can reach stays at what a number can tell apart. */
function completed(stats: Record<string, unknown>): number {
  let sum = 0;
  for (const name of COUNTERS) {
    const value = stats[name];
    // Beyond 2^53 the last digits are lost, and with them one request in thousands: still another number.
    const count = typeof value === "bigint" ? Number(value) : value;
    if (typeof count === "number" && count > 0) sum += count;
  }
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}
