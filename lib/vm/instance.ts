import { isKnownYankInstance } from "../qapi/yank-instance.ts";
import type { YankInstance } from "../qapi/yank-instance.ts";
import type { Clue } from "../diagnosis/clue.ts";
import type { SocketReport } from "./socket.ts";

/** What stands on an instance, as far as a positive reading established it; never a guess. */
export type ServesKind =
  | "guest-disk"
  | "job-source"
  | "job-target"
  /** The secondary's disk of a COLO pair, or the primary's quorum child that leads to it. */
  | "replication"
  | "serial-console"
  | "debug-console"
  | "virtio-port"
  | "guest-agent"
  | "tpm"
  | "vhost-user"
  | "netdev"
  | "rng"
  | "filter"
  | "other-device"
  | "migration-out"
  | "migration-in"
  | "monitor"
  | "nothing"
  | "unknown";

export interface Serves {
  kind: ServesKind;
  /** Device id or QOM path, netdev id, job id or object id that proves it; QEMU's own spelling. */
  owner?: string;
  /** How that was established, for people: "virtio-blk-pci vda through node fmt0". */
  how?: string;
  /** The guest device's error policy with `auto` resolved; only for guest disks. */
  werror?: "report" | "ignore" | "enospc" | "stop";
  rerror?: "report" | "ignore" | "enospc" | "stop";
  isReadOnly?: boolean;
  /** Virtual size of the disk or node. */
  sizeBytes?: number;
  /** The QOM type of the device: `virtio-blk-pci`. */
  deviceType?: string;
  /** Nodes between the instance and what it serves, from below: `["fmt0"]`. */
  through?: string[];
  /** Their drivers, in the same order: `["raw"]`. */
  throughDrivers?: string[];
  /** `mirror`, `backup`, `commit`, `stream`, …; of a job. */
  jobType?: string;
  /** Name of a virtio port: `org.qemu.guest_agent.0`. */
  portName?: string;
}

/** Who is at the other end. `key` is canonical: two VMs with the same key depend on the same thing. */
export interface FarSide {
  key: string;
  text: string;
  /** The server behind it, where `key` names a part of one (an export): VMs with different exports hang on one server. */
  server?: { key: string; text: string };
  /** Of a block node, as QEMU would be told of it again; absent where it was not read whole. */
  nbd?: NbdAddress;
}

export type NbdAddress = { path: string; exportName: string } | { host: string; port: string; exportName: string };

/**
 * `given-up`: it was connected, is not, and does not try again (a yanked or lost NBD node without `reconnect-delay`, a
 * chardev client without `reconnect`).
 */
export const CONNECTION_STATES = ["connected", "connecting", "reconnecting", "listening", "disconnected", "given-up", "unknown"] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** Why an instance is never yanked from here. `code` is stable, `text` is for people. */
export interface NotYankable {
  code: "is-monitor" | "possible-monitor" | "unknown-type" | "unknown-owner" | "nothing-connected" | "topology-unread" | "no-cord";
  text: string;
}

/** One yank instance with everything that is known of it. */
export interface InstanceReport {
  /** QEMU's own object, untouched. */
  instance: YankInstance;
  serves: Serves;
  farSide?: FarSide;
  connection: ConnectionState;
  /** How that was established, for people: "its process has a TCP connection to 10.0.0.9:10809". */
  connectionHow?: string;
  /** While `reconnecting`, where it is known: how much longer requests wait before they fail. At the moment of sending. */
  waitLeftMs?: number;
  /** What speaks for and against its holding the VM; absent where nothing was measured. */
  clues?: Clue[];
  /** Its connections as the host's kernel sees them; absent where they were not looked at. */
  sockets?: SocketReport[];
  /** For a chardev client: comes back by itself after this many ms; 0 or absent: it does not. */
  reconnectMs?: number;
  /** For a chardev: the server side of its socket listens again after a cut. */
  isServer?: boolean;
  isMonitor: boolean | "possible";
  yankable: true | NotYankable;
}

/** Stable text for one instance within one VM: `block-node:nbd0`, `chardev:ser0`, `migration`. */
export function instanceKey(instance: YankInstance): string {
  if (!isKnownYankInstance(instance)) return `${instance.type}:${JSON.stringify(instance)}`;
  switch (instance.type) {
    case "block-node":
      return `block-node:${instance["node-name"]}`;
    case "chardev":
      return `chardev:${instance.id}`;
    case "migration":
      return "migration";
  }
}

/** The name an operator knows it by: node name, chardev id, or "migration". */
export function instanceName(instance: YankInstance): string {
  if (!isKnownYankInstance(instance)) return instance.type;
  switch (instance.type) {
    case "block-node":
      return instance["node-name"];
    case "chardev":
      return instance.id;
    case "migration":
      return "migration";
  }
}
