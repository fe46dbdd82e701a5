import { z } from "zod";
import type { HealthKind } from "#lib/health/verdict";
import { checkBindings } from "#lib/yank/bindings";
import { ACTIONS } from "#lib/yank/plan";
import type { Action } from "#lib/yank/plan";
import { isCancellableMigration, isPausablePostcopy } from "#lib/qapi/migration";
import { knownYankInstanceSchema } from "#lib/qapi/yank";
import type { KnownYankInstance } from "#lib/qapi/yank";
import { instanceKey } from "#lib/vm/instance";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport, VmReport } from "#lib/vm/report";
import type { PrepareAnswer, PrepareRequest } from "#lib/link/contract";
import { QmpError } from "#server/qmp/errors";

export type PrepareRefusal = Extract<PrepareAnswer, { ok: false }>;

/** The one command of an act. */
export interface ActCommand {
  readonly lane: "oob" | "in-band";
  readonly command: "yank" | "migrate_cancel" | "migrate-pause";
  readonly args?: Record<string, unknown>;
}

const requestSchema = z.object({ action: z.enum(ACTIONS), instances: z.array(knownYankInstanceSchema).max(1_024) });

/** What a plan may ask for at all, whatever the VM. The hub is not trusted with more. */
export function checkRequest(request: PrepareRequest): PrepareRefusal | undefined {
  const checked = requestSchema.safeParse({ action: request.action, instances: request.instances });
  if (!checked.success) return notAllowed("the act is not one that this bridge carries out");
  const { action, instances } = checked.data;
  if (action === "yank" && instances.length === 0) return notAllowed("a yank names at least one instance");
  if (action !== "yank" && instances.some((instance) => instance.type !== "migration")) {
    return notAllowed(`${action} touches the migration and nothing else`);
  }
  return undefined;
}

/**
 * Whether the plan still holds and the act may be carried out: bindings first, then, by this bridge's own reading and
 * whatever the hub thinks, that nothing named is or may be a monitor, and that there is a lane on which it can be sent.
 * @param report the VM right before the act, with instances and migration as they were just re-read.
 */
export function checkAct(request: PrepareRequest, report: VmReport): ActCommand | PrepareRefusal {
  const voided = checkBindings(request.bindings, {
    incarnationId: report.incarnation.id,
    healthKind: report.health.verdict.kind,
    instances: report.instances,
    migration: report.migration,
  });
  if (voided) return { ok: false, code: "void", void: voided };
  for (const instance of request.instances) {
    const refusal = checkInstance(instance, report.instances);
    if (refusal) return refusal;
  }
  return commandFor(request.action, request.instances, report);
}

export function isRefusal(value: ActCommand | PrepareRefusal): value is PrepareRefusal {
  return "ok" in value;
}

/** Why the migration must not be cancelled now; undefined where it may. @see facts sheet 6.3 */
export function cancelRefusal(migration: MigrationReport | undefined): string | undefined {
  if (!migration) return "the migration's status could not be read, and cancelling in the wrong one can lose the guest";
  if (migration.direction === "incoming") return "an incoming migration is not cancelled from its destination";
  if (migration.uri?.startsWith("exec:")) return "cancelling an exec: migration waits for its child process and can hang the main loop";
  if (!isCancellableMigration(migration.status)) return `in status ${migration.status} cancelling is refused or can lose the guest`;
  return undefined;
}

/** Why the list of instances could not be read again, as the answer to `act:prepare`. */
export function requeryRefusal(error: unknown): PrepareRefusal {
  const code = error instanceof QmpError ? error.code : undefined;
  if (code === "no-oob") return { ok: false, code: "no-cord", text: "this QEMU offers no out-of-band commands" };
  if (code === "slot-taken") return { ok: false, code: "in-band-busy", text: "another in-band command is unanswered" };
  const text = error instanceof Error ? error.message : "the list of instances could not be read again";
  return { ok: false, code: "not-answering", text };
}

function checkInstance(instance: KnownYankInstance, reports: readonly InstanceReport[]): PrepareRefusal | undefined {
  const key = instanceKey(instance);
  const report = reports.find((candidate) => instanceKey(candidate.instance) === key);
  if (!report) return { ok: false, code: "void", void: { code: "instance-gone", text: `${key} is not listed by this VM any more` } };
  if (report.yankable !== true) {
    const { code, text } = report.yankable;
    return { ok: false, code: code === "no-cord" ? "no-cord" : "not-allowed", text: `${key}: ${text}` };
  }
  if (report.isMonitor !== false) return notAllowed(`${key} is or may be a monitor`);
  return undefined;
}

function commandFor(action: Action, instances: readonly KnownYankInstance[], report: VmReport): ActCommand | PrepareRefusal {
  const { verdict } = report.health;
  if (verdict.kind === "main-loop-hung" && verdict.cord === "out-of-reach") {
    return noCord("out-of-band commands were never negotiated: Ripcord connected after the hang began");
  }
  switch (action) {
    case "yank": {
      const args = { instances: [...instances] };
      if (report.hasOob === true) return { lane: "oob", command: "yank", args };
      if (isMainLoopFine(verdict.kind)) return { lane: "in-band", command: "yank", args };
      return noCord("this QEMU offers no out-of-band commands, and its main loop does not answer");
    }
    case "cancel-migration": {
      const refusal = cancelRefusal(report.migration);
      return refusal === undefined ? { lane: "in-band", command: "migrate_cancel" } : notAllowed(refusal);
    }
    case "pause-postcopy":
      if (!isPausablePostcopy(report.migration?.status ?? "none", report.qemuVersion)) {
        return notAllowed(`migrate-pause works only while a postcopy runs, and the status is ${report.migration?.status ?? "none"}`);
      }
      if (report.hasOob === true) return { lane: "oob", command: "migrate-pause" };
      if (isMainLoopFine(verdict.kind)) return { lane: "in-band", command: "migrate-pause" };
      return noCord("this QEMU offers no out-of-band commands, and its main loop does not answer");
  }
}

/** The verdicts that an answering main loop earns. */
function isMainLoopFine(kind: HealthKind): boolean {
  return kind === "healthy" || kind === "slow" || kind === "io-stalled" || kind === "migration-stalled" || kind === "guest-stopped";
}

function notAllowed(text: string): PrepareRefusal {
  return { ok: false, code: "not-allowed", text };
}

function noCord(text: string): PrepareRefusal {
  return { ok: false, code: "no-cord", text };
}
