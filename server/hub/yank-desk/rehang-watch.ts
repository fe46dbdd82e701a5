import type { VmId, VmReport } from "#lib/vm/report";
import { REHANG_WATCH_MS } from "#lib/yank/act";
import type { ActRecord, ActTarget, Amendment } from "#lib/yank/act";
import { nextSteps } from "#lib/yank/next-steps";
import { rehungText } from "#lib/yank/rehang";
import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import type { ActStore } from "../store/act-store.ts";
import { HUB_ACTOR } from "../store/audit-log.ts";
import { targetOf, withTarget } from "./act-steps.ts";

/** A hang that began within the watch is called one some seconds later. */
const CALLED_LATER_MS = 20_000;
/** Acts of an earlier run of the hub that are looked at again; more than can be under watch at once. */
const RECENT_ACTS = 200;

export interface RehangWatchOptions {
  acts: Pick<ActStore, "act" | "amend" | "recent">;
  clock: Clock;
  log: Log;
  /** The newest report of a VM, and since when its verdict holds (Unix ms); undefined where it is gone or its bridge is lost. */
  look(vmId: VmId): { report: VmReport; sinceAtMs: number } | undefined;
  onAmended(act: ActRecord): void;
}

/**
 * For a minute after an act that helped, the same trouble on the same VM amends the act: a new row beside its verdict,
 * which stays. `check` is called by the owner every second or so; what an earlier run of the hub watched is taken up by
 * `recover`, because it stands in the record.
 */
export class RehangWatch {
  readonly #options: RehangWatchOptions;
  readonly #watched = new Map<string, { actId: string; target: ActTarget }>();

  constructor(options: RehangWatchOptions) {
    this.#options = options;
  }

  async recover(): Promise<void> {
    for (const act of await this.#options.acts.recent(RECENT_ACTS)) this.actChanged(act);
  }

  /** Any change of an act; only those that are over and helped are watched. */
  actChanged(act: ActRecord): void {
    const nowMs = this.#options.clock.nowMs();
    for (const target of act.targets) {
      const key = `${act.actId} ${target.vmId}`;
      if (isWorthWatching(target) && nowMs <= endOfWatch(target)) this.#watched.set(key, { actId: act.actId, target });
    }
  }

  check(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [key, { actId, target }] of this.#watched) {
      if (nowMs > endOfWatch(target)) {
        this.#watched.delete(key);
        continue;
      }
      const seen = this.#options.look(target.vmId);
      const text = seen && rehungText(target, seen.report, seen.sinceAtMs);
      if (seen === undefined || text === undefined) continue;
      this.#watched.delete(key);
      this.#amend(actId, target.vmId, { atMs: nowMs, verdict: "rehung", text }, seen.report).catch((error: unknown) => {
        this.#options.log.error({ err: error, actId, vmId: target.vmId }, "that a VM hung again after an act could not be recorded");
      });
    }
  }

  async #amend(actId: string, vmId: VmId, amendment: Amendment, report: VmReport): Promise<void> {
    const { acts, onAmended } = this.#options;
    const act = await acts.act(actId);
    const target = act && targetOf(act, vmId);
    if (!act || !target) return;
    const steps = nextSteps(act.action, { ...target, verdict: "rehung" }, report);
    const amended: ActTarget = { ...target, amendments: [...(target.amendments ?? []), amendment], nextSteps: steps };
    await acts.amend(actId, amended, amendment, HUB_ACTOR);
    onAmended(withTarget(act, amended));
  }
}

function isWorthWatching({ isFinal, verdict, amendments }: ActTarget): boolean {
  return isFinal && (verdict === "recovered" || verdict === "took-effect") && amendments === undefined;
}

function endOfWatch({ sentAtMs = 0 }: ActTarget): number {
  return sentAtMs + REHANG_WATCH_MS + CALLED_LATER_MS;
}
