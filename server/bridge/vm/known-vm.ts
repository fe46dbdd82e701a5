import { clockBucket } from "#lib/health/lane";
import type { ClockBucket } from "#lib/health/lane";
import { isKnownYankInstance, yankInstanceSchema } from "#lib/qapi/yank";
import type { QemuVersion } from "#lib/qapi/greeting";
import type { RunState } from "#lib/qapi/run-state";
import type { YankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { Incarnation, Launcher, MigrationReport } from "#lib/vm/report";
import { HostReadings } from "../evidence/host-readings.ts";
import type { Topology } from "../topology/topology.ts";
import { ColoWatch } from "./colo-watch.ts";
import { EventWindow } from "./event-window.ts";
import { IoReadings } from "./io-readings.ts";
import { MigrationWatch } from "./migration-watch.ts";
import { isRecord, plainData } from "./plain-data.ts";

const MAX_INSTANCES = 512;
const MAX_INSTANCE_BYTES = 2_048;

/** Everything known of one incarnation. A fresh process at the same address gets a fresh one of these. */
export class KnownVm {
  /** Undefined until it was looked up. */
  incarnation: Incarnation | undefined;
  startTimeTicks: string | undefined;
  name: string | undefined;
  uuid: string | undefined;
  version: QemuVersion | undefined;
  hasOob: boolean | undefined;
  commandLine: string[] | undefined;
  runState: { value: RunState; monoMs: number } | undefined;
  /** As QEMU sent them, in its order. */
  instances: YankInstance[] = [];
  instancesMonoMs: number | undefined;
  /** `query-yank` is not known to this QEMU (before 6.0). */
  hasNoYank = false;
  topology: Topology | undefined;
  topologyMonoMs: number | undefined;
  isTopologyStale = true;
  isIdentified = false;
  /** A SHUTDOWN event that no RESET or RESUME followed: when the connection ends now, it ended in good order. */
  isShuttingDown = false;
  /** When STOP came last without a RESUME after it. */
  stoppedMonoMs: number | undefined;
  /**
   * The newest STOP or RESUME since the run state was read last. Of this connection only: on another one, the event that
   * undid it may have been missed.
   */
  cpuEvent: { name: "STOP" | "RESUME"; monoMs: number } | undefined;
  launcher: Launcher = "plain";
  /** Its vCPUs' threads, where they were read at attach. */
  vcpuTids: readonly number[] = [];
  /** Chardev id → the vhost-user netdev that an event tied to it; nothing else tells of one that was added later. */
  netdevChardevs: ReadonlyMap<string, string> = new Map();
  readonly runningJobs = new Set<string>();
  #migration: MigrationWatch | undefined;
  #events: EventWindow | undefined;
  #colo: ColoWatch | undefined;
  #io: IoReadings | undefined;
  #host: HostReadings | undefined;
  readonly #startIdPrefix: string;
  #described: { instances: YankInstance[]; topology: Topology | undefined; isAnswering: boolean; reports: InstanceReport[] } | undefined;

  constructor(startIdPrefix: string) {
    this.#startIdPrefix = startIdPrefix;
  }

  /** Made when first needed: most VMs never migrate. */
  get migration(): MigrationWatch {
    return (this.#migration ??= new MigrationWatch(this.#startIdPrefix));
  }

  get migrationIfAny(): MigrationWatch | undefined {
    return this.#migration;
  }

  /** Made when COLO is first seen. */
  get colo(): ColoWatch {
    return (this.#colo ??= new ColoWatch());
  }

  get coloIfAny(): ColoWatch | undefined {
    return this.#colo;
  }

  /** Made when the first disk is seen. */
  get io(): IoReadings {
    return (this.#io ??= new IoReadings());
  }

  get ioIfAny(): IoReadings | undefined {
    return this.#io;
  }

  get events(): EventWindow {
    return (this.#events ??= new EventWindow());
  }

  get eventsIfAny(): EventWindow | undefined {
    return this.#events;
  }

  /** What its host tells without QMP; made when somebody first looks. */
  get host(): HostReadings {
    return (this.#host ??= new HostReadings());
  }

  get hostIfAny(): HostReadings | undefined {
    return this.#host;
  }

  /** Nobody looks any more. */
  forgetHost(): void {
    this.#host = undefined;
  }

  get hasMigrationInstance(): boolean {
    return this.instances.some((instance) => instance.type === "migration");
  }

  /** The same process answers on another connection: what was read of it still holds. */
  inherit(former: KnownVm): void {
    this.incarnation = former.incarnation;
    this.startTimeTicks = former.startTimeTicks;
    this.name ??= former.name;
    this.uuid ??= former.uuid;
    this.version ??= former.version;
    this.hasOob ??= former.hasOob;
    this.commandLine ??= former.commandLine;
    this.runState ??= former.runState;
    if (this.instancesMonoMs === undefined) {
      this.instances = former.instances;
      this.instancesMonoMs = former.instancesMonoMs;
    }
    this.topology ??= former.topology;
    this.topologyMonoMs ??= former.topologyMonoMs;
    this.isShuttingDown ||= former.isShuttingDown;
    this.stoppedMonoMs ??= former.stoppedMonoMs;
    this.launcher = former.launcher;
    if (this.vcpuTids.length === 0) this.vcpuTids = former.vcpuTids;
    this.netdevChardevs = former.netdevChardevs;
    this.#migration = former.#migration ?? this.#migration;
    this.#colo = former.#colo ?? this.#colo;
    this.#io = former.#io ?? this.#io;
    this.#events = former.#events ?? this.#events;
    this.#host = former.#host ?? this.#host;
    for (const job of former.runningJobs) this.runningJobs.add(job);
  }

  /** The migration as QEMU and the host's kernel show it; undefined where there never was one. */
  reportMigration(nowMonoMs: number): MigrationReport | undefined {
    const host = this.#host;
    return this.#migration?.report(nowMonoMs, {
      movedAgeMs: host?.movedAgeMs("migration", nowMonoMs),
      channel: host?.migrationChannel,
    });
  }

  /** Takes `query-yank`'s answer. @returns whether the list is another one now. */
  takeInstances(value: unknown, nowMonoMs: number): boolean {
    this.instancesMonoMs = nowMonoMs;
    if (!Array.isArray(value) || isSameList(value, this.instances)) return false;
    this.instances = parseInstances(value);
    if (this.netdevChardevs.size > 0) this.netdevChardevs = stillListed(this.netdevChardevs, this.instances);
    return true;
  }

  /** The instances with what is known of them; made again only when something it depends on changed. */
  describe(isAnswering: boolean, make: () => InstanceReport[]): InstanceReport[] {
    // What may be done about a migration depends on the age of its newest sample, so it is never kept.
    if (this.hasMigrationInstance) return make();
    const kept = this.#described;
    if (kept && kept.instances === this.instances && kept.topology === this.topology && kept.isAnswering === isAnswering) {
      return kept.reports;
    }
    const reports = make();
    this.#described = { instances: this.instances, topology: this.topology, isAnswering, reports };
    return reports;
  }

  forgetDescriptions(): void {
    this.#described = undefined;
  }
}

/** A chardev that went takes what was known of it along: another may come with its id. */
function stillListed(chardevs: ReadonlyMap<string, string>, instances: readonly YankInstance[]): ReadonlyMap<string, string> {
  return new Map([...chardevs].filter(([id]) => instances.some((instance) => instance.type === "chardev" && instance["id"] === id)));
}

/** What is well-formed of an answer to `query-yank`; the rest, and what is too long, is left out. */
export function parseInstances(value: unknown): YankInstance[] {
  if (!Array.isArray(value)) return [];
  const instances: YankInstance[] = [];
  for (const element of value.slice(0, MAX_INSTANCES)) {
    const checked = yankInstanceSchema.safeParse(plainData(element, MAX_INSTANCE_BYTES));
    if (checked.success) instances.push(checked.data);
  }
  return instances;
}

/** Cheap, because it runs for every answer: compares members, parses nothing. An unknown type counts as changed once. */
function isSameList(answer: unknown[], known: YankInstance[]): boolean {
  if (answer.length !== known.length) return false;
  for (let index = 0; index < answer.length; index++) {
    const theirs = answer[index];
    const ours = known[index];
    if (!ours || !isRecord(theirs) || theirs["type"] !== ours.type) return false;
    if (!isKnownYankInstance(ours)) {
      if (JSON.stringify(plainData(theirs, MAX_INSTANCE_BYTES)) !== JSON.stringify(ours)) return false;
    } else if (
      ours.type === "block-node" ? theirs["node-name"] !== ours["node-name"] : ours.type === "chardev" && theirs["id"] !== ours.id
    ) {
      return false;
    }
  }
  return true;
}

/** The published step of a lane's clock. It moves only when two answers in a row agree, so that one late read is no news. */
export class BucketFilter {
  shown: ClockBucket | undefined;
  #candidate: ClockBucket | undefined;

  /** @returns whether the published step changed. */
  take(roundTripMs: number): boolean {
    const bucket = clockBucket(roundTripMs);
    if (bucket === this.shown) {
      this.#candidate = undefined;
      return false;
    }
    if (this.shown !== undefined && bucket !== this.#candidate) {
      this.#candidate = bucket;
      return false;
    }
    this.shown = bucket;
    this.#candidate = undefined;
    return true;
  }
}
