import type { YankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport, VmId, VmReport } from "#lib/vm/report";
import { QmpStateError } from "#server/qmp/errors";
import type { ActObservation, ActVm } from "./ports.ts";
import type { RunningSession } from "./running-session.ts";
import type { SupervisedVm } from "./supervised-vm.ts";
import type { VmHost } from "./vm-host.ts";
import { describeContext } from "./vm-report.ts";

/** One VM as the yank desk sees it. */
export class ActVmAdapter implements ActVm {
  readonly vmId: VmId;
  readonly #vm: SupervisedVm;
  readonly #host: VmHost;

  constructor(vm: SupervisedVm, host: VmHost) {
    this.vmId = vm.vmId;
    this.#vm = vm;
    this.#host = host;
  }

  report(): VmReport {
    return this.#vm.report();
  }

  /** @throws QmpStateError `not-running` without a session, and as the client's `execute` */
  async requeryInstances(timeoutMs: number): Promise<YankInstance[]> {
    return this.#session("query-yank").requeryInstances(timeoutMs);
  }

  describe(instances: YankInstance[]): InstanceReport[] {
    const { known, settings, session } = this.#vm;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const isAnswering = session !== undefined && (session.inBandOpenAgeMs(nowMonoMs) ?? 0) < settings.thresholds.slowAfterMs;
    const context = describeContext(this.#vm, this.#host, isAnswering, known.migrationIfAny?.report(nowMonoMs));
    return this.#host.describeInstances(instances, known.topology, context);
  }

  async requeryMigration(timeoutMs: number): Promise<MigrationReport | undefined> {
    return this.#vm.session?.requeryMigration(timeoutMs);
  }

  /** @throws the qmp errors, each with its outcome */
  async send(
    lane: "oob" | "in-band",
    command: string,
    args: Record<string, unknown> | undefined,
    options: Parameters<ActVm["send"]>[3],
  ): Promise<{ replyAfterMs: number }> {
    return this.#session(command).send(lane, command, args, options);
  }

  observe(listener: (observation: ActObservation) => void): () => void {
    this.#vm.session?.watchClosely();
    return this.#vm.observe(listener);
  }

  recentEvents(): { name: string; data?: unknown; ageMs: number; count: number }[] {
    return this.#vm.known.eventsIfAny?.recent(this.#host.clock.nowMonoMs()) ?? [];
  }

  #session(command: string): RunningSession {
    const { session } = this.#vm;
    if (!session) throw new QmpStateError("not-running", `${command} was not sent: there is no session with ${this.#vm.name}`);
    return session;
  }
}
