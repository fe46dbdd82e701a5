import { recoverCommands } from "../diagnosis/help-for-migration.ts";
import { qmpLine } from "../diagnosis/quoting.ts";
import { rankSuspects } from "../diagnosis/rank-suspects.ts";
import { whatHelps } from "../diagnosis/what-helps.ts";
import { instanceKey, instanceName } from "../vm/instance.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import { servesWords } from "../vm/serves-words.ts";
import type { ActTarget, NextStep } from "./act.ts";
import type { Action } from "./plan.ts";
import { replaceNodeCommands } from "./replace-node.ts";

/**
 * What a person does after an act, in this very case: commands with the names and addresses of this VM, for another
 * monitor of it. Pure; Ripcord runs none of them. Empty while the verdict is pending.
 * @param report the VM as it is known now; undefined where it is gone.
 */
export function nextSteps(action: Action, target: ActTarget, report: VmReport | undefined): NextStep[] {
  switch (target.verdict) {
    case "pending":
      return [];
    case "none":
      return [
        {
          text:
            target.state === "refused"
              ? "nothing was cut: make a new plan by what the VM lists now"
              : "nothing was sent: look at the VM, and make a new plan where it is still needed",
        },
      ];
    case "unknown":
      return [{ text: "look at the VM before anything else: whether the command arrived is not known, and it is not sent again" }];
    case "connection-lost":
      return [
        { text: "look at the VM: Ripcord connects to it again by itself, and negotiates out-of-band as soon as its main loop answers" },
      ];
    case "worse":
      return report === undefined ? [START_AGAIN] : [...afterCut(action, target, report), ...helpSteps(report, [])];
    case "rehung":
      return report === undefined ? [] : afterRehang(target, report);
    case "no-visible-effect":
      return report === undefined ? [] : helpSteps(report, target.instances.map(instanceKey));
    case "recovered":
      if (target.recoveredParts?.includes("process-ended")) return [{ text: "nothing: the process has ended, as it had been asked to" }];
      return report === undefined ? [] : orNothing(afterCut(action, target, report));
    case "took-effect":
      return report === undefined ? [START_AGAIN] : orNothing(afterCut(action, target, report));
  }
}

const START_AGAIN: NextStep = { text: "start the VM again: its process is gone" };

function orNothing(steps: NextStep[]): NextStep[] {
  return steps.length > 0 ? steps : [{ text: "nothing: what was cut comes back by itself" }];
}

/** What helps now, but for another pull of the same cord. */
function helpSteps(report: VmReport, keys: readonly string[]): NextStep[] {
  const helps = whatHelps(report, rankSuspects(report, { troubledCount: () => 0 }));
  return helps
    .filter(({ code, key }) => code !== "yank" || key === undefined || !keys.includes(key))
    .map(({ text, commands }) => ({ text, ...(commands === undefined ? {} : { commands }) }));
}

function afterCut(action: Action, target: ActTarget, report: VmReport): NextStep[] {
  if (action !== "yank") return afterMigration(report.migration);
  return target.instances.flatMap((instance) => {
    if (instance.type === "migration") return afterMigration(report.migration);
    const key = instanceKey(instance);
    const now = report.instances.find((candidate) => instanceKey(candidate.instance) === key);
    if (now === undefined) return [];
    return instance.type === "block-node" ? afterBlockNode(now, report) : afterChardev(now);
  });
}

function afterBlockNode(instance: InstanceReport, report: VmReport): NextStep[] {
  const { serves, farSide } = instance;
  const node = instanceName(instance.instance);
  const server = farSide?.text ?? "its server";
  switch (serves.kind) {
    case "guest-disk": {
      const commands = replaceNodeCommands(instance);
      const isPaused = report.runState?.value === "io-error";
      const then = isPaused ? "; the guest, which is paused by the I/O error, then goes on where it stopped" : "";
      return [
        { text: `bring ${server} back, and see that it answers` },
        {
          text: `replace ${node}, which answers errors for ever${then}`,
          ...(commands === undefined ? {} : { commands }),
        },
        { text: `look inside the guest: a file system that met errors may have turned read-only and wants a check` },
      ];
    }
    case "job-target":
      return [
        {
          text: `bring ${server} back, close ${node}, add it again and start the ${serves.jobType ?? "job"} anew`,
          commands: [qmpLine({ execute: "query-jobs" }), qmpLine({ execute: "blockdev-del", arguments: { "node-name": node } })],
        },
      ];
    case "job-source":
      return [{ text: `see how job ${serves.owner ?? ""} ended, and replace ${node}`, commands: [qmpLine({ execute: "query-jobs" })] }];
    case "replication":
      return [{ text: "set the replication up again, or go on without it: the guest's disk is not replicated now" }];
    case "nothing":
      return [
        {
          text: `close ${node}, which nothing uses any more; a job that used it has to be started anew`,
          commands: [qmpLine({ execute: "blockdev-del", arguments: { "node-name": node } })],
        },
      ];
    default:
      return [{ text: `find out what used ${node}: it answers errors until it is replaced` }];
  }
}

function afterChardev(instance: InstanceReport): NextStep[] {
  const id = instanceName(instance.instance);
  const what = servesWords(instance.serves);
  if (instance.serves.kind === "tpm")
    return [{ text: "start the VM anew when the guest needs its TPM: QEMU does not connect to the emulator again" }];
  if (instance.isServer === true) return [{ text: `connect to ${what} again, with a reader that reads: ${id} listens` }];
  if (instance.reconnectMs !== undefined && instance.reconnectMs > 0) {
    return [
      {
        text: `see that ${instance.farSide?.text ?? "the far side"} reads: ${id} connects to it again by itself, and hangs again where it does not`,
      },
    ];
  }
  return [{ text: `connect ${what} again with chardev-change, or plug its device again`, commands: [chardevChange(instance)] }];
}

/** @see QEMU qapi/char.json, chardev-change */
function chardevChange({ instance, farSide }: InstanceReport): string {
  return qmpLine({
    execute: "chardev-change",
    arguments: {
      id: instanceName(instance),
      backend: { type: "socket", data: { addr: addressOf(farSide?.text ?? ""), server: false } },
    },
  });
}

/** A far side that was read is a path or `host:port`; what was not is left to be filled in. */
function addressOf(text: string): Record<string, unknown> {
  if (text.startsWith("/")) return { type: "unix", data: { path: text } };
  const tcp = /^(.+):(\d+)$/.exec(text);
  return { type: "inet", data: { host: tcp?.[1]?.replaceAll(/^\[|\]$/g, "") ?? "HOST", port: tcp?.[2] ?? "PORT" } };
}

function afterMigration(migration: MigrationReport | undefined): NextStep[] {
  if (migration === undefined) return [];
  const { status, direction } = migration;
  if (status === "postcopy-paused") {
    return [
      {
        text: "recover the migration: the first command on the destination, then the second on the source; never restart the source",
        commands: recoverCommands(migration),
      },
    ];
  }
  if (status === "pre-switchover") {
    return [
      {
        text: "tell the migration to go on: its connection is cut, so that it fails then and the guest goes on here",
        commands: [qmpLine({ execute: "migrate-continue", arguments: { state: "pre-switchover" } })],
      },
    ];
  }
  if (direction === "incoming")
    return [{ text: "start a destination again where the migration is still wanted; the guest is on its source" }];
  const uri = migration.uri?.startsWith("tcp:") || migration.uri?.startsWith("unix:") ? migration.uri : undefined;
  return [
    {
      text: "start the migration again once its destination listens anew",
      commands: [qmpLine({ execute: "migrate", arguments: { uri: uri ?? "tcp:DESTINATION:PORT" } })],
    },
  ];
}

/** A client that connects again to a far side that does not read hangs for ever again: it has to be stopped at the root. */
function afterRehang(target: ActTarget, report: VmReport): NextStep[] {
  const steps = helpSteps(report, []);
  const chardevs = target.instances.filter((instance) => instance.type === "chardev");
  return [
    ...steps,
    ...chardevs.map((instance): NextStep => {
      const id = instanceName(instance);
      return {
        text: `right after the next yank, while the main loop answers, take ${id} off its far side, so that it does not come back to it`,
        commands: [qmpLine({ execute: "chardev-change", arguments: { id, backend: { type: "null", data: {} } } })],
      };
    }),
  ];
}
