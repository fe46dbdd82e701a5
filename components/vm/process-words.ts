import { assertNever } from "#lib/assert-never";
import type { ProcessCondition, ThreadReport } from "#lib/vm/process";

export function conditionWord(condition: ProcessCondition): string {
  switch (condition) {
    case "alive":
      return "Alive";
    case "stopped":
      return "Stopped";
    case "uninterruptible":
      return "Waits in the kernel";
    case "frozen":
      return "Frozen";
    case "zombie":
      return "Exited, not collected";
    case "gone":
      return "Gone";
    case "not-permitted":
      return "Not readable";
    case "unknown":
      return "Not known";
    default:
      return assertNever(condition);
  }
}

const ROLE_WORD: Record<ThreadReport["role"], string> = { main: "main loop", vcpu: "vCPU", iothread: "I/O thread", other: "other" };

export function roleWord(role: ThreadReport["role"]): string {
  return ROLE_WORD[role];
}

const STATE_WORD: Record<string, string> = {
  R: "runs",
  S: "sleeps",
  D: "waits in the kernel",
  T: "stopped",
  t: "stopped by a debugger",
  Z: "exited",
  X: "dead",
  I: "idle",
};

/** What a thread does: the state as proc(5) spells it in words, and where it sleeps. A letter nobody knows is shown raw. */
export function threadWords({ state, waitChannel, syscall }: ThreadReport): string {
  const word = STATE_WORD[state] ?? `state ${state}`;
  const where = [waitChannel && `in ${waitChannel}`, syscall && `(${syscall})`].filter(Boolean).join(" ");
  return where === "" ? word : `${word} ${where}`;
}
