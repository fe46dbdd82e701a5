import type { MigrationReport, VmReport } from "../vm/report.ts";
import { isPostcopy } from "../qapi/migration.ts";
import { refuseVm } from "../yank/refusals.ts";
import type { Help } from "./help.ts";
import { qmpLine } from "./quoting.ts";

/** What helps a migration, and a COLO pair. */
export function helpForMigration(report: VmReport): Help[] {
  const helps: Help[] = [];
  if (report.colo?.isFailoverDue === true) helps.push(failoverHelp(report.colo.role));
  const { migration } = report;
  if (migration === undefined) return helps;
  if (migration.status === "postcopy-paused") return [...helps, recoverHelp(migration)];
  if (!isInTheWay(report, migration)) return helps;
  if (isThroughChild(migration)) return [...helps, childHelp(report)];
  if (isPostcopy(migration.status)) return [...helps, ...pauseHelps(report, migration)];
  if (migration.isNotConverging === true) {
    helps.push({
      code: "wait",
      text: "give it more bandwidth or a longer downtime: the guest changes its memory faster than it is sent",
      commands: [qmpLine({ execute: "migrate-set-parameters", arguments: { "downtime-limit": 2_000 } })],
    });
  }
  if (migration.direction === "incoming") helps.push(SOURCE_HELP);
  if (refuseVm({ report, bridgeId: "", host: "", isLost: false }, "cancel-migration") === undefined) {
    helps.push({ code: "cancel-migration", text: cancelText(migration), key: "migration" });
  }
  return helps;
}

const SOURCE_HELP: Help = {
  code: "heal-far-side",
  text: "look at the source: what comes from there stands still; where it does not go on, cancel the migration there, and the guest goes on there",
  key: "migration",
};

/** The commands for both sides of a postcopy that lost its connection. The destination first: it has to listen again. */
export function recoverCommands(migration: Pick<MigrationReport, "uri">): string[] {
  const uri = migration.uri?.startsWith("tcp:") || migration.uri?.startsWith("unix:") ? migration.uri : "tcp:DESTINATION:PORT";
  return [
    qmpLine({ "exec-oob": "migrate-recover", arguments: { uri } }),
    qmpLine({ execute: "migrate", arguments: { uri, resume: true } }),
  ];
}

function recoverHelp(migration: MigrationReport): Help {
  return {
    code: "recover-postcopy",
    text: "recover it: the first command on the destination, then the second on the source; never restart the source, the guest's state is split between the two",
    commands: recoverCommands(migration),
    key: "migration",
  };
}

function failoverHelp(role: "primary" | "secondary"): Help {
  return {
    code: "decide-failover",
    text: `decide which side goes on, and send the command there alone: this one is the ${role}, and both going on would be two guests`,
    commands: [qmpLine({ execute: "x-colo-lost-heartbeat" })],
  };
}

/** Its being there is no trouble; what it holds up is. */
function isInTheWay({ health: { verdict } }: VmReport, migration: MigrationReport): boolean {
  if (verdict.kind === "migration-stalled" || migration.isNotConverging === true) return true;
  return (
    verdict.kind === "main-loop-hung" &&
    (migration.status === "cancelling" || migration.status === "device" || migration.status === "active")
  );
}

function isThroughChild({ channel, uri }: MigrationReport): boolean {
  return channel === "exec" || uri?.startsWith("exec:") === true;
}

function childHelp({ process, incarnation }: VmReport): Help {
  const children = process?.children ?? [];
  const parent = process?.pid ?? incarnation.pid;
  if (children.length > 0) {
    const names = children.map(({ pid, name }) => `pid ${pid} (${name})`).join(", ");
    return {
      code: "end-child",
      text: `end what the migration started: ${names}; an exec: migration has no connection that yank could cut, and cancelling it waits for the child`,
      commands: children.map(({ pid }) => `kill ${pid}`),
    };
  }
  return {
    code: "end-child",
    text: "end the process that QEMU started for the migration: an exec: migration has no connection that yank could cut, and cancelling it waits for the child",
    ...(parent === undefined ? {} : { commands: [`ps --ppid ${parent} -o pid,stat,args`] }),
  };
}

function pauseHelps(report: VmReport, migration: MigrationReport): Help[] {
  const later = "recover it afterwards on both sides; never restart the source";
  if (refuseVm({ report, bridgeId: "", host: "", isLost: false }, "pause-postcopy") !== undefined) return [];
  return [
    {
      code: "pause-postcopy",
      text: `pause it, which cuts its connection on both sides; ${later}`,
      commands: recoverCommands(migration),
      key: "migration",
    },
  ];
}

function cancelText({ status }: MigrationReport): string {
  return status === "setup"
    ? "cancel the migration: it still connects, which yank does not reach"
    : "cancel the migration: it ends orderly, and the guest goes on here";
}
