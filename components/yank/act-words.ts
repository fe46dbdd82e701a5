import { assertNever } from "#lib/assert-never";
import { instanceName } from "#lib/vm/instance";
import type { ActRecord, ActTarget, RecoveredPart } from "#lib/yank/act";
import type { Action } from "#lib/yank/plan";
import { formatDuration } from "../ui/format.ts";

/** How an outcome is drawn: `good` only where probes showed it, `bad` where something is worse or nobody knows. */
export type OutcomeTone = "open" | "good" | "plain" | "bad";

export interface Outcome {
  title: string;
  tone: OutcomeTone;
}

/** The noun of an action, for "6 ms after the yank". */
export const ACTION_NOUN: Record<Action, string> = { yank: "yank", "cancel-migration": "cancel", "pause-postcopy": "pause" };

/** What was done, for lists: "Yank nbd0, serial0", "Cancel migration". */
export function actTitle(act: Pick<ActRecord, "action">, target: Pick<ActTarget, "instances">): string {
  switch (act.action) {
    case "yank":
      return `Yank ${target.instances.map(instanceName).join(", ")}`;
    case "cancel-migration":
      return "Cancel migration";
    case "pause-postcopy":
      return "Pause postcopy";
    default:
      return assertNever(act.action);
  }
}

/** One act by name: "Yank nbd0 on db-7", "Yank on 12 VMs". */
export function actName(act: Pick<ActRecord, "action" | "targets">): string {
  const [only, ...others] = act.targets;
  if (only && others.length === 0) return `${actTitle(act, only)} on ${only.vmName}`;
  return `${act.action === "yank" ? "Yank" : actTitle(act, { instances: [] })} on ${act.targets.length} VMs`;
}

const PART_WORD: Record<RecoveredPart, string> = {
  "main-loop": "the main loop",
  io: "its I/O",
  migration: "the migration's state",
  guest: "the guest",
  "process-ended": "the process ended as it was asked to",
};

/** What came back: "the main loop and its I/O"; undefined where that was not told. */
export function recoveredWords({ recoveredParts = [] }: Pick<ActTarget, "recoveredParts">): string | undefined {
  const words = recoveredParts.map((part) => PART_WORD[part]);
  if (words.length === 0) return undefined;
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** How the VMs of one act stand, in one line: "3 recovered, 1 skipped, 2 waiting". */
export function outcomeCounts({ targets }: Pick<ActRecord, "targets">): string {
  const counts = new Map<string, number>();
  for (const target of targets) {
    const word = countWord(target);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (targets.length === 1) return [...counts.keys()].join("");
  return [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
}

function countWord({ state, verdict }: ActTarget): string {
  if (verdict === "none") return state === "refused" ? "refused" : state === "skipped" ? "skipped" : "not sent";
  if (verdict === "pending") return state === "intended" ? "waiting" : "under way";
  return verdict.replaceAll("-", " ");
}

/** What is known of it now. Accepted is never more than accepted. */
export function outcome(action: Action, target: ActTarget): Outcome {
  const noun = ACTION_NOUN[action];
  // A verdict that was final is not changed; what became known after it stands above it.
  if (target.amendments && target.amendments.length > 0) return { title: "Recovered, then hung again", tone: "bad" };
  switch (target.verdict) {
    case "pending":
      return pendingOutcome(target);
    case "recovered":
      return {
        title:
          target.recoveredAfterMs === undefined ? "Recovered" : `Recovered ${formatDuration(target.recoveredAfterMs)} after the ${noun}`,
        tone: "good",
      };
    case "took-effect":
      return { title: "It took effect; nothing was wrong before", tone: "good" };
    case "no-visible-effect":
      return { title: "Accepted, no visible effect", tone: "plain" };
    case "rehung":
      return { title: "Recovered, then hung again", tone: "bad" };
    case "worse":
      return { title: "Worse than before", tone: "bad" };
    case "connection-lost":
      return { title: "The connection to the monitor was lost after it was sent", tone: "bad" };
    case "unknown":
      return { title: "Outcome unknown: check the VM before doing it again", tone: "bad" };
    case "none":
      return noneOutcome(target);
    default:
      return assertNever(target.verdict);
  }
}

function pendingOutcome(target: ActTarget): Outcome {
  switch (target.state) {
    case "intended":
      return { title: "Recorded, not sent yet", tone: "open" };
    case "sent":
      return { title: "Sent; QEMU has not answered yet", tone: "open" };
    case "accepted":
      return { title: "QEMU accepted it; no effect seen yet", tone: "open" };
    case "unknown":
      return { title: "Nobody can tell yet whether QEMU got it", tone: "open" };
    case "refused":
    case "not-sent":
    case "skipped":
      return noneOutcome(target);
    default:
      return assertNever(target.state);
  }
}

function noneOutcome(target: ActTarget): Outcome {
  switch (target.state) {
    case "refused":
      return { title: "QEMU refused it; nothing was cut", tone: "plain" };
    case "skipped":
      return { title: "Skipped; nothing was sent", tone: "plain" };
    case "not-sent":
    case "intended":
      return { title: "Not sent; nothing was cut", tone: "plain" };
    case "sent":
    case "accepted":
    case "unknown":
      return { title: "No verdict", tone: "plain" };
    default:
      return assertNever(target.state);
  }
}
