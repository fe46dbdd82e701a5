import { assertNever } from "#lib/assert-never";
import type { InstanceView, VmDetail, VmSummary } from "#lib/api/vm";
import type { IncidentSummary } from "#lib/incident/incident";
import { isTrouble } from "#lib/health/verdict";
import { instanceName } from "#lib/vm/instance";
import { servesName } from "#lib/vm/serves-words";
import { KIND_WORDS } from "#lib/incident/title";
import { formatCount } from "../ui/format.ts";
import { costOfCut } from "./instance-words.ts";
import { likeliest, SCORE_WORD, suspectOf } from "./suspicion-words.ts";

/** The answer to one of the page's questions: the answer itself, what supports it, and where more of it is. */
export interface Answer {
  strong: string;
  text?: string;
  /** What was measured that says so. */
  reason?: string;
  link?: { href: string; text: string };
}

const NOTHING_KNOWN: Answer = { strong: "Not known" };

/** What holds this VM, as far as anything measured points there; where nothing does, it says so. */
export function whatHoldsIt(vm: VmDetail): Answer {
  const { health } = vm;
  switch (health.kind) {
    case "main-loop-hung":
    case "io-stalled":
    case "migration-stalled":
      return suspectAnswer(vm) ?? unsuspectedAnswer(vm);
    case "guest-stopped":
      return suspectAnswer(vm) ?? { strong: "QEMU stopped the guest", text: `run state ${health.runState}` };
    case "silent":
      return { strong: "Not a connection: nothing to yank", text: vm.helps[0]?.text ?? vm.process?.text };
    case "monitor-busy":
      return {
        strong: health.peerPid === undefined ? "Another monitor client" : `Process ${health.peerPid}`,
        text: "on the monitor socket",
      };
    case "slow":
      return { strong: health.mayStillFinish ?? "Not established", text: "in-band answers late" };
    case "unreachable":
    case "unknown":
      return NOTHING_KNOWN;
    case "healthy":
      return { strong: "Nothing" };
    default:
      return assertNever(health);
  }
}

/** What it costs to cut what may hold it. */
export function whatItCosts(vm: VmDetail): Answer {
  const { health } = vm;
  if (!isTrouble(health.kind)) return { strong: "Nothing to cut now" };
  const suspect = suspectOf(vm);
  if (suspect) return suspect.yankable === true ? costOfCut(suspect, vm.migration) : { strong: "No cord", text: suspect.yankable.text };
  if (health.kind !== "main-loop-hung" && health.kind !== "io-stalled" && health.kind !== "migration-stalled") {
    return { strong: "A yank does not help here" };
  }
  const cords = candidates(vm).filter((report) => report.yankable === true);
  const [first, ...others] = cords;
  if (!first) return { strong: "No cord can be pulled from here" };
  const cost = costOfCut(first, vm.migration);
  if (others.every((other) => costOfCut(other, vm.migration).strong === cost.strong)) return cost;
  return { strong: `${cost.strong} (${instanceName(first.instance)})`, text: "it differs by cord: each plan says it in full" };
}

/**
 * Whether others hang on the same thing.
 * @param fleet undefined while the rest of the fleet is not known.
 * @param incident the one that this VM is a member of; undefined while it is not known, or there is none.
 */
export function onlyThisOne(vm: VmDetail, fleet: VmSummary[] | undefined, incident?: IncidentSummary): Answer {
  if (!isTrouble(vm.health.kind)) return { strong: "No trouble here" };
  const link = incidentLink(vm, incident);
  if (incident && incident.troubledCount > 1) {
    const cause = vm.suspect?.farSide ? "on the same far side" : incident.cause.text;
    return { strong: `No, ${formatCount(incident.troubledCount, "VM")}`, text: cause, link };
  }
  if (!fleet) return { ...NOTHING_KNOWN, link };
  const others = fleet.filter((other) => other.vmId !== vm.vmId && other.endedAtMs === undefined && isTrouble(other.health.kind));
  const farSide = vm.suspect?.farSide;
  const onIt = farSide === undefined ? [] : others.filter((other) => other.suspect?.farSide?.key === farSide.key);
  if (farSide && onIt.length > 0) return { strong: `No, ${formatCount(onIt.length + 1, "VM")}`, text: `on ${farSide.text}`, link };
  const alike = others.filter((other) => other.health.kind === vm.health.kind);
  if (alike.length === 0) return { strong: "Yes, only this one", text: `${KIND_WORDS[vm.health.kind]} nowhere else`, link };
  const strong = farSide ? "Yes, on this far side" : `Others too: ${formatCount(alike.length, "VM")}`;
  const here = alike.filter((other) => other.bridgeId === vm.bridgeId).length;
  const where = `${here === 0 ? "none" : here} of them on ${vm.host}`;
  return {
    strong,
    text: farSide ? `${formatCount(alike.length, "other VM")} with this verdict, ${where}` : `with this verdict, ${where}`,
    link,
  };
}

function incidentLink({ incidentId }: VmDetail, incident: IncidentSummary | undefined): Answer["link"] {
  if (incidentId === undefined) return undefined;
  return { href: `/incidents/${incidentId}`, text: incident ? `incident ${incident.number}` : "its incident" };
}

/** Its score in words, what it serves and where it leads, and the weightiest reason. */
function suspectAnswer(vm: VmDetail): Answer | undefined {
  const { suspect } = vm;
  if (!suspect) return undefined;
  const report = suspectOf(vm);
  const serves = report && report.serves.kind !== "unknown" ? servesName(report.serves) : undefined;
  const where = [serves, suspect.farSide && `on ${suspect.farSide.text}`].filter(Boolean).join(" ");
  return { strong: `${suspect.name}, ${SCORE_WORD[suspect.score]}`, text: where || undefined, reason: suspect.reason || undefined };
}

function unsuspectedAnswer(vm: VmDetail): Answer {
  const found = candidates(vm);
  const [first, second] = found;
  if (!first) return { strong: "Nothing that can be yanked from here", text: vm.helps[0]?.text };
  const best = likeliest(found);
  const [likely, ...asLikely] = best;
  if (likely === undefined || likely.suspicion.score === "not-involved") {
    const strong = best.length > 0 && best.length === found.length ? "None of its connections" : "Nothing points anywhere";
    return {
      strong,
      text: second ? `${formatCount(found.length, "connection")}, and no reading speaks for one` : first.suspicion.reasons[0],
    };
  }
  if (asLikely.length === 0) {
    return { strong: `${instanceName(likely.instance)}, ${SCORE_WORD[likely.suspicion.score]}`, text: likely.suspicion.reasons[0] };
  }
  const names = best.slice(0, 3).map((report) => instanceName(report.instance));
  const more = best.length > names.length ? ` or ${best.length - names.length} more` : "";
  return { strong: `One of ${names.join(", ")}${more}`, text: "as much speaks for each of them" };
}

/** What could hold it: no monitor, and not known to be unconnected. */
function candidates(vm: VmDetail): InstanceView[] {
  const cords = vm.instances.filter((report) => report.isMonitor !== true && report.yankable === true);
  const connected = cords.filter((report) => report.connection === "connected" || report.connection === "unknown");
  return connected.length > 0 ? connected : cords;
}
