import type { ColoView, DiskView, InstanceView, ProcessView, SocketView } from "#lib/api/vm";
import type { Suspicion } from "#lib/diagnosis/suspicion";
import type { DiskReport } from "#lib/vm/disk";
import type { InstanceReport } from "#lib/vm/instance";
import { instanceKey } from "#lib/vm/instance";
import type { ProcessReport } from "#lib/vm/process";
import type { ColoReport } from "#lib/vm/report";
import type { SocketReport } from "#lib/vm/socket";

/** From the ages of a bridge's report to Unix ms on the hub's clock; `receivedAtMs` is when the report arrived. Pure. */
export function viewInstance(report: InstanceReport, suspicions: ReadonlyMap<string, Suspicion>, receivedAtMs: number): InstanceView {
  const { clues = [], waitLeftMs, sockets, ...rest } = report;
  return {
    ...rest,
    clues: clues.map(({ ageMs, ...clue }) => ({ ...clue, atMs: at(receivedAtMs, ageMs) })),
    suspicion: suspicions.get(instanceKey(report.instance)) ?? { score: "cannot-tell", reasons: ["nothing was measured"] },
    ...(waitLeftMs === undefined ? {} : { waitEndsAtMs: Math.round(receivedAtMs + waitLeftMs) }),
    ...(sockets === undefined ? {} : { sockets: sockets.map((socket) => viewSocket(socket, receivedAtMs)) }),
  };
}

export function viewProcess({ ageMs, ...process }: ProcessReport, receivedAtMs: number): ProcessView {
  return { ...process, atMs: at(receivedAtMs, ageMs) };
}

export function viewColo({ ageMs, ...colo }: ColoReport, receivedAtMs: number): ColoView {
  return { ...colo, atMs: at(receivedAtMs, ageMs) };
}

export function viewDisk({ ageMs, stillAgeMs, outstandingStillAgeMs, ...disk }: DiskReport, receivedAtMs: number): DiskView {
  return {
    ...disk,
    atMs: at(receivedAtMs, ageMs),
    ...(stillAgeMs === undefined ? {} : { stillSinceAtMs: at(receivedAtMs, stillAgeMs) }),
    ...(outstandingStillAgeMs === undefined ? {} : { outstandingSinceAtMs: at(receivedAtMs, outstandingStillAgeMs) }),
  };
}

function viewSocket({ lastSentAgeMs, lastReceivedAgeMs, stillAgeMs, ...socket }: SocketReport, receivedAtMs: number): SocketView {
  return {
    ...socket,
    ...(lastSentAgeMs === undefined ? {} : { lastSentAtMs: at(receivedAtMs, lastSentAgeMs) }),
    ...(lastReceivedAgeMs === undefined ? {} : { lastReceivedAtMs: at(receivedAtMs, lastReceivedAgeMs) }),
    ...(stillAgeMs === undefined ? {} : { stillSinceAtMs: at(receivedAtMs, stillAgeMs) }),
  };
}

function at(receivedAtMs: number, ageMs: number): number {
  return Math.round(receivedAtMs - ageMs);
}
