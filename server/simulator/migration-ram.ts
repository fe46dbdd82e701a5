import type { WireObject } from "./wire-value.ts";

const PAGE_BYTES = 4096;

export interface RamProgress {
  transferredBytes: number;
  totalBytes: number;
  /** 0 while nothing moves. */
  bytesPerSecond: number;
  dirtyBytesPerSecond: number;
  isCompleted: boolean;
  /** `skipped` went after 8.0. */
  hasSkipped: boolean;
}

/** `query-migrate`'s `ram`. A twentieth of the memory always remains: the guest dirties it again. @see QEMU qapi/migration.json */
export function describeRam({ transferredBytes, totalBytes, bytesPerSecond, ...rest }: RamProgress): WireObject {
  const normal = Math.floor(transferredBytes / PAGE_BYTES);
  return {
    total: totalBytes,
    "postcopy-requests": 0,
    "dirty-sync-count": 1 + Math.floor(transferredBytes / totalBytes),
    "multifd-bytes": 0,
    "pages-per-second": Math.floor(bytesPerSecond / PAGE_BYTES),
    "downtime-bytes": 0,
    "page-size": PAGE_BYTES,
    remaining: rest.isCompleted ? 0 : Math.max(totalBytes - transferredBytes, Math.floor(totalBytes / 20)),
    "postcopy-bytes": 0,
    mbps: (bytesPerSecond * 8) / 1e6,
    transferred: transferredBytes,
    "dirty-sync-missed-zero-copy": 0,
    "precopy-bytes": transferredBytes,
    duplicate: 0,
    "dirty-pages-rate": Math.floor(rest.dirtyBytesPerSecond / PAGE_BYTES),
    skipped: rest.hasSkipped ? 0 : undefined,
    "normal-bytes": normal * PAGE_BYTES,
    normal,
  };
}
