import { isKnownYankInstance } from "../qapi/yank-instance.ts";
import type { YankInstance } from "../qapi/yank-instance.ts";

/** What stands on an instance, as far as a positive reading established it; never a guess. */
export type ServesKind =
  | "guest-disk"
  | "job-source"
  | "job-target"
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
}

/** Who is at the other end. `key` is canonical: two VMs with the same key depend on the same thing. */
export interface FarSide {
  key: string;
  text: string;
}

export type ConnectionState = "connected" | "connecting" | "reconnecting" | "listening" | "disconnected" | "unknown";

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
