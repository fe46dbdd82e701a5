import { isTerminalMigration } from "#lib/qapi/migration";
import type { MigrationReading } from "#lib/health/reduce-health";
import type { MigrationStatus } from "#lib/qapi/migration";
import type { RunState } from "#lib/qapi/run-state";
import { MIGRATION_CHANNELS } from "#lib/vm/report";
import type { MigrationChannel, MigrationReport } from "#lib/vm/report";
import { clipText, isRecord } from "./plain-data.ts";

/**
 * A guest that writes to the same memory again and again dirties in one pass just what the pass before sent, less the
 * headers of its pages: then the two rates are all but equal, and the migration never ends.
 */
const NOT_CONVERGING_SHARE = 0.9;
const MAX_TEXT = 512;
/** Nothing is expected to move in these: they wait for a person, for a device, or run for ever. */
const RESTING: ReadonlySet<string> = new Set(["pre-switchover", "wait-unplug", "colo"]);
/** Here the connection is gone or being made again, on both sides: nothing can move whatever is counted. */
const CUT: ReadonlySet<string> = new Set(["postcopy-paused", "postcopy-recover-setup"]);
/** Every counter of bytes that QEMU has, of all channels and phases. @see QEMU qapi/migration.json, MigrationRAMStats */
const BYTE_COUNTERS = ["transferred", "multifd-bytes", "precopy-bytes", "downtime-bytes", "postcopy-bytes"] as const;
const OUTGOING_WITHOUT_RAM: ReadonlySet<string> = new Set(["setup", "cancelling", "cancelled", "wait-unplug", "failing"]);
const SWITCHOVER: ReadonlySet<string> = new Set(["device", "pre-switchover", "postcopy-device"]);

interface Sample {
  monoMs: number;
  status: MigrationStatus;
  totalTimeMs: number | undefined;
}

interface Numbers {
  transferredBytes?: number;
  remainingBytes?: number;
  totalBytes?: number;
  bytesPerSecond?: number;
  dirtyBytesPerSecond?: number;
}

/**
 * What `query-migrate` says over time, of one incarnation: which migration it is, whether its bytes move, and whether it
 * can ever end. Numbers are kept where QEMU leaves them out (setup, failed).
 * @see QEMU qapi/migration.json, MigrationInfo
 */
export class MigrationWatch {
  /** Grows with everything that is worth publishing. */
  version = 0;
  readonly #idPrefix: string;
  #ordinal = 0;
  #last: Sample | undefined;
  #direction: MigrationReport["direction"] = "unknown";
  #numbers: Numbers = {};
  #movedMonoMs = 0;
  #bytesSeen = -1;
  #startedMonoMs = 0;
  #uri: string | undefined;
  #errorDesc: string | undefined;
  #isNotConverging = false;

  /** @param idPrefix makes `startId` differ from one bridge start to the next. */
  constructor(idPrefix: string) {
    this.#idPrefix = idPrefix;
  }

  /** Whether a migration is under way as far as the last sample shows. */
  get isUnderWay(): boolean {
    return this.#last !== undefined && !isTerminalMigration(this.#last.status);
  }

  get isSwitchover(): boolean {
    return this.#last !== undefined && SWITCHOVER.has(this.#last.status);
  }

  get status(): MigrationStatus | undefined {
    return this.#last?.status;
  }

  /** Takes one answer to `query-migrate`: the VM's own words, unchecked. */
  take(value: unknown, runState: RunState | undefined, nowMonoMs: number): void {
    if (!isRecord(value)) return;
    const status = typeof value["status"] === "string" ? clipText(value["status"], 64) : "none";
    const totalTimeMs = numberOf(value["total-time"]);
    if (status === "none" && this.#last === undefined) {
      // Nothing was ever migrated: not worth a report.
      return;
    }
    if (this.#isAnother(status, totalTimeMs)) this.#begin(nowMonoMs);
    if (totalTimeMs !== undefined && !isTerminalMigration(status)) this.#startedMonoMs = nowMonoMs - totalTimeMs;
    const hasStatusChanged = status !== this.#last?.status;
    this.#last = { monoMs: nowMonoMs, status, totalTimeMs };
    this.#direction = this.#directionOf(value, runState);
    this.#takeNumbers(value, nowMonoMs);
    if (hasStatusChanged) this.#movedMonoMs = nowMonoMs;
    this.#uri = describeAddress(value["socket-address"]) ?? this.#uri;
    this.#errorDesc = typeof value["error-desc"] === "string" ? clipText(value["error-desc"], MAX_TEXT) : undefined;
    this.version++;
  }

  /** Time during which the bridge was not looking does not count as standing still. */
  forgiveStall(stalledMs: number): void {
    this.#movedMonoMs += stalledMs;
  }

  /** @param movedAgeMs how long ago bytes moved on its connection, where the host's kernel tells. */
  reading(nowMonoMs: number, movedAgeMs?: number): MigrationReading | undefined {
    if (this.#last === undefined) return undefined;
    return {
      status: this.#last.status,
      stalledAgeMs: this.#stalledAgeMs(nowMonoMs, movedAgeMs),
      transferredBytes: this.#numbers.transferredBytes,
    };
  }

  report(nowMonoMs: number, host: { movedAgeMs?: number; channel?: MigrationChannel } = {}): MigrationReport | undefined {
    if (this.#last === undefined) return undefined;
    const stalledAgeMs = this.#stalledAgeMs(nowMonoMs, host.movedAgeMs);
    const channel = channelOf(this.#uri) ?? host.channel;
    // A connection is looked at now; QEMU's counters were at the newest sample.
    const sinceSampleMs = this.#direction === "outgoing" && host.movedAgeMs === undefined ? nowMonoMs - this.#last.monoMs : 0;
    return {
      direction: this.#direction,
      status: this.#last.status,
      startId: `${this.#idPrefix}-${this.#ordinal}`,
      ...this.#numbers,
      ...(this.#isNotConverging ? { isNotConverging: true } : {}),
      ...(this.#errorDesc === undefined ? {} : { errorDesc: this.#errorDesc }),
      ...(this.#uri === undefined ? {} : { uri: this.#uri }),
      ...(channel === undefined ? {} : { channel }),
      startedAgeMs: nowMonoMs - this.#startedMonoMs,
      // Two samples a second apart with the same number prove nothing yet.
      ...(stalledAgeMs !== undefined && stalledAgeMs >= 2_000 ? { stalledAgeMs: stalledAgeMs + sinceSampleMs } : {}),
      sampleAgeMs: nowMonoMs - this.#last.monoMs,
    };
  }

  /** `migration` has no identity of its own: another one shows by its status or by a clock that starts again. */
  #isAnother(status: MigrationStatus, totalTimeMs: number | undefined): boolean {
    if (this.#last === undefined) return true;
    if (isTerminalMigration(this.#last.status)) return !isTerminalMigration(status);
    return totalTimeMs !== undefined && this.#last.totalTimeMs !== undefined && totalTimeMs < this.#last.totalTimeMs;
  }

  #begin(nowMonoMs: number): void {
    this.#ordinal++;
    this.#numbers = {};
    this.#movedMonoMs = nowMonoMs;
    this.#startedMonoMs = nowMonoMs;
    this.#bytesSeen = -1;
    this.#direction = "unknown";
    this.#uri = undefined;
    this.#isNotConverging = false;
  }

  #directionOf(value: Record<string, unknown>, runState: RunState | undefined): MigrationReport["direction"] {
    if (this.#direction !== "unknown") return this.#direction;
    if (runState === "inmigrate" || Array.isArray(value["socket-address"])) return "incoming";
    // Only a source counts its RAM. Where nobody does, these are a source's: a destination is in `inmigrate` in them.
    if (isRecord(value["ram"])) return "outgoing";
    return runState !== undefined && OUTGOING_WITHOUT_RAM.has(String(value["status"])) ? "outgoing" : "unknown";
  }

  #takeNumbers(value: Record<string, unknown>, nowMonoMs: number): void {
    const { ram, vfio } = value;
    if (!isRecord(ram)) return;
    const transferredBytes = numberOf(ram["transferred"]);
    let bytesSeen = isRecord(vfio) ? (numberOf(vfio["transferred"]) ?? 0) : 0;
    for (const counter of BYTE_COUNTERS) bytesSeen += numberOf(ram[counter]) ?? 0;
    if (bytesSeen !== this.#bytesSeen) this.#movedMonoMs = nowMonoMs;
    this.#bytesSeen = bytesSeen;
    const mbps = numberOf(ram["mbps"]);
    const pageBytes = numberOf(ram["page-size"]) ?? 4_096;
    const dirtyPages = numberOf(ram["dirty-pages-rate"]);
    const bytesPerSecond = mbps === undefined ? undefined : Math.round((mbps * 1_000_000) / 8);
    const dirtyBytesPerSecond = dirtyPages === undefined ? undefined : dirtyPages * pageBytes;
    this.#numbers = {
      transferredBytes,
      remainingBytes: numberOf(ram["remaining"]),
      totalBytes: numberOf(ram["total"]),
      bytesPerSecond,
      dirtyBytesPerSecond,
    };
    const isMoving = this.#movedMonoMs === nowMonoMs;
    this.#isNotConverging =
      this.#last?.status === "active" &&
      isMoving &&
      dirtyBytesPerSecond !== undefined &&
      bytesPerSecond !== undefined &&
      dirtyBytesPerSecond > 0 &&
      dirtyBytesPerSecond >= NOT_CONVERGING_SHARE * bytesPerSecond;
  }

  /**
   * Measured between samples, so that a pause in sampling never looks like a pause of the migration. A destination counts no
   * bytes: there its connection tells, or nothing does.
   */
  #stalledAgeMs(nowMonoMs: number, movedAgeMs: number | undefined): number | undefined {
    const last = this.#last;
    if (last === undefined || isTerminalMigration(last.status) || RESTING.has(last.status)) return undefined;
    const ageMs = last.monoMs - this.#movedMonoMs;
    if (CUT.has(last.status)) return ageMs > 0 ? ageMs : undefined;
    if (this.#direction !== "outgoing") {
      // One that listens waits for its source.
      const isStill = movedAgeMs !== undefined && last.status !== "setup";
      return isStill ? Math.min(movedAgeMs, nowMonoMs - this.#movedMonoMs) : undefined;
    }
    // What QEMU has handed over may still be on its way: a connection whose bytes move is no stalled one.
    const stillMs = Math.min(ageMs, movedAgeMs ?? Infinity);
    return stillMs > 0 ? stillMs : undefined;
  }
}

/** As its uri says. */
function channelOf(uri: string | undefined): MigrationChannel | undefined {
  const scheme = uri?.slice(0, uri.indexOf(":"));
  return MIGRATION_CHANNELS.find((channel) => channel === scheme);
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** @see QEMU qapi/sockets.json, SocketAddress */
function describeAddress(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (!isRecord(first)) return undefined;
  const { type, path, host, port } = first;
  if (type === "unix" && typeof path === "string") return clipText(`unix:${path}`, MAX_TEXT);
  if (type === "inet" && typeof host === "string" && typeof port === "string") return clipText(`tcp:${host}:${port}`, MAX_TEXT);
  return undefined;
}
