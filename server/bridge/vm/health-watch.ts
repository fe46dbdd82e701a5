import { describeEvidence } from "#lib/health/describe-evidence";
import { initialHealth, reduceHealth } from "#lib/health/reduce-health";
import type { HealthState, HealthThresholds, Picture } from "#lib/health/reduce-health";
import type { Verdict } from "#lib/health/verdict";
import type { FactBody } from "#lib/link/contract";

/** A verdict's evidence ages; while there is trouble it is told anew this often. */
const EVIDENCE_REFRESH_MS = 5_000;

/** One VM's verdict over time, and when it was last told. Owned by the VM. */
export class HealthWatch {
  state: HealthState;
  #toldMonoMs = -Infinity;

  constructor(nowMonoMs: number) {
    this.state = initialHealth(nowMonoMs);
  }

  /** Another process: its health is its own. */
  begin(nowMonoMs: number): void {
    this.state = initialHealth(nowMonoMs);
  }

  /** A report was made. */
  told(nowMonoMs: number): void {
    this.#toldMonoMs = nowMonoMs;
  }

  bridgeStalled(atMonoMs: number, thresholds: HealthThresholds): void {
    this.state = reduceHealth(this.state, { type: "bridge-stalled", atMonoMs }, thresholds);
  }

  /** Judges anew. @returns the fact to be told where the verdict changed, made only when it is asked for. */
  look(picture: Picture, nowMonoMs: number, thresholds: HealthThresholds): (() => FactBody) | undefined {
    const former = this.state;
    this.state = reduceHealth(former, { type: "looked", atMonoMs: nowMonoMs, picture }, thresholds);
    const { verdict } = this.state;
    if (isSameVerdict(verdict, former.verdict)) return undefined;
    return () => ({
      kind: "verdict",
      from: former.verdict.kind,
      to: verdict.kind,
      text: describeEvidence(picture, thresholds)
        .map((line) => line.text)
        .join("; "),
    });
  }

  /** Whether the ages in what was told last have grown old. */
  needsTelling(nowMonoMs: number): boolean {
    switch (this.state.verdict.kind) {
      case "main-loop-hung":
      case "silent":
      case "slow":
      case "migration-stalled":
      case "io-stalled":
        return nowMonoMs - this.#toldMonoMs >= EVIDENCE_REFRESH_MS;
      default:
        return false;
    }
  }
}

function isSameVerdict(one: Verdict, other: Verdict): boolean {
  if (one === other) return true;
  return one.kind === other.kind && JSON.stringify(one) === JSON.stringify(other);
}
