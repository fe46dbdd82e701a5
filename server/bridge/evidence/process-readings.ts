import type { ProcessCondition, ProcessReport, ThreadReport } from "#lib/vm/process";
import type { HostProcess, HostThread } from "../proc/host-reading.ts";
import type { Unread } from "./host-readings.ts";

/** Threads that were read so long before the state are not shown beside it: they may have gone on since. */
const THREADS_HOLD_FOR_MS = 500;

interface Threads {
  readonly atMonoMs: number;
  readonly list: readonly HostThread[];
  readonly children: readonly { pid: number; name: string }[];
}

/** What /proc says of one process over the readings of it. */
export class ProcessReadings {
  #latest:
    | {
        readonly pid: number;
        readonly condition: ProcessCondition;
        readonly text: string;
        readonly atMonoMs: number;
        readonly main?: HostThread;
      }
    | undefined;
  #lastState: string | undefined;
  #threads: Threads | undefined;
  /** A vCPU that was seen in a write at the newest reading, and since when it was seen so at every one. */
  #inWrite: { readonly name: string; readonly sinceMonoMs: number; readonly readMonoMs: number; readonly readings: number } | undefined;

  /** When the threads were read last. */
  get threadsMonoMs(): number | undefined {
    return this.#threads?.atMonoMs;
  }

  /** What the main thread had started at the newest reading of the threads. */
  get children(): readonly { readonly pid: number; readonly name: string }[] {
    return this.#threads?.children ?? [];
  }

  get vcpuInWrite(): { name: string; sinceMonoMs: number; readMonoMs: number } | undefined {
    return this.#inWrite !== undefined && this.#inWrite.readings >= 2 ? this.#inWrite : undefined;
  }

  get signature(): string {
    return `${this.#latest?.condition ?? ""}${this.vcpuInWrite?.name ?? ""}${this.children.length}`;
  }

  takeNothing(why: Unread, atMonoMs: number): void {
    if (why === "no-process" || this.#latest === undefined) {
      this.#latest = undefined;
      return;
    }
    this.#latest = { pid: this.#latest.pid, condition: "unknown", text: "its state could not be read in time", atMonoMs };
    this.#lastState = undefined;
  }

  take(reading: HostProcess, atMonoMs: number): void {
    const { condition, text } = this.#judge(reading);
    this.#latest = { pid: reading.pid, condition, text, atMonoMs, main: reading.main };
    this.#lastState = reading.state;
    if (!reading.threads) return;
    this.#threads = { atMonoMs, list: reading.threads, children: reading.children ?? [] };
    const name = vcpuInWrite(reading.threads);
    // Between two tries it is awake; as long as the main thread waits at every reading, it is the same write.
    if (name === undefined && reading.threads.find(({ role }) => role === "main")?.syscall !== "futex") this.#inWrite = undefined;
    if (name !== undefined) {
      const { sinceMonoMs = atMonoMs, readings = 0 } = this.#inWrite ?? {};
      this.#inWrite = { name, sinceMonoMs, readMonoMs: atMonoMs, readings: readings + 1 };
    }
  }

  report(nowMonoMs: number): ProcessReport | undefined {
    if (!this.#latest) return undefined;
    const { pid, condition, text, atMonoMs, main } = this.#latest;
    const threads = this.#threads && atMonoMs - this.#threads.atMonoMs < THREADS_HOLD_FOR_MS ? this.#threads : undefined;
    return {
      pid,
      condition,
      text,
      threads: (threads?.list ?? (main ? [main] : [])).map((thread): ThreadReport => ({ ...thread })),
      ...(threads && threads.children.length > 0 ? { children: threads.children.map((child) => ({ ...child })) } : {}),
      ageMs: nowMonoMs - atMonoMs,
    };
  }

  #judge({ state, unread, frozenCgroup, main }: HostProcess): { condition: ProcessCondition; text: string } {
    if (unread === "gone") return { condition: "gone", text: "the process is gone" };
    if (unread === "not-permitted" || state === undefined) {
      return { condition: "not-permitted", text: "the bridge's user may not look at the process" };
    }
    if (frozenCgroup !== undefined) return { condition: "frozen", text: `its cgroup ${frozenCgroup} is frozen` };
    const where = main?.waitChannel === undefined ? "" : ` in ${main.waitChannel}`;
    switch (state) {
      case "T":
        return { condition: "stopped", text: "stopped by a signal (state T)" };
      case "t":
        return { condition: "stopped", text: "stopped by a debugger (state t)" };
      case "Z":
      case "X":
        return { condition: "zombie", text: `its main thread has exited and was not collected (state ${state})` };
      case "D":
        // Passes in an instant on a busy disk, so that one sighting proves nothing.
        if (this.#lastState === "D") return { condition: "uninterruptible", text: `waits inside the kernel${where} (state D)` };
        return { condition: "alive", text: "alive; seen once in an uninterruptible wait (state D)" };
      case "R":
        return { condition: "alive", text: "alive; its main thread runs" };
      default:
        return { condition: "alive", text: mainText(main) };
    }
  }
}

/** What a sleeping main thread waits for, as far as that tells anything. @see facts sheet 7.3 */
function mainText(main: HostThread | undefined): string {
  const syscall = main?.syscall;
  switch (syscall) {
    case undefined:
      return "alive; its main thread sleeps";
    case "futex":
      return "alive; its main thread waits for a lock (futex)";
    case "wait4":
    case "waitid":
      return `alive; its main thread waits for a child process to end (${syscall})`;
    case "io_uring_enter":
      // QEMU's main loop proper sleeps in ppoll; this is the loop inside it that waits for requests to finish.
      return "alive; its main thread waits for I/O inside a command (io_uring_enter)";
    case "ppoll":
    case "poll":
    case "epoll_wait":
    case "epoll_pwait":
      return `alive; its main thread waits for events (${syscall}), which an idle one does too`;
    default:
      return `alive; its main thread is in ${syscall}`;
  }
}

/**
 * A vCPU that writes to a chardev which takes nothing sleeps a moment between two tries, with the big lock held, for which
 * the main thread waits. Which chardev it is is not told.
 */
function vcpuInWrite(threads: readonly HostThread[]): string | undefined {
  const main = threads.find((thread) => thread.role === "main");
  if (main?.syscall !== "futex") return undefined;
  const vcpus = threads.filter((thread) => thread.role === "vcpu");
  // Before QEMU 11 threads have names only where it was told to name them.
  const candidates = vcpus.length > 0 ? vcpus : threads.filter((thread) => thread.role === "other");
  const sleeper = candidates.find(({ syscall }) => syscall === "clock_nanosleep" || syscall === "nanosleep");
  if (!sleeper) return undefined;
  return vcpus.length > 0 ? `a vCPU (thread ${sleeper.tid}, ${sleeper.name})` : `thread ${sleeper.tid}, which may be a vCPU,`;
}
