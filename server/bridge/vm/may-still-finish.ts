import { isKnownYankInstance } from "#lib/qapi/yank";
import type { Verdict } from "#lib/health/verdict";
import { instanceKey, instanceName } from "#lib/vm/instance";
import type { SocketTrack } from "../evidence/socket-track.ts";
import type { KnownVm } from "./known-vm.ts";
import { isFarSideOut, owedForMs } from "./socket-stalls.ts";
import { isMigrationMoving, isSwitchover } from "./switchover.ts";

const MOVES_WITHIN_MS = 3_000;
/** An answer that is awaited for less than this is on its way. */
const OWED_AFTER_MS = 1_000;
/** One that is awaited for longer than this is no slow flush any more: nothing says that it will come. */
const OWED_UNTIL_MS = 60_000;

/**
 * What is known to run, to be slow and to end by itself, in words; it explains a trouble without excusing it. Undefined
 * where nothing of the kind is known.
 */
export function mayStillFinish(known: KnownVm, verdict: Verdict, silentSinceMonoMs: number, nowMonoMs: number): string | undefined {
  switch (verdict.kind) {
    case "slow":
    case "main-loop-hung":
    case "silent":
      return slowWork(known, verdict, silentSinceMonoMs, nowMonoMs) ?? movingDisk(known, undefined, nowMonoMs) ?? waitingDisk(known);
    case "io-stalled":
      return movingDisk(known, verdict.nodes, nowMonoMs);
    default:
      return undefined;
  }
}

function slowWork(known: KnownVm, verdict: Verdict, silentSinceMonoMs: number, nowMonoMs: number): string | undefined {
  const runState = known.runState?.value;
  if (runState === "save-vm" || runState === "restore-vm") return `a snapshot is under way (run state ${runState})`;
  if (isSwitchover(known, silentSinceMonoMs)) {
    // One that has become a hang ends only where its bytes move, and that has to be read.
    const isMoving = isMigrationMoving(known, nowMonoMs) === true;
    if (!isMoving && verdict.kind !== "slow") return undefined;
    const status = known.migrationIfAny?.status ?? "not read";
    const moving = isMoving ? ", and its bytes move" : "";
    return `the switchover of a migration is under way (last status ${status}${moving}): it ends when its last bytes are through`;
  }
  const jobs = [...known.runningJobs].slice(0, 3);
  // A job does not end while a connection of this VM waits for a server that is out; whether it is the job's own is no matter.
  return jobs.length > 0 && !isWaitingForNobody(known) ? `block job ${jobs.join(", ")} is running` : undefined;
}

/** A server that has taken everything and has not answered may be at a slow flush. */
function movingDisk(known: KnownVm, nodes: readonly string[] | undefined, nowMonoMs: number): string | undefined {
  for (const instance of known.instances) {
    if (!isKnownYankInstance(instance) || instance.type !== "block-node") continue;
    const name = instanceName(instance);
    if (nodes !== undefined && !nodes.includes(name)) continue;
    const key = instanceKey(instance);
    const movedAgeMs = known.hostIfAny?.movedAgeMs(key, nowMonoMs);
    if (movedAgeMs !== undefined && movedAgeMs < MOVES_WITHIN_MS) return `bytes still move on the connection of ${name}`;
    // Of a hang nothing says that it waits for this node, so only what moves explains it.
    if (nodes !== undefined && hasTakenAll(known, key)) {
      return `the server of ${name} has taken all that was sent to it and has not answered yet, as in a slow flush`;
    }
  }
  return undefined;
}

/**
 * A main loop that waits for a server goes on when that answers. One whose connection is gone does not wait, and one whose
 * server is stopped, cannot be reached or has been silent for long waits for somebody to act.
 */
function waitingDisk(known: KnownVm): string | undefined {
  const waiting = blockNodeTracks(known).filter(({ track }) => track.socket.isShut !== true && owedForMs(track) >= OWED_AFTER_MS);
  if (waiting.some(({ track }) => isFarSideOut(track) || owedForMs(track) > OWED_UNTIL_MS)) return undefined;
  const [first] = waiting;
  return first && `the connection of ${first.name} stands and is owed an answer: QEMU goes on when its server does`;
}

function isWaitingForNobody(known: KnownVm): boolean {
  return blockNodeTracks(known).some(({ track }) => isFarSideOut(track) && owedForMs(track) >= OWED_AFTER_MS);
}

function blockNodeTracks(known: KnownVm): { name: string; track: SocketTrack }[] {
  return known.instances.flatMap((instance) => {
    if (!isKnownYankInstance(instance) || instance.type !== "block-node") return [];
    const found = known.hostIfAny?.sockets(instanceKey(instance));
    return found?.kind === "read" ? found.tracks.map((track) => ({ name: instanceName(instance), track })) : [];
  });
}

function hasTakenAll(known: KnownVm, key: string): boolean {
  const found = known.hostIfAny?.sockets(key);
  if (found?.kind !== "read" || found.tracks.length === 0) return false;
  return found.tracks.every((track) => {
    const { socket } = track;
    // An idle connection has taken all, too; only TCP tells whether an answer is owed.
    const isOwed = socket.tcp === undefined || owedForMs(track) > 0;
    return (
      isOwed &&
      !isFarSideOut(track) &&
      owedForMs(track) <= OWED_UNTIL_MS &&
      socket.unsentBytes === 0 &&
      socket.unreadBytes === 0 &&
      socket.far?.unreadBytes === 0
    );
  });
}
