/**
 * Work on one guest disk, from counters that QEMU keeps without any I/O. Ages are durations at the moment of sending.
 * @see QEMU qapi/block-core.json, BlockDeviceStats; qapi/virtio.json, VirtQueueStatus
 */
export interface DiskReport {
  /** Device id, or QOM path. */
  device: string;
  /** The node at the device: `fmt0`. */
  nodeName?: string;
  /** Requests that ended since the QEMU started, well or not. */
  completedCount: number;
  /** Since when that number has stood still, while somebody looked; absent while it moves. */
  stillAgeMs?: number;
  /** Whether it moved at any reading of this process: a disk that was never busy is idle, not stalled. */
  wasBusy: boolean;
  /** Requests in use in the device's virtqueues; absent where there is no virtqueue or it was not read. */
  outstandingCount?: number;
  /** How long none of them has completed, over at least two readings. */
  outstandingStillAgeMs?: number;
  ageMs: number;
}
