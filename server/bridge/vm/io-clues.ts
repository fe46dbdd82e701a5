import { assertNever } from "#lib/assert-never";
import type { Clue, ClueCode } from "#lib/diagnosis/clue";
import { isTrouble } from "#lib/health/verdict";
import { isKnownYankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { ClueContext } from "../evidence/clue-sources.ts";
import { ageText, byteText } from "../evidence/measure-text.ts";
import { diskName } from "./parse-io.ts";
import { isRecord } from "./plain-data.ts";
import { isMigrationMoving, isSwitchover } from "./switchover.ts";

/** Counters that stood still for less than this may be between two requests. */
const FROZEN_AFTER_MS = 3_000;
/** An event this long before the trouble is told beside it; that it caused it is nobody's claim. */
const EVENT_BEFORE_MS = 5_000;
const STALLED_AFTER_MS = 2_000;
const STOP_BEFORE_MS = 2_000;

/** What counters, virtqueues, events and the migration itself say of one instance. Pure. */
export function ioClues(report: InstanceReport, context: ClueContext): readonly Clue[] {
  const { instance } = report;
  if (!isKnownYankInstance(instance) || report.isMonitor === true) return [];
  const troubleMonoMs = troubleSince(context);
  switch (instance.type) {
    case "block-node":
      return [
        ...diskClues(report, context, troubleMonoMs),
        ...drainClues(context),
        ...eventClues(report, context, troubleMonoMs, isAboutNode(report, instance["node-name"])),
      ];
    case "chardev":
      return eventClues(
        report,
        context,
        troubleMonoMs,
        ({ name, data }) => name === "VSERPORT_CHANGE" && data["id"] === report.serves.owner,
      );
    case "migration":
      return migrationClues(context);
    default:
      return assertNever(instance);
  }
}

function troubleSince({ health, inBandOpenAgeMs, thresholds, nowMonoMs }: ClueContext): number | undefined {
  if (inBandOpenAgeMs !== undefined && inBandOpenAgeMs >= thresholds.slowAfterMs) return nowMonoMs - inBandOpenAgeMs;
  return isTrouble(health.verdict.kind) ? health.sinceMonoMs : undefined;
}

function diskClues({ serves }: InstanceReport, { known, nowMonoMs }: ClueContext, troubleMonoMs: number | undefined): Clue[] {
  const io = known.ioIfAny;
  const device = serves.kind === "guest-disk" ? serves.owner : undefined;
  const disk = io?.state.disks.find((candidate) => candidate.device === device);
  if (!io || !disk || device === undefined) return [];
  const clues: Clue[] = [];
  const add = (code: ClueCode, text: string, readMonoMs: number): void => void clues.push({ code, text, ageMs: nowMonoMs - readMonoMs });
  const sight = io.queueSight(device);
  if (!sight) add("not-measured", io.whyNoQueues ?? `${device} has no virtqueue that QEMU could be asked for`, disk.countedMonoMs);
  else if (sight.stillAgeMs !== undefined) {
    const requests = sight.outstandingCount === 1 ? "1 request" : `${sight.outstandingCount} requests`;
    add("work-outstanding", `${requests} of ${device} outstanding, none completed for ${ageText(sight.stillAgeMs)}`, sight.readMonoMs);
  } else if (sight.outstandingCount === 0) {
    add("no-work-outstanding", `no request of ${device} was outstanding when its virtqueue was read last`, sight.readMonoMs);
  } else
    add(
      "not-measured",
      `requests of ${device} were under way at the one reading there was: whether they complete is not known`,
      sight.readMonoMs,
    );
  const stillMs = disk.countedMonoMs - disk.stillSinceMonoMs;
  if (disk.movedMonoMs === undefined) return clues;
  if (
    troubleMonoMs !== undefined &&
    disk.movedMonoMs > troubleMonoMs &&
    disk.movedMonoMs === disk.stillSinceMonoMs &&
    stillMs < FROZEN_AFTER_MS
  ) {
    add("work-completes", `${device} completed requests after the trouble began`, disk.countedMonoMs);
  } else if (stillMs >= FROZEN_AFTER_MS) {
    add("counters-frozen", `the counters of ${device} moved before, and have stood still for ${ageText(stillMs)}`, disk.countedMonoMs);
  }
  return clues;
}

/** `stop` sends its event first and drains then. @see QEMU system/cpus.c, do_vm_stop */
function drainClues({ known, inBandOpenAgeMs, thresholds, nowMonoMs }: ClueContext): Clue[] {
  const { cpuEvent } = known;
  if (inBandOpenAgeMs === undefined || inBandOpenAgeMs < thresholds.slowAfterMs || cpuEvent?.name !== "STOP") return [];
  const silentSinceMonoMs = nowMonoMs - inBandOpenAgeMs;
  if (cpuEvent.monoMs < silentSinceMonoMs - STOP_BEFORE_MS || isSwitchover(known, silentSinceMonoMs)) return [];
  const ageMs = nowMonoMs - cpuEvent.monoMs;
  return [
    { code: "stop-unanswered", text: `STOP came ${ageText(ageMs)} ago, and in-band is silent since: QEMU waits for its disks`, ageMs },
  ];
}

interface SeenEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

function isAboutNode({ serves }: InstanceReport, node: string): (event: SeenEvent) => boolean {
  const nodes = new Set([node, ...(serves.through ?? [])]);
  return ({ name, data }) => {
    switch (name) {
      case "BLOCK_IO_ERROR": {
        const { "node-name": nodeName, "qom-path": path, device } = data;
        if (typeof nodeName === "string" && nodes.has(nodeName)) return true;
        return serves.owner !== undefined && ((typeof path === "string" && diskName(path) === serves.owner) || device === serves.owner);
      }
      case "BLOCK_JOB_READY":
      case "BLOCK_JOB_ERROR":
        return serves.owner !== undefined && data["device"] === serves.owner;
      case "JOB_STATUS_CHANGE":
        return serves.owner !== undefined && data["id"] === serves.owner;
      default:
        return false;
    }
  };
}

function eventClues(
  report: InstanceReport,
  { known, nowMonoMs }: ClueContext,
  troubleMonoMs: number | undefined,
  isAbout: (event: SeenEvent) => boolean,
): Clue[] {
  if (troubleMonoMs === undefined) return [];
  const fromAgeMs = nowMonoMs - troubleMonoMs + EVENT_BEFORE_MS;
  const found = (known.eventsIfAny?.recent(nowMonoMs) ?? []).findLast(
    ({ name, data, ageMs }) => ageMs <= fromAgeMs && isAbout({ name, data: isRecord(data) ? data : {} }),
  );
  if (!found) return [];
  const beforeMs = found.ageMs - (nowMonoMs - troubleMonoMs);
  const when = beforeMs >= 0 ? `${ageText(beforeMs)} before the trouble began` : `${ageText(-beforeMs)} after the trouble began`;
  const times = found.count > 1 ? ` (${found.count} times)` : "";
  return [{ code: "recent-event", text: `${found.name}${times} of ${report.serves.owner ?? "it"} ${when}`, ageMs: found.ageMs }];
}

function migrationClues({ known, migration, inBandOpenAgeMs, thresholds, nowMonoMs }: ClueContext): Clue[] {
  const isSilent = inBandOpenAgeMs !== undefined && inBandOpenAgeMs >= thresholds.slowAfterMs;
  if (isSilent) {
    const isMoving = isMigrationMoving(known, nowMonoMs);
    if (!isSwitchover(known, nowMonoMs - inBandOpenAgeMs) || isMoving === true) return [];
    const bytes = isMoving === false ? "no byte of it moves" : "whether its bytes move cannot be read";
    return [{ code: "switchover", text: `in the last pass of a migration, which holds the big lock, and ${bytes}`, ageMs: 0 }];
  }
  if (migration?.stalledAgeMs === undefined || migration.stalledAgeMs < STALLED_AFTER_MS) return [];
  const bytes = migration.transferredBytes === undefined ? "" : ` (${byteText(migration.transferredBytes)} in all)`;
  const text = `status ${migration.status}, and no byte moved for ${ageText(migration.stalledAgeMs)}${bytes}`;
  return [{ code: "migration-still", text, ageMs: migration.sampleAgeMs }];
}
