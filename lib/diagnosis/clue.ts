/**
 * One measured fact about one yank instance, for or against its being what holds the VM. A clue is made where the reading
 * was taken (the bridge) and says only what was read: QMP has no counter of requests in flight, and no event says who sent
 * a command.
 */
export const CLUE_CODES = [
  // For it.
  /** A virtqueue of the device that stands on it has requests in use that do not complete. Read while in-band answered. */
  "work-outstanding",
  /** Bytes were sent on its connection, and nothing has come back since. */
  "sent-unanswered",
  /** Its own send queue holds bytes that the far side does not take. */
  "unsent-bytes",
  /** The far side's receive queue holds bytes that were not read; only where both ends are on this host. */
  "unread-at-peer",
  /** Its counters moved before, and have stood still since. */
  "counters-frozen",
  /** STOP came, and the command that caused it was never answered: QEMU waits for its disks. Of block nodes. */
  "stop-unanswered",
  /** Something happened to it right before the trouble: an I/O error, a job that became ready, a port that opened. */
  "recent-event",
  /** A vCPU waits in a write to a chardev and holds the big lock: the main thread waits for that lock. Of chardevs. */
  "vcpu-in-write",
  /** The last pass of a migration holds the big lock, and its bytes stand still or cannot be read. Of migrations. */
  "switchover",
  /** The migration's byte counter stands still. */
  "migration-still",
  /** The connection is being made or waited for, and requests wait with it. */
  "being-connected",
  // Against it.
  /** Bytes came from the far side within the last second or two. */
  "traffic-flows",
  /** Everything that was sent was answered: nothing is under way on it. */
  "idle-connection",
  /** Nothing is connected, so that nothing can be waited for. */
  "nothing-connected",
  /** Requests of the device that stands on it were completed after the trouble began. */
  "work-completes",
  /** No request was outstanding at the last reading before the trouble. */
  "no-work-outstanding",
  // Neither.
  /** A reading that would tell could not be taken; the text says why. */
  "not-measured",
] as const;
export type ClueCode = (typeof CLUE_CODES)[number];

export interface Clue {
  code: ClueCode;
  /** For people, lower case, without a full stop: "12 kB sent, nothing received for 192 s". Ages in it are of the moment of the reading. */
  text: string;
  /** Age of the reading at the moment of sending. */
  ageMs: number;
}

/** The same on the hub's clock. */
export interface ClueView {
  code: ClueCode;
  text: string;
  /** Unix ms of the reading. */
  atMs: number;
}
