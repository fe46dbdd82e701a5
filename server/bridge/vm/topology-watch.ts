import type { YankInstance } from "#lib/qapi/yank";
import { carryDetails, lacksDetails, readBlockDetails } from "../topology/block-details.ts";
import type { StorageProgress } from "../topology/block-details.ts";
import { refreshConnections } from "../topology/refresh-connections.ts";
import type { Topology } from "../topology/topology.ts";
import { hasUnclaimed } from "../topology/unclaimed.ts";
import type { KnownVm } from "./known-vm.ts";
import type { AskInBand } from "./ports.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { VmHost } from "./vm-host.ts";

const GAP_MS = 2_000;
const RETRY_MS = 5_000;
/** No event tells that somebody connected to a console, so it is asked, and sooner while an act is watched. */
const CONNECTIONS_EVERY_MS = 15_000;
const CONNECTIONS_WHEN_WATCHFUL_MS = 2_000;
/** After a changed list, while something on it has no user: no event tells of a device that is plugged in after its node. */
const SETTLING_MS = [5_000, 30_000] as const;
/** How often it is tried to learn sizes and file names, where storage was not seen at work. */
const DETAILS_EVERY_MS = 30_000;
/** Storage has to do work within this time to be believed alive. */
const DETAILS_WINDOW_MS = 2_000;
/** A look that is older proves nothing any more. */
const PROGRESS_HOLDS_MS = 2 * DETAILS_WINDOW_MS;

/**
 * When one VM's topology is read, and when only its connections are looked at again. It reads through `ask`, which takes
 * the in-band slot one command at a time; owned by the session, and without a timer.
 */
export class TopologyWatch {
  readonly #ask: AskInBand;
  readonly #owner: SessionOwner;
  readonly #host: VmHost;
  #notBeforeMonoMs = 0;
  #isReading = false;
  #connectionsMonoMs: number;
  #settlingReads = 0;
  #lookAgainMonoMs = Infinity;
  #detailsNotBeforeMonoMs = 0;
  #progress: { readonly monoMs: number; readonly value: StorageProgress } | undefined;
  /** The list that the newest whole reading was about. */
  #instancesRead: readonly YankInstance[] | undefined;
  #isClosed = false;

  constructor(ask: AskInBand, owner: SessionOwner, host: VmHost) {
    this.#ask = ask;
    this.#owner = owner;
    this.#host = host;
    // Spread, so that the sessions that a start brings at once do not ask at once ever after.
    this.#connectionsMonoMs = host.clock.nowMonoMs() - host.random() * CONNECTIONS_EVERY_MS;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Called with the slot free: starts whatever reading is due and may be sent. */
  maybeRead(nowMonoMs: number, isWatchful: boolean): void {
    const { known } = this.#owner;
    if (nowMonoMs >= this.#lookAgainMonoMs) known.isTopologyStale = true;
    if (!known.isTopologyStale) {
      if (!isWatchful && this.#maybeReadDetails(nowMonoMs)) return;
      this.#maybeRefreshConnections(nowMonoMs, isWatchful);
      return;
    }
    if (!known.isIdentified || this.#isReading || nowMonoMs < this.#notBeforeMonoMs) return;
    if (known.instancesMonoMs === undefined || !this.#owner.mayRead("topology")) return;
    const leave = this.#host.topologyGate.enter();
    if (!leave) return;
    void this.#read(known).finally(leave);
  }

  async #read(known: KnownVm): Promise<void> {
    this.#isReading = true;
    known.isTopologyStale = false;
    this.#lookAgainMonoMs = Infinity;
    try {
      if (known.version) await this.#host.schemas.readOnce(known.version, this.#ask);
      const { instances } = known;
      const topology = await this.#host.readTopology(this.#ask, {
        instances,
        monitorAddress: this.#owner.address,
        commandLine: known.commandLine,
        version: known.version,
        netdevChardevs: known.netdevChardevs,
      });
      // Nodes of an unchanged list are the same nodes; of a changed one a name may be another node's by now.
      const former = this.#instancesRead === instances ? known.topology : undefined;
      known.topology = carryDetails(topology, former);
      if (this.#instancesRead !== instances) this.#settlingReads = 0;
      this.#instancesRead = instances;
      known.topologyMonoMs = this.#host.clock.nowMonoMs();
      const settlingMs = SETTLING_MS[this.#settlingReads];
      if (settlingMs !== undefined && hasUnclaimed(topology, instances, known.commandLine)) {
        this.#settlingReads += 1;
        this.#lookAgainMonoMs = known.topologyMonoMs + settlingMs;
      }
      this.#notBeforeMonoMs = known.topologyMonoMs + GAP_MS;
      this.#owner.onChanged();
    } catch (error) {
      known.isTopologyStale = true;
      this.#notBeforeMonoMs = this.#host.clock.nowMonoMs() + RETRY_MS;
      this.#host.logger.debug({ err: error }, "a topology reading was cut short");
    } finally {
      this.#isReading = false;
    }
  }

  /** @returns whether it has begun. */
  #maybeReadDetails(nowMonoMs: number): boolean {
    const { known, settings } = this.#owner;
    if (this.#isReading || !settings.mayQueryBlock || nowMonoMs < this.#detailsNotBeforeMonoMs) return false;
    if (!known.topology || !lacksDetails(known.topology) || !this.#owner.mayRead("anything")) return false;
    const leave = this.#host.topologyGate.enter();
    if (!leave) return false;
    void this.#readDetails(known, known.topology).finally(leave);
    return true;
  }

  async #readDetails(known: KnownVm, before: Topology): Promise<void> {
    this.#isReading = true;
    const beganMonoMs = this.#host.clock.nowMonoMs();
    const former = this.#progress && beganMonoMs - this.#progress.monoMs <= PROGRESS_HOLDS_MS ? this.#progress.value : undefined;
    this.#progress = undefined;
    this.#detailsNotBeforeMonoMs = beganMonoMs + DETAILS_EVERY_MS;
    try {
      const step = await readBlockDetails(this.#ask, before, { commandLine: known.commandLine, version: known.version, former });
      if (this.#isClosed) return;
      if (step.kind === "look-again") {
        if (former) return;
        this.#progress = { monoMs: beganMonoMs, value: step.progress };
        this.#detailsNotBeforeMonoMs = beganMonoMs + DETAILS_WINDOW_MS;
      } else if (known.topology === before) {
        known.topology = step.topology;
        this.#owner.onChanged();
      }
    } catch (error) {
      this.#host.logger.debug({ err: error }, "sizes and file names were not read");
    } finally {
      this.#isReading = false;
    }
  }

  #maybeRefreshConnections(nowMonoMs: number, isWatchful: boolean): void {
    const { known } = this.#owner;
    const everyMs = isWatchful ? CONNECTIONS_WHEN_WATCHFUL_MS : CONNECTIONS_EVERY_MS;
    if (nowMonoMs - this.#connectionsMonoMs < everyMs || this.#isReading || !known.topology) return;
    this.#connectionsMonoMs = nowMonoMs;
    if (!hasConnections(known.topology) || !this.#owner.mayRead("topology")) return;
    void this.#refreshConnections(known, known.topology);
  }

  async #refreshConnections(known: KnownVm, before: Topology): Promise<void> {
    try {
      const refreshed = await refreshConnections(this.#ask, before);
      // A whole reading that came meanwhile knows better.
      if (refreshed === before || known.topology !== before || this.#isClosed) return;
      known.topology = refreshed;
      this.#owner.onChanged();
    } catch {
      // In-band turned slow, which is told by its own clock.
    }
  }
}

/** Whether anything but monitors hangs on this VM's chardevs. */
function hasConnections({ owners }: Topology): boolean {
  for (const owner of owners.values()) if (owner.kind !== "monitor") return true;
  return false;
}
