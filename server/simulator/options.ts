import type { SimulatorClock } from "./clock.ts";
import type { SimulatedNbdServer } from "./nbd-server.ts";

/** Which QEMU to be like. `no-oob` is a 7.2 with out-of-band execution patched out, as Proxmox builds it. */
export type SimulatedVersion = "7.2" | "11.1" | "no-oob";

export interface SimulatedMonitorOptions {
  /** The chardev's id, as it stands in `query-yank`. */
  id: string;
  /** Listens on this unix socket, which must not exist. */
  path?: string;
  /** Listens on loopback TCP; port 0 takes a free one (read it from `SimulatedVm.tcpPort`). */
  tcp?: { port: number };
  isPretty?: boolean;
  /** A telnet chardev: 12 bytes of option negotiation come before the greeting. */
  isTelnet?: boolean;
}

/** Where an NBD node's server is said to be. Nothing is ever connected there. */
export type SimulatedServerAddress = { type: "unix"; path: string } | { type: "inet"; host: string; port: string };

/** `connecting` and `reconnecting` nodes are listed and have no yank function. */
export type NbdState = "connecting" | "connected" | "reconnecting" | "yanked";

export type SimulatedBlockNode = { nodeName: string; isReadOnly?: boolean } & (
  | {
      driver: "nbd";
      server: SimulatedServerAddress;
      export?: string;
      state?: NbdState;
      /** The server itself, where several VMs are to depend on one: what befalls it befalls all of them. */
      farSide?: SimulatedNbdServer;
    }
  | { driver: "raw"; file: string }
  | { driver: "qcow2"; file: string; backing?: string; hasPersistentBitmaps?: boolean }
  | {
      driver: "throttle";
      file: string;
      /** Lets so much through and no more; requests wait in QEMU, where no yank reaches them. */
      bytesPerSecond?: number;
    }
  /** Reads its first child (`read-pattern=fifo`). */
  | { driver: "quorum"; children: string[] }
  | { driver: "file"; filename: string }
);

/** A block job, which never completes by itself: `mirror` stays ready until it fails or is cancelled. */
export interface SimulatedJob {
  id: string;
  type: "mirror" | "backup";
  /** The source's node, and the node that is written to. */
  device: string;
  target: string;
}

export type SimulatedChardev =
  | {
      kind: "socket-server";
      id: string;
      path: string;
      /** Whether a socket really listens at `path`; a fleet of thousands does without. Default false. */
      listens?: boolean;
      /** Whether a peer is said to be connected at the start. Default false. */
      isConnected?: boolean;
    }
  | {
      kind: "socket-client";
      id: string;
      path: string;
      /** Comes back this long after a disconnect; absent: stays down for good. */
      reconnectMs?: number;
    }
  | { kind: "null" | "ringbuf" | "pty" | "file"; id: string };

export type BlockErrorPolicy = "auto" | "report" | "ignore" | "enospc" | "stop";

export interface SimulatedDevice {
  /** Absent: a device without an id, under `/machine/peripheral-anon`. */
  id?: string;
  /** A device of the board itself, under `/machine/unattached`; its `id` is then ignored. */
  isBuiltIn?: boolean;
  type: string;
  chardev?: string;
  drive?: string;
  rerror?: BlockErrorPolicy;
  werror?: BlockErrorPolicy;
  iothread?: string;
  /** Reads that the guest is said to issue while it runs and its disk answers. */
  readsPerSecond?: number;
  /** How many of them it has under way at a time; default 1. */
  queueDepth?: number;
}

/** An object of `/objects`: `rng-egd` and `filter-mirror` own chardevs, `iothread` and memory backends do not. */
export interface SimulatedObject {
  id: string;
  type: string;
  chardev?: string;
}

export interface SimulatedMigrationOptions {
  side: "outgoing" | "incoming";
  uri?: string;
  /** Where it starts; default `active` for outgoing, listening for incoming. */
  status?: "setup" | "active" | "pre-switchover" | "postcopy-active" | "postcopy-paused" | "colo" | "listening";
  bytesPerSecond?: number;
  /** What the guest dirties meanwhile; more than is sent does not converge. Default: a little. */
  dirtyBytesPerSecond?: number;
  totalBytes?: number;
  /** QEMU ends a failed incoming side by exiting with status 1 unless told otherwise. Default true. */
  exitsOnError?: boolean;
}

/** How long a lane takes to answer one command, in ms; asked for every command. */
export type Latency = (lane: "in-band" | "oob", command: string) => number;

export interface SimulatedVmOptions {
  monitors: SimulatedMonitorOptions[];
  name?: string;
  uuid?: string;
  version?: SimulatedVersion;
  runState?: string;
  vcpus?: number;
  blockNodes?: SimulatedBlockNode[];
  chardevs?: SimulatedChardev[];
  devices?: SimulatedDevice[];
  objects?: SimulatedObject[];
  /** Jobs that are ready from the start on. */
  jobs?: SimulatedJob[];
  /** Answers `query-qmp-schema` at the size of a real one, some 200 kB, instead of what is implemented here alone. */
  hasWholeSchema?: boolean;
  migration?: SimulatedMigrationOptions;
  latency?: Latency;
  /** The released in-band reply may overtake the reply of the yank that released it; true makes it do so. Default false. */
  releasedReplyFirst?: boolean;
  clock?: SimulatorClock;
}
