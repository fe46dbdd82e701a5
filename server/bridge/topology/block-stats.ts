import type { QemuVersion } from "#lib/qapi/greeting";
import { z } from "zod";

/** One block backend as `query-blockstats` counts it. */
export interface CountedBackend {
  /** The id of a `-drive`; empty for others. */
  readonly drive: string;
  /** Device id or QOM path; undefined while no device has it. */
  readonly qdev?: string;
  /** Requests that ended well. */
  readonly completedCount: number;
}

const MAX_BACKENDS = 1_024;
const count = z.union([z.number(), z.bigint()]).transform(Number).catch(0);
const backendSchema = z.object({
  device: z.string().max(4_096).default(""),
  qdev: z.string().min(1).max(4_096).optional(),
  stats: z.object({ rd_operations: count, wr_operations: count, flush_operations: count }),
});

/**
 * Whether `query-blockstats` may be sent. Before QEMU 9.0 counting takes the lock of each disk's I/O thread, which such a
 * thread holds while the kernel keeps it in a submission: one stuck thread would then stop the main loop.
 * @param tryAsk answers undefined where QEMU refused.
 * @see docs/decisions/0008-reading-virtqueues.md
 */
export async function mayCountBlocks(
  tryAsk: (command: string) => Promise<unknown>,
  version: Pick<QemuVersion, "major"> | undefined,
): Promise<boolean> {
  if (version !== undefined && version.major >= 9) return true;
  const threads = await tryAsk("query-iothreads");
  return Array.isArray(threads) && threads.length === 0;
}

/**
 * Every block backend with the device that has it. QEMU answers without any I/O, unlike `query-block`, which knows no more
 * of devices.
 * @see QEMU qapi/block-core.json, BlockStats; facts sheet 7.1
 */
export function parseCountedBackends(answer: unknown): CountedBackend[] {
  if (!Array.isArray(answer)) return [];
  return answer.slice(0, MAX_BACKENDS).flatMap((element): CountedBackend[] => {
    const checked = backendSchema.safeParse(element);
    if (!checked.success) return [];
    const { device, qdev, stats } = checked.data;
    return [{ drive: device, qdev, completedCount: stats.rd_operations + stats.wr_operations + stats.flush_operations }];
  });
}

/** The counted backend that the block graph names so: by its drive's id, else by its device's id or path. */
export function findBackend(backends: readonly CountedBackend[], name: string): CountedBackend | undefined {
  return backends.find(({ drive, qdev }) => (drive === "" ? qdev : drive) === name);
}
