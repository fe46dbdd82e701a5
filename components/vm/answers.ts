import { assertNever } from "#lib/assert-never";
import type { InstanceView, VmDetail, VmSummary } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import { instanceName } from "#lib/vm/instance";
import { servesWords } from "#lib/vm/serves-words";
import { formatCount } from "../ui/format.ts";
import { costOfCut } from "./instance-words.ts";
import { VERDICT_WORD } from "./verdict-words.ts";

/** The answer to one of the page's questions: the answer itself, and what supports it. */
export interface Answer {
  strong: string;
  text?: string;
}

const NOTHING_KNOWN: Answer = { strong: "Not known" };

/** What holds this VM, as far as it is established; where it is not, what could. */
export function whatHoldsIt(vm: VmDetail): Answer {
  const { health } = vm;
  switch (health.kind) {
    case "main-loop-hung":
      return candidatesAnswer(candidates(vm));
    case "io-stalled":
      return { strong: health.nodes.join(", "), text: farSidesOf(vm, health.nodes) };
    case "migration-stalled":
      return { strong: "The migration", text: vm.migration?.uri === undefined ? "no bytes move" : `no bytes move to ${vm.migration.uri}` };
    case "silent":
      return {
        strong: "Not a connection: nothing to yank",
        text:
          health.reason === "stopped" && vm.incarnation.pid !== undefined
            ? `continue the process: kill -CONT ${vm.incarnation.pid}`
            : undefined,
      };
    case "guest-stopped":
      return { strong: "QEMU stopped the guest", text: `run state ${health.runState}` };
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
  if (health.kind === "migration-stalled") return { strong: "The migration", text: "the guest goes on; cancelling is softer than yanking" };
  if (health.kind !== "main-loop-hung" && health.kind !== "io-stalled") {
    return isTrouble(health.kind) ? { strong: "A yank does not help here" } : { strong: "Nothing to cut now" };
  }
  const named =
    health.kind === "io-stalled" ? vm.instances.filter((report) => health.nodes.includes(instanceName(report.instance))) : candidates(vm);
  const [first, ...others] = named;
  if (!first) return { strong: "No cord can be pulled from here" };
  const cost = costOfCut(first);
  if (others.every((other) => costOfCut(other).strong === cost.strong)) return cost;
  return { strong: `${cost.strong} (${instanceName(first.instance)})`, text: "it differs by cord: each plan says it in full" };
}

/**
 * Whether others have the same verdict now.
 * @param fleet undefined while the rest of the fleet is not known.
 */
export function onlyThisOne(vm: VmDetail, fleet: VmSummary[] | undefined): Answer {
  if (!isTrouble(vm.health.kind)) return { strong: "No trouble here" };
  if (!fleet) return NOTHING_KNOWN;
  const others = fleet.filter((other) => other.vmId !== vm.vmId && other.endedAtMs === undefined && other.health.kind === vm.health.kind);
  if (others.length === 0) return { strong: "Yes, only this one", text: `${VERDICT_WORD[vm.health.kind].toLowerCase()} nowhere else` };
  const here = others.filter((other) => other.bridgeId === vm.bridgeId).length;
  return {
    strong: `No, ${formatCount(others.length, "other VM")}`,
    text: here > 0 ? `${here} of them on ${vm.host}` : `none of them on ${vm.host}`,
  };
}

/** What could be cut: connected or not known to be unconnected. */
function candidates(vm: VmDetail): InstanceView[] {
  const yankable = vm.instances.filter((report) => report.yankable === true);
  const connected = yankable.filter((report) => report.connection === "connected" || report.connection === "unknown");
  return connected.length > 0 ? connected : yankable;
}

function candidatesAnswer(reports: InstanceView[]): Answer {
  const [first, second] = reports;
  if (!first) return { strong: "Nothing that can be yanked from here" };
  if (!second) {
    const where = first.farSide ? ` on ${first.farSide.text}` : "";
    return { strong: `${instanceName(first.instance)}, the only cord`, text: `${servesWords(first.serves)}${where}` };
  }
  const names = reports.slice(0, 3).map((report) => instanceName(report.instance));
  const more = reports.length > names.length ? ` or ${reports.length - names.length} more` : "";
  return { strong: `One of ${names.join(", ")}${more}`, text: "which one is not established" };
}

function farSidesOf(vm: VmDetail, nodes: string[]): string | undefined {
  const farSides = vm.instances
    .filter((report) => nodes.includes(instanceName(report.instance)))
    .flatMap((report) => report.farSide?.text ?? []);
  return farSides.length === 0 ? undefined : `on ${[...new Set(farSides)].join(", ")}`;
}
