import { assertNever } from "../assert-never.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { instanceName } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import { migrationYankEffect } from "./migration-effects.ts";
import { hasNothingToCut } from "./nothing-to-cut.ts";
import type { Effect } from "./plan.ts";
import type { PlannableVm } from "./plannable-vm.ts";

/**
 * What yanking one instance does and whether it comes back. Sentences end with a full stop and name what is cut.
 * @see facts sheet 1 (what can be yanked, and when it does nothing), 6.3 and 10
 */
export function yankEffect(instance: KnownYankInstance, report: InstanceReport, vm: PlannableVm): Effect {
  switch (instance.type) {
    case "block-node":
      return blockNodeEffect(report);
    case "chardev":
      return chardevEffect(report);
    case "migration":
      return migrationYankEffect(vm);
    default:
      return assertNever(instance);
  }
}

function blockNodeEffect(report: InstanceReport): Effect {
  const node = instanceName(report.instance);
  const far = report.farSide ? ` (${report.farSide.text})` : "";
  if (!hasNothingToCut(report)) return connectedBlockNodeEffect(report, node, far);
  const isBeingMade = report.connection === "connecting" || report.connection === "reconnecting";
  if (!isBeingMade) return nothing(`Nothing happens: ${node} has no connection to cut.`);
  return nothing(
    `Nothing happens: ${node} is ${report.connection}, and yank does not reach a connection that is still being made.`,
    "Its requests wait until the server answers or the delay is over.",
  );
}

function nothing(sentence: string, ...details: string[]): Effect {
  return { sentence, details, reversibility: "nothing" };
}

const NODE_IS_LOST = "The node does not reconnect, also when its server answers again: the way back is to replace the node, or a new QEMU.";

function connectedBlockNodeEffect(report: InstanceReport, node: string, far: string): Effect {
  const owner = report.serves.owner;
  switch (report.serves.kind) {
    case "guest-disk":
      return {
        sentence: `The guest loses its disk ${owner ?? "on this node"}: ${node}${far} answers every request with an I/O error from now on.`,
        details: [...diskDetails(report), NODE_IS_LOST],
        reversibility: "one-way",
      };
    case "job-target":
      return {
        sentence: `Job ${owner ?? "on this node"} loses its target: ${node}${far} fails, and the job ends or stops by its own error policy.`,
        details: ["The guest's own disk is not touched. The job has to be started again."],
        reversibility: "ends",
      };
    case "job-source":
      return {
        sentence: `Job ${owner ?? "on this node"} loses its source: ${node}${far} answers every request with an I/O error from now on.`,
        details: ["The job ends or stops by its own error policy.", NODE_IS_LOST],
        reversibility: "one-way",
      };
    case "nothing":
      return {
        sentence: `No device or job uses ${node}${far}; it answers every request with an I/O error from now on.`,
        details: [NODE_IS_LOST],
        reversibility: "one-way",
      };
    default:
      return {
        sentence: `${node}${far} answers every request with an I/O error from now on; what uses it is not known.`,
        details: ["It may be a disk of the guest: be ready to lose it.", NODE_IS_LOST],
        reversibility: "unknown",
      };
  }
}

function diskDetails({ serves }: InstanceReport): string[] {
  const details: string[] = [];
  if (serves.isReadOnly) details.push("The disk is read-only: no write is lost.");
  else details.push("Writes and flushes in flight fail.");
  const policy = serves.isReadOnly ? serves.rerror : serves.werror;
  const name = serves.isReadOnly ? "rerror" : "werror";
  switch (policy) {
    case "stop":
      details.push(
        `${name}=stop: the guest stops with io-error on its next request, and every continue stops it again until the node is replaced.`,
      );
      break;
    case "ignore":
      details.push(`${name}=ignore: the guest is not told of the errors and goes on without its data.`);
      break;
    case "report":
    case "enospc":
      details.push(`${name}=${policy}: the guest sees I/O errors and may remount the disk read-only.`);
      break;
    case undefined:
      details.push(`What the guest sees depends on the disk's ${name}, which is not known.`);
      break;
    default:
      assertNever(policy);
  }
  return details;
}

function chardevEffect(report: InstanceReport): Effect {
  const id = instanceName(report.instance);
  const what = chardevWords(report);
  if (!hasNothingToCut(report)) return connectedChardevEffect(report, id, what);
  switch (report.connection) {
    case "listening":
      return nothing(`Nothing happens: nobody is connected to ${what} ${id}; it goes on listening.`);
    case "reconnecting":
      return nothing(`Nothing happens: ${what} ${id} is between two attempts to connect.`);
    default:
      return nothing(`Nothing happens: ${what} ${id} is not connected.`);
  }
}

function connectedChardevEffect(report: InstanceReport, id: string, what: string): Effect {
  const cost = chardevCost(report);
  if (report.serves.kind === "tpm") {
    return {
      sentence: `The guest loses its TPM: ${id} is cut off from the emulator.`,
      details: ["QEMU does not reconnect a TPM emulator: the way back is a new QEMU."],
      reversibility: "one-way",
    };
  }
  if (report.isServer) {
    return {
      sentence: `${sentenceCase(what)} ${id} drops its client and listens again.`,
      details: [...cost, "It is back as soon as a client connects."],
      reversibility: "comes-back",
    };
  }
  if (report.reconnectMs !== undefined && report.reconnectMs > 0) {
    return {
      sentence: `${sentenceCase(what)} ${id} drops its connection and connects again after ${seconds(report.reconnectMs)}.`,
      details: [...cost, "Where the far side still does not read, the hang comes back with the connection."],
      reversibility: "comes-back",
    };
  }
  if (report.isServer === undefined && report.reconnectMs === undefined) {
    return {
      sentence: `${sentenceCase(what)} ${id} drops its connection; whether it comes back is not known.`,
      details: cost,
      reversibility: "unknown",
    };
  }
  return {
    sentence: `${sentenceCase(what)} ${id} drops its connection and stays down.`,
    details: [...cost, "It comes back with chardev-change or by plugging the device again."],
    reversibility: "stays-down",
  };
}

function chardevWords({ serves }: InstanceReport): string {
  switch (serves.kind) {
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

/** What the guest goes without until the connection is back. */
function chardevCost({ serves }: InstanceReport): string[] {
  const owner = serves.owner ? ` (${serves.owner})` : "";
  switch (serves.kind) {
    case "serial-console":
    case "debug-console":
      return ["Output that was not read yet is lost; the guest itself goes on."];
    case "guest-agent":
      return ["The guest agent cannot be reached until then: no consistent backups, no clean shutdown through it."];
    case "vhost-user":
      return [`The guest's device${owner} does not work until its backend is back.`];
    case "netdev":
    case "filter":
      return [`Network traffic through it${owner} is lost until then.`];
    case "rng":
      return ["The guest gets no entropy from it until then."];
    case "virtio-port":
    case "other-device":
      return [`What the guest uses it for${owner} does not work until then.`];
    default:
      return [];
  }
}

function sentenceCase(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
