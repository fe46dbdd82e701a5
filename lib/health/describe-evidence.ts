import { assertNever } from "../assert-never.ts";
import type { EvidenceLine } from "../vm/report.ts";
import { READING_VALID_FOR_MS } from "./reduce-health.ts";
import type { HealthThresholds, IoStall, LaneClock, Picture, ProcessState, RunningPicture } from "./reduce-health.ts";
import type { UnreachableReason } from "./verdict.ts";

const UNREACHABLE_TEXT: Record<UnreachableReason, string> = {
  refused: "nobody listens on the monitor's socket",
  "no-such-socket": "the monitor's socket does not exist",
  "not-permitted": "the bridge's user may not open the monitor's socket",
  "not-qmp": "what answers there does not speak QMP",
  "no-greeting": "connected, and no greeting came",
  "process-gone": "the connection ended without SHUTDOWN, and the process is gone",
  lost: "the connection ended, and the process is still there or cannot be looked up",
  "time-out": "connecting took too long",
  "not-ours": "the socket belongs to another tool, and takeOver is not set",
};

/** The readings behind a verdict, in words for people and with codes for programs. */
export function describeEvidence(picture: Picture, thresholds: HealthThresholds): EvidenceLine[] {
  switch (picture.connection) {
    case "not-asked":
      return [{ code: "not-asked", text: "not asked yet" }];
    case "failed":
      return [{ code: picture.reason, text: UNREACHABLE_TEXT[picture.reason] }];
    case "busy":
      return [
        {
          code: "other-client",
          text: "connected, not greeted in 2 s, and another client is connected to this monitor",
        },
      ];
    case "ungreeted":
      return [
        {
          code: "not-greeted",
          text: `connected, not greeted for ${seconds(picture.openAgeMs)}, and no other client was seen on this socket`,
        },
        ...describeProcess(picture.process),
      ];
    case "negotiating":
      return [
        {
          code: "negotiation-unanswered",
          text: `greeted, and qmp_capabilities unanswered for ${seconds(picture.openAgeMs)}: connected after the main loop had stopped`,
        },
        ...(picture.offersOob ? [] : [{ code: "no-oob", text: "the greeting offers no out-of-band lane" }]),
        ...describeProcess(picture.process),
      ];
    case "running":
      return describeRunning(picture, thresholds);
    default:
      return assertNever(picture);
  }
}

function describeRunning(picture: RunningPicture, thresholds: HealthThresholds): EvidenceLine[] {
  const lines = [describeLane("in-band", picture.inBand, picture.inBandCommand ?? "query-status", thresholds.slowAfterMs)];
  lines.push(
    picture.outOfBand
      ? describeLane("out-of-band", picture.outOfBand, "query-yank", thresholds.slowAfterMs)
      : { code: "no-oob", text: "no out-of-band lane: this monitor does not offer it" },
  );
  lines.push(...describeProcess(picture.process));
  const stalledAgeMs = picture.migration?.stalledAgeMs;
  if (picture.migration && stalledAgeMs !== undefined && stalledAgeMs >= thresholds.slowAfterMs) {
    const { status, transferredBytes: bytes } = picture.migration;
    const how = status === "setup" ? "it is still connecting, and " : "";
    lines.push({
      code: "migration-still",
      text: `migration ${status}: ${how}no byte moved for ${seconds(stalledAgeMs)}${bytes === undefined ? "" : ` (${bytes} bytes transferred)`}`,
    });
  }
  for (const stall of picture.io ?? []) if (stall.stillAgeMs >= thresholds.slowAfterMs) lines.push(describeStall(stall));
  lines.push(...describeRunState(picture, thresholds));
  return lines;
}

function describeStall({ device, outstandingCount, stillAgeMs, isShared }: IoStall): EvidenceLine {
  if (outstandingCount === undefined) {
    const text = `disk ${device}: nothing completed for ${seconds(stillAgeMs)}, and its connection is owed an answer`;
    return { code: "io-still", text };
  }
  const requests = outstandingCount === 1 ? "1 request" : `${outstandingCount} requests`;
  const whose = isShared ? `controller of ${device} and others` : `disk ${device}`;
  return { code: "io-still", text: `${whose}: ${requests} outstanding, none completed for ${seconds(stillAgeMs)}` };
}

/** As of now only while in-band answers; an event after the last reading is told as that, and made no run state of. */
function describeRunState(picture: RunningPicture, thresholds: HealthThresholds): EvidenceLine[] {
  const lines: EvidenceLine[] = [];
  const { runState, runStateAgeMs, cpuEvent } = picture;
  if (runState !== undefined) {
    const isOverdue = (picture.inBand.openAgeMs ?? 0) >= thresholds.slowAfterMs;
    const isOld = isOverdue || (runStateAgeMs ?? 0) >= (thresholds.readingValidForMs ?? READING_VALID_FOR_MS);
    const age = runStateAgeMs === undefined ? "" : ` ${seconds(runStateAgeMs)} ago`;
    lines.push({ code: "run-state", text: isOld ? `run state was ${runState}${age}` : `run state ${runState}` });
  }
  if (cpuEvent) {
    // QEMU sends RESUME right before the CPUs go on, so that they did is not in it. QEMU system/cpus.c, vm_prepare_start
    const meaning = cpuEvent.name === "STOP" ? "the guest's CPUs are stopped" : "QEMU was resuming the guest's CPUs";
    lines.push({
      code: cpuEvent.name === "STOP" ? "stop-seen" : "resume-seen",
      text: `${cpuEvent.name} seen ${seconds(cpuEvent.ageMs)} ago: ${meaning}`,
    });
  }
  return lines;
}

function describeLane(name: "in-band" | "out-of-band", lane: LaneClock, command: string, overdueAfterMs: number): EvidenceLine {
  if (lane.openAgeMs !== undefined && lane.openAgeMs >= overdueAfterMs) {
    return { code: `${name}-silent`, text: `${name} silent for ${seconds(lane.openAgeMs)}: ${command} unanswered` };
  }
  if (lane.lastRoundTripMs === undefined) return { code: `${name}-unasked`, text: `${name} not answered yet` };
  return { code: `${name}-answers`, text: `${name} answers in ${roundTrip(lane.lastRoundTripMs)}` };
}

function describeProcess(process: ProcessState): EvidenceLine[] {
  switch (process) {
    case "stopped":
      return [{ code: "process-stopped", text: "the process is stopped (state T)" }];
    case "uninterruptible":
      return [{ code: "process-uninterruptible", text: "the process waits inside the kernel (state D)" }];
    case "frozen":
      return [{ code: "process-frozen", text: "the process's cgroup, or one above it, is frozen" }];
    case "zombie":
      return [{ code: "process-zombie", text: "the process's main thread has exited, and the rest was not collected (state Z)" }];
    case "alive":
    case "unknown":
      return [];
    default:
      return assertNever(process);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function roundTrip(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : seconds(ms);
}
