import type { IoStall } from "#lib/health/reduce-health";
import type { SocketTrack } from "../evidence/socket-track.ts";
import type { KnownVm } from "./known-vm.ts";

/** Counters are read every five seconds while nothing is suspected. */
const COUNTED_WITHIN_MS = 12_000;
const SOCKETS_READ_WITHIN_MS = 4_000;
/** A clock tick of the kernel: ages closer than this are of the same moment. */
const SAME_MOMENT_MS = 10;
/** The kernel repeats what is not acknowledged well within this. */
const UNACKNOWLEDGED_MS = 3_000;
/** A process in one of these answers nobody: stopped, traced, dead. Not D, in which a server flushes. */
const OUT_STATES: ReadonlySet<string> = new Set(["T", "t", "Z", "X"]);

/**
 * Disks without a virtqueue that could be asked: one that was busy stands still, and the connection below it owes it an
 * answer. Counters alone prove nothing, and neither does a connection that others use too.
 */
export function socketStalls(known: KnownVm, nowMonoMs: number): IoStall[] {
  const { ioIfAny: io, hostIfAny: host, topology } = known;
  if (!io || !host || !topology) return [];
  const stalls: IoStall[] = [];
  for (const disk of io.state.disks) {
    if (disk.movedMonoMs === undefined || io.queueSight(disk.device) || nowMonoMs - disk.countedMonoMs > COUNTED_WITHIN_MS) continue;
    const stillMs = disk.countedMonoMs - disk.stillSinceMonoMs;
    if (stillMs <= 0) continue;
    const nodes: string[] = [];
    let owedMs = 0;
    for (const [node, reading] of topology.blockNodes) {
      if (reading.disk?.device !== disk.device || reading.jobs.length > 0) continue;
      const found = host.sockets(`block-node:${node}`);
      if (found?.kind !== "read" || nowMonoMs - found.readMonoMs > SOCKETS_READ_WITHIN_MS) continue;
      const [track] = found.tracks;
      if (!track || found.tracks.length > 1 || (found.match?.sharedBy ?? 1) > 1) continue;
      const nodeOwedMs = owedForMs(track);
      if (nodeOwedMs === 0) continue;
      nodes.push(node);
      owedMs = Math.max(owedMs, nodeOwedMs);
    }
    if (nodes.length > 0) {
      stalls.push({ device: disk.device, nodes, stillAgeMs: Math.min(stillMs, owedMs), outstandingCount: undefined, isShared: false });
    }
  }
  return stalls;
}

/** For how long this connection has been owed an answer, at least; 0 where it is not. */
export function owedForMs({ socket, readMonoMs, unsentStillMonoMs, farStillMonoMs }: SocketTrack): number {
  const { lastSentAgeMs: sentMs, lastReceivedAgeMs: receivedMs } = socket.tcp ?? {};
  const isUnanswered = sentMs !== undefined && receivedMs !== undefined && receivedMs - sentMs > SAME_MOMENT_MS && socket.unreadBytes === 0;
  return Math.max(
    unsentStillMonoMs === undefined ? 0 : readMonoMs - unsentStillMonoMs,
    farStillMonoMs === undefined ? 0 : readMonoMs - farStillMonoMs,
    isUnanswered ? sentMs : 0,
  );
}

/** Whether the far side is known not to answer: its process does not run, or its host acknowledges nothing. */
export function isFarSideOut({ socket: { far, tcp } }: Pick<SocketTrack, "socket">): boolean {
  if (far?.process !== undefined) return OUT_STATES.has(far.process.state);
  const { unackedSegments = 0, lastAckAgeMs = 0 } = tcp ?? {};
  return unackedSegments > 0 && lastAckAgeMs >= UNACKNOWLEDGED_MS;
}
