import { instanceKey } from "#lib/vm/instance";
import type { InstanceReport } from "#lib/vm/instance";
import type { ProcessReport } from "#lib/vm/process";
import type { MigrationChannel } from "#lib/vm/report";
import type { HostProcess, HostUnread } from "../proc/host-reading.ts";
import { connectionSight } from "./connection-sight.ts";
import type { ConnectionSight } from "./connection-sight.ts";
import { matchSockets } from "./match-sockets.ts";
import type { Match, Matchable, Matching } from "./match-sockets.ts";
import { ProcessReadings } from "./process-readings.ts";
import { reportSocket, trackSocket } from "./socket-track.ts";
import type { SocketTrack } from "./socket-track.ts";

const MAX_SOCKETS_SHOWN = 16;
/** Bytes that moved before the newest reading may have moved after it; beyond this it tells nothing of now. */
const MOVED_IS_FRESH_MS = 3_000;
/** Longer than anybody takes for "still moving". */
const STILL_AFTER_MS = 5_000;

/** Why nothing was read: what the helper says, or that it could not even be asked. */
export type Unread = HostUnread | "no-process";

/** What a reading is matched with. */
export interface InstancesAtReading {
  readonly instances: readonly (Matchable & { readonly reconnectDelayMs: number | undefined })[];
  readonly isMigrating: boolean;
}

/** The connections of one instance over the readings, for those who make clues of them. */
export type InstanceSockets =
  | { readonly kind: "unread"; readonly why: Unread; readonly readMonoMs: number }
  | {
      readonly kind: "read";
      readonly readMonoMs: number;
      readonly match: Match | undefined;
      readonly tracks: readonly SocketTrack[];
      readonly hasEndpoint: boolean;
      /** Of a migration: connections that may be its own. */
      readonly candidates: readonly SocketTrack[];
      readonly sight: ConnectionSight;
    };

/**
 * What the host tells of one incarnation without QMP: its sockets, its threads. Made when somebody first looks, filled by
 * the host's sampler while somebody goes on looking, and empty again after that.
 */
export class HostReadings {
  readonly #process = new ProcessReadings();
  #tracks = new Map<string, SocketTrack>();
  #unread: Unread | undefined;
  #readMonoMs: number | undefined;
  #instances: InstancesAtReading = { instances: [], isMigrating: false };
  #matching: Matching | undefined;
  readonly #sights = new Map<string, ConnectionSight>();

  /** When the newest reading was taken, whatever it told; undefined before the first. */
  get readMonoMs(): number | undefined {
    return this.#readMonoMs;
  }

  /** When the threads were read last. */
  get threadsMonoMs(): number | undefined {
    return this.#process.threadsMonoMs;
  }

  /** What the main thread has started: the child of an `exec:` migration. */
  get children(): readonly { readonly pid: number; readonly name: string }[] {
    return this.#process.children;
  }

  /** Undefined where it was not read. */
  process(nowMonoMs: number): ProcessReport | undefined {
    return this.#process.report(nowMonoMs);
  }

  /** vCPUs that wait in a write to a chardev with the big lock held, by two readings in a row. */
  get vcpuInWrite(): { readonly name: string; readonly sinceMonoMs: number; readonly readMonoMs: number } | undefined {
    return this.#process.vcpuInWrite;
  }

  /** How the bytes of a migration travel, where the process shows it. */
  get migrationChannel(): MigrationChannel | undefined {
    if (!this.#instances.isMigrating) return undefined;
    const key = this.#instances.instances.find((each) => each.isMigration)?.key;
    const transport = key === undefined ? undefined : this.#matching?.byKey.get(key)?.sockets[0]?.transport;
    if (transport !== undefined) return transport;
    const hasCandidates = (this.#matching?.unexplained.length ?? 0) > 0;
    return this.#matching !== undefined && !hasCandidates && this.children.length > 0 ? "exec" : undefined;
  }

  /** A reading failed altogether. */
  takeNothing(why: Unread, atMonoMs: number): void {
    this.#unread = why;
    this.#readMonoMs = atMonoMs;
    this.#matching = undefined;
    this.#process.takeNothing(why, atMonoMs);
  }

  /** Takes what the helper read of this process. */
  take(reading: HostProcess, instances: InstancesAtReading, atMonoMs: number): void {
    this.#readMonoMs = atMonoMs;
    this.#process.take(reading, atMonoMs);
    this.#instances = instances;
    if (!("list" in reading.sockets)) {
      this.#unread = reading.sockets.unread;
      this.#matching = undefined;
      return;
    }
    this.#unread = undefined;
    const former = this.#tracks;
    this.#tracks = new Map(reading.sockets.list.map((socket) => [socket.inode, trackSocket(former.get(socket.inode), socket, atMonoMs)]));
    this.#matching = matchSockets(instances.instances, reading.sockets.list, instances.isMigrating);
    for (const each of instances.instances) {
      const match = this.#matching.byKey.get(each.key);
      const input = { ...each, match, tracks: this.#tracksOf(match) };
      this.#sights.set(each.key, connectionSight(this.#sights.get(each.key), input, atMonoMs));
    }
    const keys = new Set(instances.instances.map(({ key }) => key));
    for (const key of this.#sights.keys()) if (!keys.has(key)) this.#sights.delete(key);
  }

  /** What its connections show of this instance; undefined where nothing was read or nothing can be told. */
  sight(report: InstanceReport, nowMonoMs: number): Partial<InstanceReport> | undefined {
    const found = this.sockets(instanceKey(report.instance));
    if (found?.kind !== "read") return undefined;
    const { connection, how, waitUntilMonoMs } = found.sight;
    const sockets = found.tracks.slice(0, MAX_SOCKETS_SHOWN).map((track) => reportSocket(track, nowMonoMs));
    return {
      ...(connection === undefined ? {} : { connection }),
      ...(how === undefined ? {} : { connectionHow: how }),
      ...(waitUntilMonoMs === undefined ? {} : { waitLeftMs: Math.max(0, waitUntilMonoMs - nowMonoMs) }),
      ...(sockets.length === 0 ? {} : { sockets }),
    };
  }

  /** Undefined before the first reading, and of an instance that was not listed at the newest. */
  sockets(key: string): InstanceSockets | undefined {
    const readMonoMs = this.#readMonoMs;
    if (readMonoMs === undefined) return undefined;
    if (this.#unread !== undefined) return { kind: "unread", why: this.#unread, readMonoMs };
    const instance = this.#instances.instances.find((each) => each.key === key);
    const sight = this.#sights.get(key);
    if (!instance || !sight || !this.#matching) return undefined;
    const match = this.#matching.byKey.get(key);
    const candidates = instance.isMigration && !match?.sockets.length ? this.#tracksOf({ sockets: this.#matching.unexplained }) : [];
    return {
      kind: "read",
      readMonoMs,
      match,
      tracks: this.#tracksOf(match),
      hasEndpoint: instance.endpoint !== undefined,
      candidates,
      sight,
    };
  }

  /**
   * How long ago bytes moved on this instance's connection, either way and acknowledged by the far side. Where they were
   * seen moving between two readings it is exact to a reading's interval; else it is how long they have not moved at least,
   * and is told only from some seconds on, so that a short age always means bytes that move. Undefined where nothing can
   * tell (unix sockets, not measured, no connection, watched too shortly, or the newest reading is seconds old).
   */
  movedAgeMs(key: string, nowMonoMs: number): number | undefined {
    const found = this.sockets(key);
    if (found?.kind !== "read" || nowMonoMs - found.readMonoMs > MOVED_IS_FRESH_MS) return undefined;
    const moved = found.tracks.flatMap(({ movedMonoMs }) => movedMonoMs ?? []);
    if (moved.length > 0) return nowMonoMs - Math.max(...moved);
    const still = found.tracks.map(({ stillMonoMs }) => stillMonoMs ?? nowMonoMs);
    const stillMs = still.length === 0 ? 0 : nowMonoMs - Math.max(...still);
    return stillMs >= STILL_AFTER_MS ? stillMs : undefined;
  }

  /** Changes whenever something is shown that an operator should see at once; ages alone are no news. */
  get signature(): string {
    const sights = [...this.#sights].map(([key, { connection, how }]) => `${key}=${connection ?? ""}${how ?? ""}`);
    const tracks = [...this.#tracks.values()].map(({ socket, unsentStillMonoMs, farStillMonoMs }) => {
      const isStill = `${unsentStillMonoMs !== undefined}${farStillMonoMs !== undefined}`;
      return `${socket.inode}${socket.state}${isStill}`;
    });
    return [this.#unread ?? "", this.#process.signature, ...sights, ...tracks].join("|");
  }

  #tracksOf(match: Pick<Match, "sockets"> | undefined): SocketTrack[] {
    return (match?.sockets ?? []).flatMap((socket) => this.#tracks.get(socket.inode) ?? []);
  }
}
