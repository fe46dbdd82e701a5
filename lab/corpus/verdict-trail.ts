import type { HealthKind, Verdict } from "#lib/health/verdict";
import type { VmReport } from "#lib/vm/report";

export interface Shown {
  atMonoMs: number;
  verdict: Verdict;
  mayStillFinish?: string;
  isNotConverging: boolean;
}

/** Every verdict that was shown of one VM, in order, from the moment it is asked for. */
export class VerdictTrail {
  readonly #shown: Shown[] = [];
  #latest: VmReport | undefined;

  add(report: VmReport): void {
    this.#latest = report;
    const { verdict, mayStillFinish } = report.health;
    const isNotConverging = report.migration?.isNotConverging === true;
    const last = this.#shown.at(-1);
    const isSame =
      last !== undefined &&
      verdictText(last.verdict) === verdictText(verdict) &&
      last.mayStillFinish === mayStillFinish &&
      last.isNotConverging === isNotConverging;
    if (!isSame) this.#shown.push({ atMonoMs: performance.now(), verdict, mayStillFinish, isNotConverging });
  }

  get latest(): VmReport | undefined {
    return this.#latest;
  }

  /** What was shown from then on, what stood at that moment among it. */
  since(atMonoMs: number): Shown[] {
    const first = this.#shown.findLastIndex((shown) => shown.atMonoMs <= atMonoMs);
    return this.#shown.slice(Math.max(first, 0));
  }

  kindsSince(atMonoMs: number): HealthKind[] {
    return this.since(atMonoMs).map(({ verdict }) => verdict.kind);
  }
}

/** With its reason, cord, run state or nodes: "silent (stopped)". */
export function verdictText(verdict: Verdict): string {
  const detail = verdictDetail(verdict);
  return detail === undefined ? verdict.kind : `${verdict.kind} (${detail})`;
}

export function verdictDetail(verdict: Verdict): string | undefined {
  switch (verdict.kind) {
    case "unknown":
    case "unreachable":
    case "silent":
      return verdict.reason;
    case "main-loop-hung":
      return verdict.cord;
    case "migration-stalled":
      return verdict.migrationStatus;
    case "io-stalled":
      return verdict.nodes.join(", ");
    case "guest-stopped":
      return verdict.runState;
    case "monitor-busy":
    case "slow":
    case "healthy":
      return undefined;
  }
}
