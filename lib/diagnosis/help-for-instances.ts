import { isKnownYankInstance } from "../qapi/yank-instance.ts";
import { yankEffect } from "../yank/effects.ts";
import type { PlannableVm } from "../yank/plannable-vm.ts";
import { refuseVm } from "../yank/refusals.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import { servesWords } from "../vm/serves-words.ts";
import type { Help } from "./help.ts";
import type { SuspicionScore, Suspicion } from "./suspicion.ts";

/** Of a VM with many connections only the first few are worth an operator's time at once. */
const MAX_SUSPECTS = 8;
/** Nobody heals a server faster than this. */
const SOON_OVER_MS = 30_000;

/** What helps about the connections that may hold the VM: what loses nothing first, the yank last. */
export function helpForInstances(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const suspects = suspectsInOrder(report, suspicions);
  const softer = suspects.flatMap((instance) => softerHelps(instance));
  const vm: PlannableVm = { report, bridgeId: "", host: "", isLost: false };
  if (refuseVm(vm, "yank") !== undefined) return softer;
  const yanks = suspects.flatMap((instance) => yankHelps(instance, vm, suspicions));
  return [...softer, ...yanks];
}

const SUSPECT: readonly SuspicionScore[] = ["almost-certainly", "likely", "possible"];

function suspectsInOrder(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): InstanceReport[] {
  const of = (score: SuspicionScore) =>
    report.instances.filter(({ instance, isMonitor }) => isMonitor !== true && suspicions.get(instanceKey(instance))?.score === score);
  return SUSPECT.flatMap(of).slice(0, MAX_SUSPECTS);
}

function softerHelps(report: InstanceReport): Help[] {
  switch (report.instance.type) {
    case "block-node":
      return blockNodeHelps(report);
    case "chardev":
      return report.connection === "connected" || report.connection === "unknown" ? [healReader(report)] : [];
    case "migration":
      return healDestination(report);
    default:
      return [];
  }
}

function blockNodeHelps(report: InstanceReport): Help[] {
  const key = instanceKey(report.instance);
  const node = instanceName(report.instance);
  const far = report.farSide?.text ?? "its NBD server";
  switch (report.connection) {
    case "reconnecting": {
      const wait: Help = {
        code: "wait",
        text: `wait${waitWords(report)}: ${node} connects again, or its requests fail when its reconnect-delay is over`,
        key,
      };
      const heal: Help = { code: "heal-far-side", text: `bring ${far} back: ${node} then connects again by itself`, key };
      return (report.waitLeftMs ?? Infinity) <= SOON_OVER_MS ? [wait, heal] : [heal, wait];
    }
    case "connecting":
      return [
        {
          code: "heal-far-side",
          text: `let ${far} answer, or end it: ${node} is still being connected, which yank does not reach (the option open-timeout bounds it another time)`,
          key,
          ...serverCommands(report),
        },
      ];
    case "given-up":
    case "disconnected":
      return [
        { code: "as-the-reason-says", text: `replace ${node}: its connection to ${far} is gone and does not come back by itself`, key },
      ];
    case "connected":
    case "listening":
    case "unknown":
      return [
        {
          code: "heal-far-side",
          text: `bring ${far} back: what waits for ${node} then completes, and nothing is lost`,
          key,
          ...serverCommands(report),
        },
      ];
  }
}

function healReader(report: InstanceReport): Help {
  const id = instanceName(report.instance);
  const peer = report.sockets?.find((socket) => socket.peerProcess !== undefined)?.peerProcess;
  const who = peer === undefined ? `whoever is connected to ${id}` : `pid ${peer.pid} (${peer.name})`;
  return {
    code: "heal-far-side",
    text: `let ${who} read again, or end it: ${servesWords(report.serves)} on ${id} then goes on`,
    key: instanceKey(report.instance),
    ...serverCommands(report),
  };
}

/** Only where its other side is known to be on this host: elsewhere the operator knows no more than that it is far. */
function healDestination(report: InstanceReport): Help[] {
  const peer = report.sockets?.find((socket) => socket.peerProcess !== undefined)?.peerProcess;
  if (peer === undefined || report.connection !== "connected") return [];
  const text = `let the other end of the migration's connection, pid ${peer.pid} (${peer.name}), go on: the migration then does`;
  return [{ code: "heal-far-side", text, key: instanceKey(report.instance), ...serverCommands(report) }];
}

/** Where the far side's process is on this host, what it is doing. */
function serverCommands({ sockets = [] }: InstanceReport): Pick<Help, "commands"> {
  const pids = [...new Set(sockets.flatMap(({ peerProcess }) => (peerProcess === undefined ? [] : [peerProcess.pid])))];
  return pids.length === 0 ? {} : { commands: [`ps -o pid,stat,wchan:32,args -p ${pids.join(",")}`] };
}

/** An upper bound of the moment of the reading stays one. */
function waitWords({ waitLeftMs }: InstanceReport): string {
  return waitLeftMs === undefined ? "" : ` at most ${Math.ceil(waitLeftMs / 1_000)} s`;
}

function yankHelps(report: InstanceReport, vm: PlannableVm, suspicions: ReadonlyMap<string, Suspicion>): Help[] {
  const { instance } = report;
  if (report.yankable !== true || !isKnownYankInstance(instance)) return [];
  if (yankEffect(instance, report, vm).reversibility === "nothing") return [];
  const key = instanceKey(instance);
  const score = suspicions.get(key)?.score ?? "cannot-tell";
  const name = instanceName(report.instance);
  return [{ code: "yank", text: `yank ${name}, ${SCORE_WORDS[score]} what holds this VM`, key }];
}

const SCORE_WORDS: Record<SuspicionScore, string> = {
  "almost-certainly": "almost certainly",
  likely: "likely",
  possible: "possibly",
  "cannot-tell": "perhaps",
  "not-involved": "hardly",
};
