import { sql } from "kysely";
import type { Kysely } from "kysely";
import type { AuditEvent } from "#lib/audit/events";
import type { ActRecord, ActTarget, Amendment } from "#lib/yank/act";
import type { Action, Plan, VoidReason } from "#lib/yank/plan";
import type { Actor, AuditLog } from "./audit-log.ts";
import type { RecordTables } from "./schema.ts";

/** A target that has no final outcome in the record. */
export interface OpenTarget {
  actId: string;
  isIntended: boolean;
  target: ActTarget;
}

export interface ActsOfIncident {
  incidentId: string;
  vmIds: readonly string[];
  fromMs: number;
  toMs: number;
  limit: number;
}

/** Plans and acts. Every change of an act stands in one transaction with the audit row that tells it. */
export class ActStore {
  readonly #db: Kysely<RecordTables>;
  readonly #audit: AuditLog;

  constructor(db: Kysely<RecordTables>, audit: AuditLog) {
    this.#db = db;
    this.#audit = audit;
  }

  async savePlan(plan: Plan, actor: Actor): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("plans")
        .values({ plan_id: plan.planId, created_at_ms: plan.createdAtMs, expires_at_ms: plan.expiresAtMs, plan_json: JSON.stringify(plan) })
        .execute();
      await this.#audit.appendIn(transaction, actor, { type: "plan-made", plan });
    });
  }

  /** A plan, and why it is void where it was found to be. */
  async plan(planId: string): Promise<{ plan: Plan; void?: VoidReason } | undefined> {
    const query = this.#db.selectFrom("plans").select(["plan_json", "void_json"]).where("plan_id", "=", planId);
    const row = await query.executeTakeFirst();
    if (!row) return undefined;
    return {
      plan: JSON.parse(row.plan_json) as Plan,
      ...(row.void_json === null ? {} : { void: JSON.parse(row.void_json) as VoidReason }),
    };
  }

  /** A plan that was found void stays so, whatever its VM does next. The first reason stays, too. */
  async voidPlan(planId: string, reason: VoidReason, actor: Actor): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("plans")
        .set({ void_json: JSON.stringify(reason) })
        .where("plan_id", "=", planId)
        .where("void_json", "is", null)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await this.#audit.appendIn(transaction, actor, { type: "plan-voided", planId, void: reason });
    });
  }

  /** Plans that can no longer be confirmed and were never acted on: the audit keeps what they said. */
  async forgetPlans(expiredBeforeMs: number): Promise<void> {
    await this.#db
      .deleteFrom("plans")
      .where("expires_at_ms", "<", expiredBeforeMs)
      .where((where) => where.not(where.exists(where.selectFrom("acts").select("act_id").whereRef("acts.plan_id", "=", "plans.plan_id"))))
      .execute();
  }

  /**
   * Puts an act into the record, with the intent to send to its first target where it was already prepared.
   * @returns false, and writes nothing, when this plan has acted before.
   */
  async begin(act: ActRecord, actor: Actor, intent?: Extract<AuditEvent, { type: "act-intended" }>): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      const inserted = await transaction
        .insertInto("acts")
        .values({
          act_id: act.actId,
          plan_id: act.planId,
          created_at_ms: act.createdAtMs,
          who: act.who,
          reason: act.reason ?? null,
          action: act.action,
          incident_id: act.incidentId ?? null,
        })
        .onConflict((conflict) => conflict.column("plan_id").doNothing())
        .executeTakeFirst();
      if (inserted.numInsertedOrUpdatedRows === 0n) return false;
      await transaction
        .insertInto("act_targets")
        .values(
          act.targets.map((target, position) => ({
            act_id: act.actId,
            vm_id: target.vmId,
            position,
            bridge_id: target.bridgeId,
            is_intended: intent?.vmId === target.vmId ? 1 : 0,
            is_final: target.isFinal ? 1 : 0,
            target_json: JSON.stringify(target),
          })),
        )
        .execute();
      if (intent) await this.#audit.appendIn(transaction, actor, intent);
      return true;
    });
  }

  /** The intent to send to a later target of several, committed before anything is sent. */
  async intend(actor: Actor, intent: Extract<AuditEvent, { type: "act-intended" }>): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("act_targets")
        .set({ is_intended: 1 })
        .where("act_id", "=", intent.actId)
        .where("vm_id", "=", intent.vmId)
        .execute();
      await this.#audit.appendIn(transaction, actor, intent);
    });
  }

  /** What became of one target, as far as it is known now. */
  async progress(actId: string, target: ActTarget, actor: Actor): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("act_targets")
        .set({ target_json: JSON.stringify(target), is_final: target.isFinal ? 1 : 0 })
        .where("act_id", "=", actId)
        .where("vm_id", "=", target.vmId)
        .execute();
      await this.#audit.appendIn(transaction, actor, progressEvent(actId, target));
    });
  }

  /** What became known of a target after its last word: a row of its own, and beside the verdict in the act. */
  async amend(actId: string, target: ActTarget, amendment: Amendment, actor: Actor): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("act_targets")
        .set({ target_json: JSON.stringify(target) })
        .where("act_id", "=", actId)
        .where("vm_id", "=", target.vmId)
        .execute();
      await this.#audit.appendIn(transaction, actor, { type: "act-amended", actId, vmId: target.vmId, amendment });
    });
  }

  async act(actId: string): Promise<ActRecord | undefined> {
    return (await this.#acts((query) => query.where("acts.act_id", "=", actId)))[0];
  }

  async actOfPlan(planId: string): Promise<ActRecord | undefined> {
    return (await this.#acts((query) => query.where("acts.plan_id", "=", planId)))[0];
  }

  /** Newest first; with `vmId`, those that had this VM among their targets. */
  async recent(limit: number, vmId?: string): Promise<ActRecord[]> {
    return this.#acts((query) =>
      vmId === undefined
        ? query.limit(limit)
        : query
            .where((where) =>
              where.exists(
                where
                  .selectFrom("act_targets")
                  .select("act_targets.act_id")
                  .whereRef("act_targets.act_id", "=", "acts.act_id")
                  .where("act_targets.vm_id", "=", vmId),
              ),
            )
            .limit(limit),
    );
  }

  /** Acts that were begun from an incident, or on one of its VMs in its time; oldest first. */
  async ofIncident({ incidentId, vmIds, fromMs, toMs, limit }: ActsOfIncident): Promise<ActRecord[]> {
    const newest = await this.#acts((query) =>
      query
        .where((where) =>
          where.or([
            where("acts.incident_id", "=", incidentId),
            where.and([
              where("acts.created_at_ms", ">=", fromMs),
              where("acts.created_at_ms", "<=", toMs),
              where.exists(
                where
                  .selectFrom("act_targets")
                  .select("act_targets.act_id")
                  .whereRef("act_targets.act_id", "=", "acts.act_id")
                  .where("act_targets.vm_id", "in", sql<string>`(SELECT value FROM json_each(${JSON.stringify(vmIds)}))`),
              ),
            ]),
          ]),
        )
        .limit(limit),
    );
    return newest.toReversed();
  }

  /** What an earlier run of the hub left without an outcome. */
  async openTargets(): Promise<OpenTarget[]> {
    const rows = await this.#db.selectFrom("act_targets").selectAll().where("is_final", "=", 0).orderBy("position").execute();
    return rows.map((row) => ({ actId: row.act_id, isIntended: row.is_intended === 1, target: JSON.parse(row.target_json) as ActTarget }));
  }

  async #acts(narrow: (query: ActQuery) => ActQuery): Promise<ActRecord[]> {
    const acts = await narrow(selectActs(this.#db)).execute();
    if (acts.length === 0) return [];
    const targets = await this.#db
      .selectFrom("act_targets")
      .select(["act_id", "target_json"])
      .where(
        "act_id",
        "in",
        acts.map((act) => act.act_id),
      )
      .orderBy("position")
      .execute();
    const byAct = Map.groupBy(targets, (row) => row.act_id);
    return acts.map((act) => ({
      actId: act.act_id,
      planId: act.plan_id,
      action: act.action as Action,
      who: act.who,
      ...(act.reason === null ? {} : { reason: act.reason }),
      createdAtMs: act.created_at_ms,
      ...(act.incident_id === null ? {} : { incidentId: act.incident_id }),
      targets: (byAct.get(act.act_id) ?? []).map((row) => JSON.parse(row.target_json) as ActTarget),
    }));
  }
}

function selectActs(db: Kysely<RecordTables>) {
  return db.selectFrom("acts").selectAll().orderBy("created_at_ms", "desc").orderBy("act_id");
}
type ActQuery = ReturnType<typeof selectActs>;

function progressEvent(actId: string, target: ActTarget): AuditEvent {
  const { state, verdict, detail, qmpError, replyAfterMs, recoveredAfterMs, recoveredParts, aftermath, isFinal } = target;
  return {
    type: "act-progressed",
    actId,
    vmId: target.vmId,
    progress: { state, verdict, detail, qmpError, replyAfterMs, recoveredAfterMs, recoveredParts, aftermath, isFinal },
    sentAtMs: target.sentAtMs,
  };
}
