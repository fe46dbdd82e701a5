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

export interface ChardevOwner {
  readonly kind: "device" | "object" | "monitor" | "tpm";
  /** Device id, QOM path of a device without id, object id or tpmdev id. */
  readonly id: string;
  /** QOM type: `isa-serial`, `rng-egd`, `monitor-qmp`. */
  readonly type: string;
  /** The name of a virtio port: `org.qemu.guest_agent.0`. */
  readonly portName?: string;
}

export interface BlockNodeReading {
  readonly disk?: GuestDisk;
  readonly jobs: readonly BlockJobUse[];
  /** QEMU's own file name: `nbd+unix:///export?socket=/path`, `nbd://host:port/export`, `json:{…}`. */
  readonly fileName?: string;
  /** Of an NBD node: for how long requests wait for a lost server; 0 where they do not; absent where it was not read. */
  readonly reconnectDelayMs?: number;
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
}

export type ErrorPolicy = "report" | "ignore" | "enospc" | "stop";

export interface BlockJobUse {
  readonly jobId: string;
  readonly role: "source" | "target";
  /** `mirror`, `backup`, …; undefined where `query-block-jobs` did not tell. */
  readonly type?: string;
}
