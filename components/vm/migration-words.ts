import type { MigrationView } from "#lib/api/vm";
import type { MigrationChannel } from "#lib/vm/report";

/** What each status means to somebody who waits for it; a status that nobody knows has no meaning here and is shown raw. */
const PHASE_WORD: Record<string, string> = {
  setup: "preparing: nothing is sent yet",
  active: "sending memory, the guest runs on",
  "pre-switchover": "waits to be told to switch over; the guest is stopped",
  device: "switching over: the guest is stopped",
  "wait-unplug": "waits for a device of the guest to be unplugged",
  cancelling: "being cancelled",
  cancelled: "cancelled; the guest goes on at the source",
  completed: "completed on this side",
  failing: "failing, and cleaning up",
  failed: "failed",
  "postcopy-active": "postcopy: the guest runs at the destination and fetches its memory from the source",
  "postcopy-device": "postcopy: the device states are being loaded",
  "postcopy-paused": "postcopy paused: the guest's state is on both hosts, and both must stay as they are",
  "postcopy-recover-setup": "postcopy: a new channel is being made",
  "postcopy-recover": "postcopy: going on over a new channel",
  colo: "COLO: both sides run in step",
};

export function phaseWords({ status, direction }: Pick<MigrationView, "status" | "direction">): string | undefined {
  if (direction === "incoming" && status === "setup") return "waits for a source to connect";
  return PHASE_WORD[status];
}

const CHANNEL_WORD: Record<MigrationChannel, string> = {
  tcp: "over TCP",
  unix: "over a unix socket",
  vsock: "over vsock",
  exec: "through a command",
  file: "into a file",
  fd: "over a passed descriptor",
  rdma: "over RDMA",
};

export function channelWords(channel: MigrationChannel): string {
  return CHANNEL_WORD[channel];
}
