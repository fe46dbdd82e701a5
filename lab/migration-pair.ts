import { join } from "node:path";
import { isTerminalMigration } from "#lib/qapi/migration";
import type { Closers } from "./closers.ts";
import { MIGRATING_MEMORY_MIB, ensureRandomMemory } from "./images.ts";
import { type Lab, removeFolder } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { findFreePort } from "./nbd-disk.ts";
import { SlowRelay } from "./slow-relay.ts";
import { requireSocketPath } from "./socket-path.ts";
import { type VmShape } from "./vm-arguments.ts";
import { LabVm } from "./vm.ts";
import { staysOpen, waitFor } from "./wait-for.ts";

/** qapi/migration.json: the largest value that `downtime-limit` takes. */
const MAX_DOWNTIME_LIMIT_MS = 2_000_000;
const DEFAULT_DOWNTIME_LIMIT_MS = 300;
const FROZEN_AFTER_MS = 600;
const SWITCHOVER_TIMEOUT_MS = 5_000;

export interface MigrationPairOptions {
  sourceName: string;
  destinationName: string;
  /** Whether the destination's monitor lies in the watched folder too; default false, as on another host. */
  isDestinationWatched?: boolean;
  /** Puts a network between the two that can be slow and stand still: `relay`, and TCP on the source's side. */
  withRelay?: boolean;
  /** Default a unix socket, whose kernel counts no bytes: over it a destination's stall cannot be seen. */
  overTcp?: boolean;
}

/** As good as no relay, for a transfer that the source itself holds back. */
const RELAY_BYTES_PER_SECOND = 50_000_000;

/**
 * Two QEMUs between which a guest with 200 MB of random memory can be migrated again and again (recipe 3). The
 * destination of one attempt is never used for the next: each gets a fresh process behind the same sockets.
 */
export class MigrationPair {
  readonly source: LabVm;
  readonly destination: LabVm;
  readonly #uri: string;
  readonly #relay: SlowRelay | undefined;

  private constructor(source: LabVm, destination: LabVm, uri: string, relay: SlowRelay | undefined) {
    this.source = source;
    this.destination = destination;
    this.#uri = uri;
    this.#relay = relay;
  }

  static async start(lab: Lab, closers: Closers, options: MigrationPairOptions): Promise<MigrationPair> {
    const folder = closers.add(await lab.makeFolder(`${options.sourceName}-link`), removeFolder);
    const path = requireSocketPath(join(folder, "migration.sock"));
    const uri = options.overTcp === true ? `tcp:127.0.0.1:${await findFreePort()}` : `unix:${path}`;
    const relay =
      options.withRelay === true
        ? await SlowRelay.start(closers, { target: () => ({ path }), bytesPerSecond: RELAY_BYTES_PER_SECOND })
        : undefined;
    const guest: Omit<VmShape, "name"> = { memoryMib: MIGRATING_MEMORY_MIB, memoryFile: await ensureRandomMemory(lab.directory) };
    const [source, destination] = await Promise.all([
      startVm(lab, closers, { ...guest, name: options.sourceName }, true),
      startVm(lab, closers, { ...guest, name: options.destinationName, incoming: uri }, options.isDestinationWatched ?? false),
    ]);
    return new MigrationPair(source, destination, relay === undefined ? uri : `tcp:127.0.0.1:${relay.port}`, relay);
  }

  /** @throws LabError when there is none. */
  get relay(): SlowRelay {
    if (this.#relay === undefined) throw new LabError("This pair was started without a relay");
    return this.#relay;
  }

  /**
   * Starts a migration that crawls, and resolves once bytes move. Whatever was under way between the two is ended.
   * @param maxBandwidthBytes per second.
   */
  async begin(maxBandwidthBytes: number): Promise<void> {
    await this.end();
    if (!this.source.isRunning || (await this.source.runState()) === "postmigrate") await this.source.restart();
    await this.destination.restart();
    this.#relay?.setBytesPerSecond(RELAY_BYTES_PER_SECOND);
    const { raw } = this.source;
    await raw.execute("migrate-set-parameters", { "max-bandwidth": maxBandwidthBytes, "downtime-limit": DEFAULT_DOWNTIME_LIMIT_MS });
    await raw.execute("migrate", { uri: this.#uri });
    await waitFor(`the migration of ${this.source.name} to move`, async () => {
      const { status, transferredBytes } = await this.progress();
      if (isTerminalMigration(status)) throw new LabError(`The migration of ${this.source.name} ended at once: ${status}`);
      return status === "active" && transferredBytes > 0 ? true : undefined;
    });
  }

  /**
   * Recipe 3b: freezes the destination and then lets the source switch over, which sends the rest with the big lock
   * held. In this order there is no race: at this bandwidth the socket takes seconds to fill, and the last pass has no
   * limit and fills it at once.
   */
  async blockSwitchover(): Promise<void> {
    const { raw } = this.source;
    await this.destination.process.freeze();
    const stopped = raw.nextEvent("STOP", SWITCHOVER_TIMEOUT_MS);
    await Promise.all([stopped, raw.execute("migrate-set-parameters", { "downtime-limit": MAX_DOWNTIME_LIMIT_MS })]);
    await this.source.waitUntilHung();
  }

  /**
   * Lets the source switch over through a network that passes this much: the last pass holds the big lock for as long as
   * it takes, and its bytes move. Resolves once in-band is silent. Needs the relay.
   */
  async crawlThroughSwitchover(bytesPerSecond: number): Promise<void> {
    const { raw } = this.source;
    this.relay.setBytesPerSecond(bytesPerSecond);
    const stopped = raw.nextEvent("STOP", SWITCHOVER_TIMEOUT_MS);
    await Promise.all([stopped, raw.execute("migrate-set-parameters", { "downtime-limit": MAX_DOWNTIME_LIMIT_MS })]);
    await this.source.waitUntilHung();
  }

  /** Recipe 3a: freezes the destination and resolves once the source's counter stands still. */
  async stall(): Promise<void> {
    await this.destination.process.freeze();
    await waitFor(`the migration of ${this.source.name} to stall`, async () => ((await this.isStalled()) ? true : undefined));
  }

  /** Whether a migration is under way and no byte moves, by two looks. Needs the source's main loop alive. */
  async isStalled(): Promise<boolean> {
    const before = await this.progress();
    if (isTerminalMigration(before.status)) return false;
    await staysOpen(new Promise(() => {}), FROZEN_AFTER_MS);
    const after = await this.progress();
    return after.status === before.status && after.transferredBytes === before.transferredBytes;
  }

  async progress(): Promise<{ status: string; transferredBytes: number }> {
    const answer = (await this.source.raw.execute("query-migrate")) as { status?: string; ram?: { transferred?: number } };
    return { status: answer.status ?? "none", transferredBytes: answer.ram?.transferred ?? 0 };
  }

  /** Ends what is under way by ending the destination: the source fails its migration, even out of a blocked main loop. */
  async end(): Promise<void> {
    await this.destination.process.stop(0);
    if (!this.source.isRunning) return;
    this.source.process.thaw();
    await this.source.waitUntilAnswering();
    await waitFor(`the migration of ${this.source.name} to end`, async () =>
      isTerminalMigration((await this.progress()).status) ? true : undefined,
    );
  }
}

async function startVm(lab: Lab, closers: Closers, shape: VmShape, isWatched: boolean): Promise<LabVm> {
  return closers.add(await LabVm.start(lab, { ...shape, isWatched }), (vm) => vm.close());
}
