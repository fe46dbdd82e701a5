import { isPostcopy, isTerminalMigration } from "../qapi/migration.ts";
import type { MigrationReport } from "../vm/report.ts";
import type { Effect } from "./plan.ts";
import { isOutOfYanksReach } from "./plannable-vm.ts";
import type { PlannableVm } from "./plannable-vm.ts";

const POSTCOPY_ACKNOWLEDGE =
  "I know that the guest's state is split between two hosts, that both sides then wait to be recovered, and that the source must never be restarted";
const COLO_ACKNOWLEDGE = "I know that one side has to be chosen by hand afterwards, and that both going on would be two guests";

/** What yanking the migration does. @see facts sheet 6.3 */
export function migrationYankEffect(vm: PlannableVm): Effect {
  const migration = vm.report.migration;
  if (migration === undefined) return unknownEffect("its state was never read");
  const kind = unreachableChannel(migration);
  if (kind !== undefined) {
    return {
      sentence: `Nothing happens: ${kind === "file" ? "a" : "an"} ${kind}: migration has no connection that yank could cut.`,
      details: kind === "exec" ? ["End the process that QEMU started for it on the host."] : [],
      reversibility: "nothing",
    };
  }
  if (isTerminalMigration(migration.status) && migration.status !== "none") {
    return { sentence: `Nothing happens: the migration is over (${migration.status}).`, details: [], reversibility: "nothing" };
  }
  if (migration.status === "postcopy-paused") {
    return {
      sentence: "Nothing happens: the migration is paused in postcopy and has no connection.",
      details: ["Recover it with migrate-recover on the destination and migrate with resume on the source."],
      reversibility: "nothing",
    };
  }
  switch (migration.direction) {
    case "outgoing":
      return outgoingEffect(vm, migration);
    case "incoming":
      return incomingEffect(migration);
    case "unknown":
      return unknownEffect("whether it comes or goes is not known");
  }
}

/** The kind of channel that has nothing to shut down, by the uri or, where that was not read, by what was seen of it. */
function unreachableChannel({ uri, channel }: MigrationReport): string | undefined {
  if (isOutOfYanksReach(uri)) return uri?.split(":", 1)[0] ?? "exec";
  return uri === undefined && (channel === "exec" || channel === "file") ? channel : undefined;
}

/** What `migrate_cancel` does, in the statuses in which it is planned. */
export function cancelEffect(vm: PlannableVm): Effect {
  return {
    sentence: `The migration ends as cancelled, and ${goesOn(vm)}.`,
    details: ["Nothing of the guest is lost; the migration has to be started again."],
    reversibility: "ends",
  };
}

/** What `migrate-pause` does. @see QEMU qapi/migration.json, migrate-pause */
export function pauseEffect(): Effect {
  return {
    sentence: "Both sides go to postcopy-paused: the connection is cut, the guest waits on the destination for pages it lacks.",
    details: POSTCOPY_DETAILS,
    reversibility: "loses-state",
    acknowledge: POSTCOPY_ACKNOWLEDGE,
  };
}

/** The other side learns of it from the network: seen on real QEMUs with a network between them that stood still. */
const POSTCOPY_DETAILS = [
  "The other side pauses when it notices the cut; where the network swallows everything it has to be paused there as well.",
  "Recover with migrate-recover on the destination, then migrate with resume on the source.",
  "The guest's state is split between two hosts: never restart the source.",
];

function outgoingEffect(vm: PlannableVm, migration: MigrationReport): Effect {
  switch (migration.status) {
    case "none":
    case "setup":
      return {
        sentence: "Nothing happens: the migration is still connecting, and yank does not reach that.",
        details: ["Cancel it instead."],
        reversibility: "nothing",
      };
    case "pre-switchover":
      return {
        sentence: "The connection is cut, but the migration stays in pre-switchover: it fails only when it is told to continue.",
        details: [`Then it ends as failed, and ${goesOn(vm)}.`],
        reversibility: "ends",
      };
    case "active":
    case "device":
    case "wait-unplug":
    case "cancelling":
    case "failing":
      return {
        sentence: `The migration ends as failed, and ${goesOn(vm)}.`,
        details: ["Nothing of the guest is lost; the migration has to be started again."],
        reversibility: "ends",
      };
    case "colo":
      return {
        sentence: "The connection to the COLO secondary is cut; this side waits for the decision who goes on.",
        details: ["The failover has to be decided by hand, on one side only."],
        reversibility: "loses-state",
        acknowledge: COLO_ACKNOWLEDGE,
      };
    default:
      return isPostcopy(migration.status) ? postcopyEffect("outgoing") : unknownEffect(`its status is ${migration.status}`);
  }
}

function incomingEffect(migration: MigrationReport): Effect {
  switch (migration.status) {
    case "none":
    case "setup":
      return { sentence: "Nothing happens: the destination is waiting for a source to connect.", details: [], reversibility: "nothing" };
    case "active":
    case "device":
    case "failing":
      return {
        sentence:
          "This QEMU process exits: a destination that loses its source ends. The source's migration fails and its guest goes on there.",
        details: ["Only a destination started with exit-on-error=false stays."],
        reversibility: "loses-state",
      };
    case "colo":
      return {
        sentence: "The connection to the COLO primary is cut; this side waits for the decision who goes on.",
        details: ["The failover has to be decided by hand, on one side only."],
        reversibility: "loses-state",
        acknowledge: COLO_ACKNOWLEDGE,
      };
    default:
      return isPostcopy(migration.status) ? postcopyEffect("incoming") : unknownEffect(`its status is ${migration.status}`);
  }
}

function postcopyEffect(direction: "incoming" | "outgoing"): Effect {
  return {
    sentence:
      direction === "outgoing"
        ? "Both sides go to postcopy-paused; the guest is on the destination and waits there for pages that are still here."
        : "Both sides go to postcopy-paused; the guest goes on here until it needs a page that is still on the source.",
    details: POSTCOPY_DETAILS,
    reversibility: "loses-state",
    acknowledge: POSTCOPY_ACKNOWLEDGE,
  };
}

function unknownEffect(why: string): Effect {
  return {
    sentence: `The migration's connection is cut; what that does to the guest is not known, because ${why}.`,
    details: ["Be ready to lose the guest on this side."],
    reversibility: "unknown",
  };
}

function goesOn(vm: PlannableVm): string {
  const runState = vm.report.runState?.value;
  if (runState === undefined) return "the guest goes back to the state it had before";
  return runState === "paused" ? "the guest stays paused" : "the guest goes on here";
}
