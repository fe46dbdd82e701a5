import { assertNever } from "#lib/assert-never";
import { instanceName } from "#lib/vm/instance";
import type { ActRecord, ActTarget } from "#lib/yank/act";
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

/** What is known of it now. Accepted is never more than accepted. */
export function outcome(action: Action, target: ActTarget): Outcome {
  const noun = ACTION_NOUN[action];
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
