import { instanceName } from "../vm/instance.ts";
import type { InstanceReport, Serves } from "../vm/instance.ts";
import { hasNothingToCut } from "./nothing-to-cut.ts";
import type { Effect } from "./plan.ts";

/** What cutting a socket chardev does, and whether it comes back. @see facts sheet 1.2 */
export function chardevEffect(report: InstanceReport): Effect {
  const id = instanceName(report.instance);
  const what = chardevWords(report.serves);
  if (!hasNothingToCut(report)) return connectedEffect(report, id, what);
  switch (report.connection) {
    case "listening":
      return nothing(`Nothing happens: nobody is connected to ${what} ${id}; it goes on listening.`);
    case "reconnecting":
      return nothing(`Nothing happens: ${what} ${id} is between two attempts to connect.`);
    default:
      return nothing(`Nothing happens: ${what} ${id} is not connected.`);
  }
}

function nothing(sentence: string): Effect {
  return { sentence, details: [], reversibility: "nothing" };
}

function connectedEffect(report: InstanceReport, id: string, what: string): Effect {
  const { serves } = report;
  const cost = [...chardevCost(serves), ...muxDetails(id)];
  if (serves.kind === "tpm") {
    return {
      sentence: `The guest loses its TPM: ${id} is cut off from the emulator.`,
      details: ["QEMU does not reconnect a TPM emulator: the way back is a new QEMU."],
      reversibility: "one-way",
    };
  }
  const subject = serves.kind === "vhost-user" ? `The guest loses its ${vhostWords(serves)}: ${id}` : `${sentenceCase(what)} ${id}`;
  if (report.isServer) {
    return {
      sentence:
        serves.kind === "vhost-user"
          ? `${subject} drops its backend, and listens until one connects again.`
          : `${subject} drops its client and listens again.`,
      details: [...cost, "It is back as soon as a client connects."],
      reversibility: "comes-back",
    };
  }
  if (report.reconnectMs !== undefined && report.reconnectMs > 0) {
    return {
      sentence: `${subject} drops its connection and connects again after ${seconds(report.reconnectMs)}.`,
      details: [...cost, "Where the far side still does not read, the hang comes back with the connection."],
      reversibility: "comes-back",
    };
  }
  if (report.isServer === undefined && report.reconnectMs === undefined) {
    return { sentence: `${subject} drops its connection; whether it comes back is not known.`, details: cost, reversibility: "unknown" };
  }
  return {
    sentence: `${subject} drops its connection and stays down.`,
    details: [...cost, "It comes back with chardev-change or by plugging the device again."],
    reversibility: "stays-down",
  };
}

function chardevWords({ kind }: Serves): string {
  switch (kind) {
    case "serial-console":
      return "serial console";
    case "debug-console":
      return "debug console";
    case "guest-agent":
      return "guest agent channel";
    case "vhost-user":
      return "vhost-user backend";
    case "virtio-port":
      return "virtio port";
    case "netdev":
      return "network backend";
    case "rng":
      return "entropy source";
    case "filter":
      return "network filter";
    case "tpm":
      return "TPM";
    default:
      return "chardev";
  }
}

function vhostWords({ deviceType = "", owner }: Serves): string {
  const named = owner === undefined ? "" : ` ${owner}`;
  if (deviceType.includes("blk") || deviceType.includes("scsi")) return `disk${named}`;
  if (deviceType.includes("net")) return `network card${named}`;
  if (deviceType.includes("fs")) return `shared folder${named}`;
  return `vhost-user device${named}`;
}

/** What the guest goes without until the connection is back. */
function chardevCost({ kind, owner: ownerName }: Serves): string[] {
  const owner = ownerName ? ` (${ownerName})` : "";
  switch (kind) {
    case "serial-console":
    case "debug-console":
      return ["Output that was not read yet is lost; the guest itself goes on."];
    case "guest-agent":
      return ["The guest agent cannot be reached until then: no consistent backups, no clean shutdown through it."];
    case "vhost-user":
      return [`The guest's device${owner} does not work until its backend is back.`];
    case "netdev":
      return [`Network traffic through it${owner} is lost until then.`];
    case "filter":
      return [`Network traffic through it${owner} is lost until then; a COLO pair then compares nothing.`];
    case "rng":
      return ["The guest gets no entropy from it until then."];
    case "virtio-port":
    case "other-device":
      return [`What the guest uses it for${owner} does not work until then.`];
    default:
      return [];
  }
}

/** With `mux=on` the instance is named after the chardev with `-base` behind it. @see facts sheet 1.2 */
function muxDetails(id: string): string[] {
  return id.endsWith("-base") ? ["It carries a mux: everything that shares it is cut with it."] : [];
}

function sentenceCase(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
