import type { ChardevOwner } from "./chardev-owner.ts";
import type { NbdSource } from "./nbd-source.ts";

/**
 * What one reading of a VM's topology established. Only positive readings stand here: what could not be read is absent
 * and never filled in. Made by `readTopology`, read by `describeInstances`; it never leaves the bridge.
 */
export interface Topology {
  /** By label; undefined where `query-chardev` failed. Only what is or may be a socket, and multiplexers. */
  readonly chardevs: ReadonlyMap<string, ChardevReading> | undefined;
  /** Chardev id → what uses it. A mux is named by its own id, not by `<id>-base`. */
  readonly owners: ReadonlyMap<string, ChardevOwner>;
  /** From QEMU 11.1 on every monitor is an object, so that the list of monitors is complete. */
  readonly areMonitorsObjects: boolean;
  /** By node name: the NBD nodes (or, where no instances were named, every node) and what stands on them. */
  readonly blockNodes: ReadonlyMap<string, BlockNodeReading>;
}

export interface ChardevReading {
  readonly isConnected: boolean;
  readonly isServer: boolean;
  readonly isMux: boolean;
  /** `unix:/path` or `tcp:host:port`: for a server where it listens, for a client where it goes. */
  readonly address?: string;
}

export interface BlockNodeReading {
  /** The graph was read, so that what is not named here does not stand on the node. */
  readonly isGraphRead?: boolean;
  readonly disk?: GuestDisk;
  /** Further devices that share the node: ids, or QOM paths. */
  readonly moreDisks?: readonly string[];
  readonly jobs: readonly BlockJobUse[];
  /** Why it is known to be COLO's copy to the secondary, in words. */
  readonly replication?: string;
  /** Ids of the exports by which this QEMU itself serves it. */
  readonly exportIds?: readonly string[];
  /** Something without a name uses it that none of these tells of. */
  readonly hasUnnamedUser?: boolean;
  readonly source?: NbdSource;
  /** How long requests wait for a lost server before they fail; 0: at once. Absent where nothing told: QEMU has no command for it. */
  readonly reconnectDelayMs?: number;
  /** QEMU's own file name: `nbd+unix:///export?socket=/path`, `nbd://host:port/export`, `json:{…}`. */
  readonly fileName?: string;
  /** Of the disk where it serves one, else of the node itself. */
  readonly sizeBytes?: number;
  readonly isReadOnly?: boolean;
}

export interface GuestDisk {
  /** Device id, or QOM path. */
  readonly device: string;
  readonly type?: string;
  /** The nodes between the instance and the device, from below: `fmt0`. */
  readonly through: readonly string[];
  readonly werror?: ErrorPolicy;
  readonly rerror?: ErrorPolicy;
  /** The device asked for no permission to write. */
  readonly isReadOnly?: boolean;
  /** The guest's image is based on this one: it is read where the guest wrote nothing yet, and not written. */
  readonly isBacking?: boolean;
  /** Other copies of the same data stand beside this one below a quorum. */
  readonly isOneOfSeveralCopies?: boolean;
}

export type ErrorPolicy = "report" | "ignore" | "enospc" | "stop";

export interface BlockJobUse {
  readonly jobId: string;
  /** Whether it is written to (`target`) or read from. */
  readonly role: "source" | "target";
  /** `mirror`, `backup`, …; undefined where `query-block-jobs` did not tell. */
  readonly type?: string;
}
