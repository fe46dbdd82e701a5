import { isTrouble } from "../health/verdict.ts";
import type { InstanceReport } from "../vm/instance.ts";
import { instanceKey } from "../vm/instance.ts";
import type { VmReport } from "../vm/report.ts";
import type { SuspicionScore, Suspicion } from "./suspicion.ts";
import type { ClueCode } from "./clue.ts";
import { suspectRole } from "./suspect-role.ts";
import type { SuspectRole } from "./suspect-role.ts";
import { clueAge, weighClue } from "./weigh-clue.ts";
import type { ClueFamily } from "./weigh-clue.ts";

/** What is known of an instance beyond its own VM: others in trouble on the same far side now. */
export interface FarSidePeers {
  /** How many other VMs in trouble lead to it; asked for the key of a far side and for that of the server behind it. */
  troubledCount(farSideKey: string): number;
}

/** One other VM in trouble behind a far side may be there by chance. */
const PEERS_THAT_COUNT = 2;

/**
 * How much speaks for each instance being what holds this VM, by `instanceKey`. Pure; claims nothing that was not
 * measured, and says so where nothing points anywhere. Two independent strong observations make it almost certain; so
 * does one that a weaker one or the far side's other VMs bear out. What speaks against it takes it one step down, or
 * clears it where nothing strong stands for it.
 */
export function rankSuspects(report: VmReport, peers: FarSidePeers): Map<string, Suspicion> {
  const weighed = report.instances.map((instance) => ({ instance, case: weighCase(instance, report, peers) }));
  const candidates = weighed.filter((entry) => isCandidate(entry.instance, entry.case));
  const only = candidates.length === 1 && isTrouble(report.health.verdict.kind) ? candidates[0] : undefined;
  return new Map(
    weighed.map((entry): [string, Suspicion] => [instanceKey(entry.instance.instance), conclude(entry.case, report, entry === only)]),
  );
}

/** What an operator has to be told where a VM is in trouble and nothing points at any of its connections. */
export function suspectsNote(report: VmReport, suspicions: ReadonlyMap<string, Suspicion>): string | undefined {
  const scores = [...suspicions.values()].map(({ score }) => score);
  if (!isTrouble(report.health.verdict.kind) || scores.some((score) => POINTS_AT.includes(score))) return undefined;
  if (!scores.includes("cannot-tell")) return undefined;
  return "nothing that was measured points at any connection of this VM; that they are listed does not make them suspect";
}

const POINTS_AT: readonly SuspicionScore[] = ["almost-certainly", "likely", "possible"];

interface Observation {
  /** Absent where the verdict or the far side says it, and no clue. */
  code?: ClueCode;
  says: "strong" | "supporting" | "against" | "hint-against" | "nothing";
  family?: ClueFamily;
  text: string;
}

interface Case {
  role: SuspectRole;
  observations: Observation[];
}

function isCandidate(instance: InstanceReport, { role, observations }: Case): boolean {
  if (instance.yankable !== true || role.role !== "may-hold") return false;
  return levelOf(observations) > 1 || !observations.some(({ says }) => says === "against");
}

function weighCase(instance: InstanceReport, report: VmReport, peers: FarSidePeers): Case {
  const role = suspectRole(instance, report);
  if (role.role === "cannot-hold" || role.role === "not-judged") return { role, observations: [] };
  const observations: Observation[] = [...role.facts];
  for (const clue of instance.clues ?? []) {
    const age = clueAge(clue, report.health.sinceAgeMs);
    const weight = weighClue(clue.code, age, instance);
    observations.push({ ...weight, code: clue.code, text: age === "during" ? clue.text : `before the trouble: ${clue.text}` });
  }
  const count = peersOf(instance, peers);
  if (count > 0)
    observations.push({ says: count >= PEERS_THAT_COUNT ? "strong" : "supporting", family: "far-side", text: peersText(count) });
  return { role, observations: role.role === "only-if" ? observations.map(unlessShown(role.shownBy, observations)) : observations };
}

function peersOf({ farSide }: InstanceReport, peers: FarSidePeers): number {
  if (farSide === undefined) return 0;
  const { key, server } = farSide;
  return Math.max(peers.troubledCount(key), server === undefined ? 0 : peers.troubledCount(server.key));
}

/** Full sockets and other VMs hold nothing by themselves here; they bear out the one thing that can. */
function unlessShown(shownBy: readonly ClueCode[], all: readonly Observation[]): (observation: Observation) => Observation {
  const isShown = all.some(({ says, code, family }) => {
    if (says !== "strong") return false;
    return code === undefined ? family !== "far-side" : shownBy.includes(code);
  });
  return (observation) => (observation.says === "strong" && !isShown ? { ...observation, says: "supporting" } : observation);
}

function peersText(count: number): string {
  return count === 1 ? "1 other VM in trouble leads to the same far side" : `${count} other VMs in trouble lead to the same far side`;
}

/** 0: nothing for it. 1: something. 2: strong. 3: strong and borne out. */
type Level = 0 | 1 | 2 | 3;

function levelOf(observations: readonly Observation[]): Level {
  const strong = familiesOf(observations, "strong");
  const supporting = familiesOf(observations, "supporting");
  if (strong.size === 0) return supporting.size > 0 ? 1 : 0;
  const isBorneOut = strong.size > 1 || [...supporting].some((family) => !strong.has(family));
  return isBorneOut ? 3 : 2;
}

function familiesOf(observations: readonly Observation[], says: Observation["says"]): Set<ClueFamily> {
  return new Set(observations.flatMap((each) => (each.says === says && each.family !== undefined ? [each.family] : [])));
}

const BY_LEVEL = ["cannot-tell", "possible", "likely", "almost-certainly"] as const;
/** One step down, and clear of it where nothing strong stands for it. */
const BY_LEVEL_CONTRADICTED = ["not-involved", "not-involved", "possible", "likely"] as const;

function conclude({ role, observations }: Case, report: VmReport, isLone: boolean): Suspicion {
  if (role.role === "cannot-hold") return { score: "not-involved", reasons: [role.why] };
  if (role.role === "not-judged") return { score: "cannot-tell", reasons: [role.why] };
  const level = levelOf(observations);
  const isContradicted = observations.some(({ says }) => says === "against");
  const reasons = reasonsOf(observations);
  switch (report.health.verdict.kind) {
    case "healthy":
      // It answers, and something waits all the same: that is not established, and not waved away either.
      return level === 0
        ? { score: "not-involved", reasons: ["nothing is established against this VM"] }
        : { score: "cannot-tell", reasons };
    case "slow":
      return scored(cap(byLevel(level, isContradicted)), reasons, false);
    default:
      return scored(byLevel(level, isContradicted), reasons, isLone);
  }
}

function byLevel(level: Level, isContradicted: boolean): SuspicionScore {
  return (isContradicted ? BY_LEVEL_CONTRADICTED : BY_LEVEL)[level];
}

/** Of a VM that is only slow nothing is likely yet. */
function cap(score: SuspicionScore): SuspicionScore {
  return score === "almost-certainly" || score === "likely" ? "possible" : score;
}

function scored(score: SuspicionScore, reasons: string[], isLone: boolean): Suspicion {
  if (score !== "cannot-tell") return { score, reasons };
  if (isLone)
    return { score: "possible", reasons: ["the only connection here that could be cut and could hold it", ...reasonsOrNone(reasons)] };
  return { score, reasons: reasonsOrNone(reasons) };
}

function reasonsOrNone(reasons: string[]): string[] {
  return reasons.length > 0 ? reasons : ["nothing was measured that speaks for or against it"];
}

const ORDER: Observation["says"][] = ["strong", "supporting", "against", "hint-against", "nothing"];

/** The weightiest first; what speaks against it after what speaks for it. */
function reasonsOf(observations: readonly Observation[]): string[] {
  const texts = ORDER.flatMap((says) => observations.filter((each) => each.says === says).map(({ text }) => text));
  return [...new Set(texts)];
}
