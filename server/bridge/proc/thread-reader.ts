import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostThread } from "./host-reading.ts";

const MAX_THREADS = 64;
/** QEMU's worker threads come and go by dozens; no more than this many are looked at to find the vCPUs among them. */
const MAX_LOOKED_AT = 256;
const MAX_LOOKS = 20;

/** Numbers of the few system calls that tell something, by architecture. @see Linux arch syscall tables */
const SYSCALLS: Partial<Record<string, Record<string, string>>> = {
  x64: {
    "0": "read",
    "1": "write",
    "7": "poll",
    "35": "nanosleep",
    "45": "recvfrom",
    "46": "sendmsg",
    "47": "recvmsg",
    "61": "wait4",
    "74": "fsync",
    "75": "fdatasync",
    "202": "futex",
    "230": "clock_nanosleep",
    "232": "epoll_wait",
    "247": "waitid",
    "271": "ppoll",
    "281": "epoll_pwait",
    "426": "io_uring_enter",
  },
  arm64: {
    "63": "read",
    "64": "write",
    "73": "ppoll",
    "82": "fsync",
    "83": "fdatasync",
    "95": "waitid",
    "98": "futex",
    "101": "nanosleep",
    "115": "clock_nanosleep",
    "207": "recvfrom",
    "211": "sendmsg",
    "212": "recvmsg",
    "260": "wait4",
    "22": "epoll_pwait",
    "426": "io_uring_enter",
  },
};

/**
 * The threads of a process: main first, then vCPUs, then the rest. From `stat`, `wchan` and `syscall` alone: none of them
 * waits for a lock that a stuck process could hold.
 * @param root of the proc file system.
 * @param vcpuTids known vCPUs; QEMU names them "CPU n/…" since 11, before that only where it was told to (`debug-threads`).
 */
export function readThreads(root: string, pid: number, vcpuTids: readonly number[]): HostThread[] {
  const tids = readdirSync(join(root, String(pid), "task"))
    .map(Number)
    .slice(0, MAX_LOOKED_AT);
  const threads = lookForSleepers(
    root,
    pid,
    tids.flatMap((tid) => readThread(root, pid, tid, vcpuTids) ?? []),
  );
  const order = { main: 0, vcpu: 1, iothread: 2, other: 3 };
  return threads.toSorted((a, b) => order[a.role] - order[b.role]).slice(0, MAX_THREADS);
}

/** The main thread alone: three short reads. */
export function readMainThread(root: string, pid: number): HostThread | undefined {
  return readThread(root, pid, pid, []);
}

/**
 * A vCPU in a write that nobody takes sleeps for a tenth of a millisecond and tries again: one look may find it awake.
 * Only where the main thread waits for a lock is it looked at again.
 */
function lookForSleepers(root: string, pid: number, threads: HostThread[]): HostThread[] {
  if (threads.find((thread) => thread.role === "main")?.syscall !== "futex") return threads;
  if (threads.some((thread) => thread.role === "vcpu" && thread.syscall === "clock_nanosleep")) return threads;
  for (let look = 0; look < MAX_LOOKS; look++) {
    for (const [at, thread] of threads.entries()) {
      if (thread.role !== "vcpu" || thread.state !== "R") continue;
      const again = readThread(root, pid, thread.tid, [thread.tid]);
      if (again?.syscall === "clock_nanosleep") return threads.with(at, again);
    }
  }
  return threads;
}

function readThread(root: string, pid: number, tid: number, vcpuTids: readonly number[]): HostThread | undefined {
  const folder = join(root, String(pid), "task", String(tid));
  const stat = readOrUndefined(join(folder, "stat"));
  const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(stat ?? "") ?? [];
  if (name === undefined || state === undefined) return undefined;
  const waitChannel = readOrUndefined(join(folder, "wchan"))?.trim();
  const syscall = nameOfSyscall(readOrUndefined(join(folder, "syscall")));
  return {
    tid,
    role: roleOf(tid, pid, name, vcpuTids),
    name: name.slice(0, 64),
    state,
    // "0" where it runs, and where it may not be known.
    ...(waitChannel === undefined || waitChannel === "" || waitChannel === "0" ? {} : { waitChannel: waitChannel.slice(0, 128) }),
    ...(syscall === undefined ? {} : { syscall }),
  };
}

function roleOf(tid: number, pid: number, name: string, vcpuTids: readonly number[]): HostThread["role"] {
  if (tid === pid) return "main";
  if (vcpuTids.includes(tid) || /^CPU \d+\//.test(name)) return "vcpu";
  return name.startsWith("IO ") ? "iothread" : "other";
}

/** "202 0x5636…" → futex; undefined for "running", for one that is not in the list, and where it may not be read. */
export function nameOfSyscall(text: string | undefined, architecture: string = process.arch): string | undefined {
  const number = /^(\d+) /.exec(text ?? "")?.[1];
  return number === undefined ? undefined : SYSCALLS[architecture]?.[number];
}

/** What the main thread has started and not waited for: the child of an `exec:` migration. */
export function readChildren(root: string, pid: number): { pid: number; name: string }[] {
  const text = readOrUndefined(join(root, String(pid), "task", String(pid), "children")) ?? "";
  return text
    .split(" ")
    .filter((each) => /^\d+$/.test(each))
    .slice(0, MAX_THREADS)
    .map((each) => ({
      pid: Number(each),
      name:
        readOrUndefined(join(root, each, "comm"))
          ?.trim()
          .slice(0, 64) ?? "?",
    }));
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
