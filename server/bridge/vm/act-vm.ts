import type { YankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport, VmId, VmReport } from "#lib/vm/report";
import { QmpStateError } from "#server/qmp/errors";
import type { QmpReply, QmpRequest } from "#server/qmp/client";
import { enrichInstances } from "../evidence/enrich-instances.ts";
import type { ActObservation, ActVm } from "./ports.ts";
import type { RunningSession } from "./running-session.ts";
import type { SupervisedVm } from "./supervised-vm.ts";
import type { VmHost } from "./vm-host.ts";
import { clueContext, describeContext } from "./vm-report.ts";

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

  /** Out of band where that works. @throws QmpStateError `not-running` without a session, and as the client's `execute` */
  async requeryInstances(timeoutMs: number): Promise<YankInstance[]> {
    const session = this.#session("query-yank");
    const { client, line } = session;
    const { value } = client.hasOob
      ? await client.executeOob("query-yank", undefined, { timeoutMs })
      : await line.actAndWait(client, "query-yank", undefined, { timeoutMs, slotWaitMs: timeoutMs });
    return session.takeFreshList(value);
  }

  describe(instances: YankInstance[]): InstanceReport[] {
    const { known, settings, session } = this.#vm;
    const nowMonoMs = this.#host.clock.nowMonoMs();
    const isAnswering = session !== undefined && (session.inBandOpenAgeMs(nowMonoMs) ?? 0) < settings.thresholds.slowAfterMs;
    const migration = known.reportMigration(nowMonoMs);
    const context = describeContext(this.#vm, this.#host, isAnswering, migration);
    return enrichInstances(this.#host.describeInstances(instances, known.topology, context), clueContext(this.#vm, nowMonoMs, migration));
  }

  /** Only while in-band answers; undefined where it could not be read. */
  async requeryMigration(timeoutMs: number): Promise<MigrationReport | undefined> {
    const { session, known, settings } = this.#vm;
    const { clock } = this.#host;
    if (!session || (session.inBandOpenAgeMs(clock.nowMonoMs()) ?? 0) >= settings.thresholds.slowAfterMs) return undefined;
    try {
      const { value } = await session.line.actAndWait(session.client, "query-migrate", undefined, {
        timeoutMs: timeoutMs / 2,
        slotWaitMs: timeoutMs / 2,
      });
      known.migration.take(value, known.runState?.value, clock.nowMonoMs());
      this.#vm.onChanged();
      return known.reportMigration(clock.nowMonoMs());
    } catch {
      return undefined;
    }
  }

  /** @throws the qmp errors, each with its outcome */
  async send(
    lane: "oob" | "in-band",
    command: string,
    args: Record<string, unknown> | undefined,
    options: Parameters<ActVm["send"]>[3],
  ): Promise<{ replyAfterMs: number }> {
    const session = this.#session(command);
    const { client, line } = session;
    const { known } = this.#vm;
    session.watch();
    try {
      const reply =
        lane === "in-band"
          ? await line.actAndWait(client, command, args, options)
          : await new Promise<QmpReply>((resolve, reject) => {
              const request: QmpRequest = { lane: "out-of-band", command, arguments: args, timeoutMs: options.timeoutMs };
              client.request(request, (result) => (result.ok ? resolve(result.reply) : reject(result.error)));
              options.onWritten();
            });
      return { replyAfterMs: reply.replyAfterMs };
    } finally {
      known.isTopologyStale = true;
      session.watchClosely();
    }
  }

  observe(listener: (observation: ActObservation) => void): () => void {
    this.#vm.session?.watchClosely();
    return this.#vm.observe(listener);
  }

  async freshenHost(timeoutMs: number): Promise<boolean> {
    return this.#host.hostWatch.freshen(this.#vm, timeoutMs);
  }

  topology(): unknown {
    return this.#vm.known.topology;
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
