import type { SilentReason } from "../health/verdict.ts";
import type { ProcessCondition } from "../vm/process.ts";
import type { VmReport } from "../vm/report.ts";
import type { Help } from "./help.ts";

/** What helps a process that stands still as a whole: nothing that is sent to its monitor would be read. */
export function helpForProcess(report: VmReport): Help[] {
  const condition = conditionOf(report);
  const pid = report.process?.pid ?? report.incarnation.pid;
  const who = pid === undefined ? "the process" : `pid ${pid}`;
  switch (condition) {
    case "stopped":
      return isTraced(report)
        ? [
            {
              code: "continue-process",
              text: `let the debugger go that holds ${who}`,
              ...commands(pid, (id) => [`grep TracerPid /proc/${id}/status`]),
            },
          ]
        : [{ code: "continue-process", text: `continue ${who}: it is stopped`, ...commands(pid, (id) => [`kill -CONT ${id}`]) }];
    case "frozen":
      return [
        {
          code: "thaw-cgroup",
          text: `thaw the cgroup of ${who}, or the one above it that is frozen`,
          ...commands(pid, (id) => [
            `cg=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/${id}/cgroup)`,
            'for d in "$cg" "${cg%/*}" "${cg%/*/*}"; do grep -H . "$d/cgroup.freeze"; done',
            'echo 0 > "$cg/cgroup.freeze"',
          ]),
        },
      ];
    case "uninterruptible":
      return [
        {
          code: "heal-storage",
          text: `heal ${storageOf(report)}: ${who} waits for it inside the kernel, where neither yank nor kill reaches`,
          ...commands(pid, (id) => [`cat /proc/${id}/wchan`, "grep -E ' (nfs|nfs4|ceph|fuse[^ ]*|cifs) ' /proc/mounts"]),
        },
      ];
    case "zombie":
    case "gone":
      return [{ code: "restart-vm", text: `start the VM again: ${who} has exited` }];
    case "alive":
    case "not-permitted":
    case "unknown":
      return [];
  }
}

/** The verdict and the process tell the same thing; the newer one, the process, is read only while it can be. */
function conditionOf({ health: { verdict }, process }: VmReport): ProcessCondition {
  const isTold = process && !["alive", "unknown", "not-permitted"].includes(process.condition);
  if (isTold) return process.condition;
  return verdict.kind === "silent" ? conditionBySilence(verdict.reason) : "unknown";
}

function conditionBySilence(reason: SilentReason): ProcessCondition {
  return reason === "no-oob" ? "unknown" : reason;
}

function isTraced({ process }: VmReport): boolean {
  return process?.threads.some((thread) => thread.state === "t") === true;
}

const STORAGE: readonly (readonly [RegExp, string])[] = [
  [/^(nfs|rpc)/, "the NFS server or its mount"],
  [/^(ceph|rbd)/, "the Ceph cluster"],
  [/^(fuse|request_wait_answer)/, "the FUSE file system"],
  [/^(cifs|smb)/, "the SMB server or its mount"],
  [/^(blk|io_schedule|bio|submit_bio|jbd2|ext4|xfs|btrfs|folio_wait|wait_on_page|rq_qos)/, "the host's own storage"],
];

/** By the kernel function that it sleeps in; what that is not known to be is not guessed. */
function storageOf({ process }: VmReport): string {
  const channels = (process?.threads ?? []).flatMap((thread) =>
    thread.state === "D" && thread.waitChannel !== undefined ? [thread.waitChannel] : [],
  );
  for (const channel of channels) {
    const known = STORAGE.find(([pattern]) => pattern.test(channel));
    if (known) return `${known[1]} (it waits in ${channel})`;
  }
  return channels[0] === undefined ? "the storage that it uses" : `what it waits for in ${channels[0]}`;
}

function commands(pid: number | undefined, of: (pid: number) => string[]): Pick<Help, "commands"> {
  return pid === undefined ? {} : { commands: of(pid) };
}
