import { QmpCommandError } from "#server/qmp/errors";
import type { IoReading } from "#lib/health/io-progress";
import { mayCountBlocks } from "../topology/block-stats.ts";
import { parseBlockStats } from "./parse-io.ts";
import type { CountedDisk } from "./parse-io.ts";
import type { AskInBand } from "./ports.ts";
import type { SessionOwner } from "./session-owner.ts";
import { findVirtqueues, readVirtqueues } from "./virtqueues.ts";
import type { VirtqueueMap } from "./virtqueues.ts";
import type { VmHost } from "./vm-host.ts";

const EVERY_MS = 5_000;
/** While work stands still, and right after a disk that was busy fell silent. */
const EVERY_WHEN_STILL_MS = 2_000;
const EVERY_WITHOUT_DISKS_MS = 60_000;
/** An answer grows by some two kilobytes per disk. */
const MANY_DISKS = 32;
const EVERY_WITH_MANY_MS = 30_000;
/** The virtqueues of idle disks: a request that was stuck from the start shows nowhere else. */
const QUEUES_OF_IDLE_EVERY_MS = 10_000;
const REMAP_EVERY_MS = 300_000;
const REMAP_WITHOUT_COUNTERS_MS = 60_000;
const FELL_SILENT_WITHIN_MS = 10_000;

/**
 * When one VM's disks are looked at: what completed (`query-blockstats`) and what is in use (virtqueues). Nothing of it
 * does I/O, and nothing of it is asked of a VM that is not well or whose guest does not run. Owned by the session, and
 * without a timer; what it reads is kept in `known.io`.
 */
export class IoSampler {
  readonly #ask: AskInBand;
  readonly #owner: SessionOwner;
  readonly #host: VmHost;
  #nextMonoMs: number;
  #queuesMonoMs = -Infinity;
  #isReading = false;
  #isInterrupted = true;
  #map: { monoMs: number; qdevs: string; queues: VirtqueueMap | undefined; mayCount: boolean } | undefined;
  #hasNoCounters = false;
  #hasNoQueues = false;

  constructor(ask: AskInBand, owner: SessionOwner, host: VmHost) {
    this.#ask = ask;
    this.#owner = owner;
    this.#host = host;
    // Spread, so that the sessions that a start brings at once do not ask at once ever after.
    this.#nextMonoMs = host.clock.nowMonoMs() + (0.2 + host.random()) * EVERY_MS;
  }

  /** QEMU was silent so long that whatever stood still then may have moved since. */
  interrupt(nowMonoMs: number): void {
    this.#owner.known.ioIfAny?.take({ type: "interrupted", atMonoMs: nowMonoMs });
    this.#nextMonoMs = Math.min(this.#nextMonoMs, nowMonoMs);
  }

  /** Called with the slot free: starts a reading that is due and may be sent. */
  maybeRead(nowMonoMs: number): void {
    if (nowMonoMs < this.#nextMonoMs || this.#isReading) return;
    const { known } = this.#owner;
    if (this.#hasNoCounters && this.#hasNoQueues) return;
    if (known.runState?.value !== "running") {
      // Its requests were drained when it stopped; what waits after it goes on begins to wait then.
      if (!this.#isInterrupted) this.interrupt(nowMonoMs);
      this.#isInterrupted = true;
      return;
    }
    if (!known.isIdentified || !this.#owner.mayRead("without-storage")) return;
    void this.#read(nowMonoMs);
  }

  async #read(startedMonoMs: number): Promise<void> {
    this.#isReading = true;
    this.#nextMonoMs = startedMonoMs + EVERY_MS * (0.9 + 0.2 * this.#host.random());
    const { known } = this.#owner;
    try {
      if (this.#isInterrupted) known.ioIfAny?.take({ type: "interrupted", atMonoMs: startedMonoMs });
      this.#isInterrupted = false;
      const mayCount = this.#map?.mayCount ?? (await this.#mayCount());
      const disks = mayCount && !this.#hasNoCounters ? await this.#count() : undefined;
      const map = await this.#mapQueues(disks, mayCount, startedMonoMs);
      if (!disks) {
        const counts = (map?.devices ?? []).map((device) => ({ device }));
        if (counts.length > 0) this.#take({ type: "counted", atMonoMs: this.#host.clock.nowMonoMs(), disks: counts });
      }
      if (map && map.owners.length > 0 && this.#areQueuesDue(startedMonoMs)) {
        this.#queuesMonoMs = startedMonoMs;
        await readVirtqueues(this.#ask, map, (queues) =>
          this.#take({ type: "queues-read", atMonoMs: this.#host.clock.nowMonoMs(), queues }),
        );
      }
      this.#schedule(startedMonoMs, disks?.length ?? map?.devices.length ?? 0);
    } catch {
      // In-band turned slow or the connection ended, which is told by its own clock.
    } finally {
      this.#isReading = false;
    }
  }

  /** What may not be counted is told by its virtqueues, which take no lock. */
  #mayCount(): Promise<boolean> {
    return mayCountBlocks((command) => this.#tryAsk(command), this.#owner.known.version);
  }

  async #count(): Promise<CountedDisk[] | undefined> {
    const answer = await this.#tryAsk("query-blockstats");
    if (answer === undefined) {
      this.#hasNoCounters = true;
      return undefined;
    }
    const disks = parseBlockStats(answer);
    if (disks.length > 0 || this.#owner.known.ioIfAny) {
      this.#take({ type: "counted", atMonoMs: this.#host.clock.nowMonoMs(), disks: disks.map(({ qdev: _qdev, ...disk }) => disk) });
    }
    return disks;
  }

  async #mapQueues(disks: CountedDisk[] | undefined, mayCount: boolean, nowMonoMs: number): Promise<VirtqueueMap | undefined> {
    const qdevs = disks?.map(({ qdev }) => qdev).join("\n") ?? "";
    const former = this.#map;
    const keepForMs = mayCount ? REMAP_EVERY_MS : REMAP_WITHOUT_COUNTERS_MS;
    const isCurrent = former !== undefined && former.qdevs === qdevs && nowMonoMs - former.monoMs < keepForMs;
    if (isCurrent) return former.queues;
    const { known, settings } = this.#owner;
    // Not by the schema of this build: another VM may have answered for it, and an older QEMU refuses in one round trip.
    const mayLook = settings.mayReadVirtqueues && !this.#hasNoQueues && (disks === undefined || disks.length > 0);
    const queues = mayLook ? await findVirtqueues(this.#ask, disks) : undefined;
    if (mayLook && queues === undefined) this.#hasNoQueues = true;
    // Threads may have come or gone with the disks.
    this.#map = { monoMs: nowMonoMs, qdevs, queues, mayCount: former === undefined ? mayCount : await this.#mayCount() };
    if (known.ioIfAny || queues) {
      known.io.own(queues?.ownerOf ?? new Map());
      known.io.whyNoQueues = settings.mayReadVirtqueues
        ? this.#hasNoQueues
          ? "this QEMU has no command that reads virtqueues"
          : undefined
        : "the config forbids reading virtqueues";
    }
    return queues;
  }

  #areQueuesDue(nowMonoMs: number): boolean {
    if (nowMonoMs - this.#queuesMonoMs >= QUEUES_OF_IDLE_EVERY_MS) return true;
    const { io } = this.#owner.known;
    return io.hasSuspect || io.hasMoved(nowMonoMs, FELL_SILENT_WITHIN_MS);
  }

  #schedule(startedMonoMs: number, diskCount: number): void {
    const io = this.#owner.known.ioIfAny;
    if (!io || diskCount === 0) {
      this.#nextMonoMs = startedMonoMs + EVERY_WITHOUT_DISKS_MS * (0.9 + 0.2 * this.#host.random());
    } else if (io.hasSuspect || io.hasFallenSilent(startedMonoMs, FELL_SILENT_WITHIN_MS)) {
      this.#nextMonoMs = startedMonoMs + EVERY_WHEN_STILL_MS * 0.95;
    } else if (diskCount > MANY_DISKS) this.#nextMonoMs = startedMonoMs + EVERY_WITH_MANY_MS;
  }

  #take(reading: IoReading): void {
    const { io } = this.#owner.known;
    const wasHeld = io.held.length > 0;
    const isNews = io.take(reading);
    if (wasHeld || io.held.length > 0) this.#owner.look();
    if (isNews) this.#owner.onChanged();
  }

  /** Undefined where QEMU refused. */
  async #tryAsk(command: string): Promise<unknown> {
    try {
      return await this.#ask(command);
    } catch (error) {
      if (error instanceof QmpCommandError) return undefined;
      throw error;
    }
  }
}
