import { isTerminalMigration } from "#lib/qapi/migration";
import { instanceKey } from "#lib/vm/instance";
import type { QmpClock } from "#server/qmp/clock";
import type { HostAnswer, HostTarget } from "../proc/host-reading.ts";
import type { KnownVm } from "../vm/known-vm.ts";
import type { ProcReader } from "../vm/ports.ts";
import { endpointOf, reconnectDelayOf } from "./endpoints.ts";
import type { InstancesAtReading } from "./host-readings.ts";

/** Between the starts of two readings, whatever they are for. */
const EVERY_MS = 1_000;
/** Who is not asked for any more is let go after this: between two askings there is a probe interval. */
const WANTED_FOR_MS = 4_000;
/** So many processes' threads are read at once; the others' turn comes a second later. */
const THREADS_AT_ONCE = 40;

/** A VM at whose process somebody looks. */
export interface WatchedVm {
  readonly known: KnownVm;
  /** Its host was read; `isNews` where something shows that was not shown before. */
  onHostRead(isNews: boolean): void;
  /** It may be looked at by its process: a simulated VM lives in another program's. */
  readonly isSimulated: boolean;
}

/**
 * Reads, for all VMs of this host that somebody wants to know about, what their sockets and threads show: once a second at
 * most, by one run of `ss` for all, and not at all while nobody wants anything. Owned by the bridge's compose; `close`
 * ends it.
 */
export class HostWatch {
  readonly #proc: Pick<ProcReader, "readHost">;
  readonly #clock: QmpClock;
  readonly #wanted = new Map<WatchedVm, { untilMonoMs: number; known: KnownVm }>();
  #stopTimer: (() => void) | undefined;
  #startedMonoMs = -Infinity;
  #reading: Promise<void> | undefined;
  #isClosed = false;

  constructor(proc: Pick<ProcReader, "readHost">, clock: QmpClock) {
    this.#proc = proc;
    this.#clock = clock;
  }

  /** This VM is in trouble, or somebody looks at it: it is read for some seconds. Cheap; said again at every probe. */
  want(vm: WatchedVm): void {
    if (this.#isClosed) return;
    this.#wanted.set(vm, { untilMonoMs: this.#clock.nowMonoMs() + WANTED_FOR_MS, known: vm.known });
    this.#arm();
  }

  /** A reading that begins now, for an act. Resolves when it is there, or after `timeoutMs`; whether it is. */
  async freshen(vm: WatchedVm, timeoutMs: number): Promise<boolean> {
    if (this.#isClosed) return false;
    this.want(vm);
    const askedMonoMs = this.#clock.nowMonoMs();
    const isFresh = (): boolean => (vm.known.hostIfAny?.readMonoMs ?? -Infinity) >= askedMonoMs;
    let stop = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      stop = this.#clock.setTimer(resolve, timeoutMs);
    });
    // What is under way began before: it may have seen an earlier moment.
    await Promise.race([(this.#reading ?? Promise.resolve()).then(() => this.#read([vm])), late]);
    stop();
    return isFresh();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer?.();
    this.#wanted.clear();
  }

  #arm(): void {
    if (this.#stopTimer !== undefined || this.#isClosed || this.#wanted.size === 0) return;
    const delayMs = Math.max(0, this.#startedMonoMs + EVERY_MS - this.#clock.nowMonoMs());
    this.#stopTimer = this.#clock.setTimer(() => {
      this.#stopTimer = undefined;
      void this.#turn();
    }, delayMs);
  }

  async #turn(): Promise<void> {
    const nowMonoMs = this.#clock.nowMonoMs();
    for (const [vm, { untilMonoMs, known }] of this.#wanted) {
      if (nowMonoMs < untilMonoMs && vm.known === known) continue;
      this.#wanted.delete(vm);
      known.forgetHost();
      if (vm.known === known) vm.onHostRead(true);
    }
    this.#startedMonoMs = nowMonoMs;
    if (this.#reading === undefined && this.#wanted.size > 0) await this.#read([...this.#wanted.keys()]);
    this.#arm();
  }

  async #read(vms: readonly WatchedVm[]): Promise<void> {
    const reading = this.#readAll(vms).finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    await reading;
  }

  async #readAll(vms: readonly WatchedVm[]): Promise<void> {
    const asked = vms.map((vm) => ({ vm, known: vm.known, pid: vm.isSimulated ? undefined : vm.known.incarnation?.pid }));
    const withPid = asked.filter((each) => each.pid !== undefined);
    const targets = this.#targets(withPid);
    const answer = targets.length === 0 ? undefined : await this.#proc.readHost({ targets }).catch(() => undefined);
    if (this.#isClosed) return;
    const nowMonoMs = this.#clock.nowMonoMs();
    for (const { vm, known, pid } of asked) {
      // Another process answers there by now.
      if (vm.known !== known) continue;
      const before = known.hostIfAny?.signature;
      if (pid === undefined) known.host.takeNothing("no-process", nowMonoMs);
      else take(known, pid, answer, nowMonoMs);
      vm.onHostRead(known.host.signature !== before);
    }
  }

  #targets(asked: readonly { known: KnownVm; pid: number | undefined }[]): HostTarget[] {
    const lastRead = ({ known }: { known: KnownVm }): number => known.hostIfAny?.threadsMonoMs ?? -Infinity;
    const due = new Set(asked.toSorted((one, other) => lastRead(one) - lastRead(other)).slice(0, THREADS_AT_ONCE));
    return asked.flatMap((each) => {
      const { known, pid } = each;
      if (pid === undefined) return [];
      return [{ pid, startTimeTicks: known.startTimeTicks, withThreads: due.has(each), vcpuTids: known.vcpuTids }];
    });
  }
}

function take(known: KnownVm, pid: number, answer: HostAnswer | undefined, nowMonoMs: number): void {
  const reading = answer?.processes.find((each) => each.pid === pid);
  if (!answer || !reading) known.host.takeNothing("time-out", nowMonoMs);
  else known.host.take(reading, instancesNow(known, nowMonoMs), nowMonoMs);
}

function instancesNow(known: KnownVm, nowMonoMs: number): InstancesAtReading {
  const migration = known.reportMigration(nowMonoMs);
  const sources = {
    topology: known.topology,
    commandLine: known.commandLine,
    migrationUri: migration?.uri,
    isMigrationIncoming: migration?.direction === "incoming",
  };
  return {
    isMigrating: known.hasMigrationInstance && (migration === undefined || !isTerminalMigration(migration.status)),
    instances: known.instances.map((instance) => ({
      key: instanceKey(instance),
      endpoint: endpointOf(instance, sources),
      isMigration: instance.type === "migration",
      reconnectDelayMs: reconnectDelayOf(instance, sources),
    })),
  };
}
