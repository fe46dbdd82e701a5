import type { HelpCode } from "#lib/diagnosis/help";
import type { HealthKind } from "#lib/health/verdict";
import type { ConnectionState, ServesKind } from "#lib/vm/instance";
import type { Reversibility } from "#lib/yank/plan";

/** What is really the matter in one scenario, written down by people who know how it was brought about. */
export type Truth = TroubleTruth | PassingTruth | QuietTruth;

/** Trouble that stays until somebody does something. */
export interface TroubleTruth {
  kind: "trouble";
  verdict: HealthKind;
  /** Of a verdict with a reason, a run state, a cord or nodes: that too, as text. */
  detail?: string;
  /** `instanceKey` of what holds the VM; undefined where nothing does that could be yanked, so that nothing may stand out. */
  suspect?: string;
  /** What stands on the suspect, as read while the VM was well. */
  serves?: ServesKind;
  /** How the suspect is connected; `reconnecting` with the time that is left. */
  connection?: ConnectionState;
  /** Named or not, both are right: it holds the VM, and by something that no yank reaches. */
  maySuspect?: string;
  /** What a yank of it, or of another instance, does; absent where there is nothing to plan. */
  yank?: { key: string; does: Reversibility | "refused" };
  /** What to try first; one of these. */
  helps: readonly HelpCode[];
  /** Verdicts that are true on the way there, beside healthy and slow. */
  onTheWay?: readonly HealthKind[];
  /** Whether the VM is shown as well once the cause is healed; default true. */
  heals?: boolean;
}

/** Trouble that ends by itself, and of which it is said that it may. */
export interface PassingTruth {
  kind: "passing";
  verdict: HealthKind;
}

/** No trouble at all. */
export interface QuietTruth {
  kind: "quiet";
  /** The worst verdict that may be shown. */
  worst: "healthy" | "slow";
  /** Verdicts that are true for a moment. */
  mayShow?: readonly HealthKind[];
  /** What is called out all the same. */
  helps?: readonly HelpCode[];
  /** "Not converging" is told of its migration. */
  isNotConverging?: true;
}

export interface CorpusCase {
  /** Unique; also the VM's name, so short. */
  id: string;
  /** As `./ripcord lab list` says it. */
  scenario: string;
  /** Which of the scenario's VMs is judged; default the first. */
  vm?: number;
  truth: Truth;
  /** One of the quick third that every test run does. */
  isFast?: true;
  /** Disturbs whatever runs beside it. */
  isAlone?: true;
  /** The scenario comes up broken, so that nobody saw the VM well before. */
  startsBroken?: true;
  /** Quiet ones are watched for this long after the work; default a few seconds. */
  watchMs?: number;
}
