import type { IoStall, ProcessState, RunningPicture } from "#lib/health/reduce-health";
import type { KnownVm } from "./known-vm.ts";
import type { RunningSession } from "./running-session.ts";
import { socketStalls } from "./socket-stalls.ts";
import { isMigrationMoving, isSwitchover } from "./switchover.ts";

/** What a session's two lanes and everything known of its VM show at one moment. Pure. */
export function runningPicture(session: RunningSession, known: KnownVm, process: ProcessState, nowMonoMs: number): RunningPicture {
  const { client } = session;
  const { inBand, outOfBand } = client;
  const { cpuEvent } = known;
  return {
    connection: "running",
    inBand: {
      openAgeMs: session.inBandOpenAgeMs(nowMonoMs),
      lastRoundTripMs: inBand.lastRoundTripMs,
      lastReplyAgeMs: ageOf(inBand.lastReplyMonoMs, nowMonoMs),
    },
    inBandCommand: session.line.openCommand,
    outOfBand: client.hasOob
      ? {
          openAgeMs: session.outOfBandOpenAgeMs(nowMonoMs),
          lastRoundTripMs: outOfBand.lastRoundTripMs,
          lastReplyAgeMs: ageOf(outOfBand.lastReplyMonoMs, nowMonoMs),
        }
      : undefined,
    process,
    runState: known.runState?.value,
    runStateAgeMs: ageOf(known.runState?.monoMs, nowMonoMs),
    cpuEvent: cpuEvent && { name: cpuEvent.name, ageMs: nowMonoMs - cpuEvent.monoMs },
    migration: known.migrationIfAny?.reading(nowMonoMs, known.hostIfAny?.movedAgeMs("migration", nowMonoMs)),
    isSwitchoverMoving:
      inBand.openSinceMonoMs !== undefined && isSwitchover(known, inBand.openSinceMonoMs) && isMigrationMoving(known, nowMonoMs) === true,
    io: known.ioIfAny && known.runState?.value === "running" ? stalledDisks(known, nowMonoMs) : undefined,
  };
}

function stalledDisks(known: KnownVm, nowMonoMs: number): readonly IoStall[] | undefined {
  const stalls = known.ioIfAny?.stalls(known.topology, nowMonoMs);
  const bySockets = socketStalls(known, nowMonoMs);
  return bySockets.length === 0 ? stalls : [...(stalls ?? []), ...bySockets];
}

function ageOf(monoMs: number | undefined, nowMonoMs: number): number | undefined {
  return monoMs === undefined ? undefined : nowMonoMs - monoMs;
}
