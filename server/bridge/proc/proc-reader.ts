import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { QmpClock } from "#server/qmp/clock";
import { systemClock } from "#server/qmp/clock";
import type { MonitorAddress, ProcReader } from "../vm/ports.ts";
import type { HostAnswer, HostQuestion } from "./host-reading.ts";
import type { ProcQuestion, ProcReply } from "./proc-messages.ts";

/** One helper process as the reader sees it; another kind in tests. */
export interface HelperProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Sends SIGKILL. A process in uninterruptible sleep outlives it until its read returns. */
  kill(): void;
  /** Calls back once, when the process has ended or could not be started. */
  onExit(callback: () => void): void;
}

export interface ProcReaderOptions {
  /** Told when a helper had to be killed. */
  readonly logger?: { warn(details: object, text: string): void };
  /** How long the helper may say nothing while it owes an answer; default 1,000. Then it is killed and started anew. */
  readonly timeoutMs?: number;
  /** How long one question may take while the helper says that it is at work (a search of all processes); default 10,000. */
  readonly searchTimeoutMs?: number;
  readonly clock?: QmpClock;
  readonly startHelper?: () => HelperProcess;
}

const DEFAULT_TIMEOUT_MS = 1_000;
const DEFAULT_SEARCH_TIMEOUT_MS = 10_000;
/** A helper that starts must first load Node. */
const START_TIMEOUT_MS = 5_000;
/** Between two starts: a helper that hangs in the kernel cannot be killed, and they must not pile up. */
const MIN_RESTART_MS = 250;
const MAX_RESTART_MS = 60_000;
/** A timer that comes so late tells of this process and not of the helper. */
const OWN_STALL_MS = 250;

/**
 * Reads /proc through a helper process, so that a read that blocks never blocks the bridge, its event loop or its thread
 * pool. Owned by the bridge's compose; starts its helper at the first question, and `close` ends it.
 */
export function createProcReader(options: ProcReaderOptions = {}): ProcReader {
  return new HelperProcReader(options);
}

interface Waiting {
  readonly settle: (value: unknown) => void;
  readonly stopTimer: () => void;
}

const TIMED_OUT = Symbol("timed out");

class HelperProcReader implements ProcReader {
  readonly #timeoutMs: number;
  readonly #searchTimeoutMs: number;
  readonly #clock: QmpClock;
  readonly #startHelper: () => HelperProcess;
  readonly #logger: ProcReaderOptions["logger"];
  readonly #waiting = new Map<number, Waiting>();
  #helper: HelperProcess | undefined;
  #stopSilenceTimer: (() => void) | undefined;
  #hasSpoken = false;
  #lastId = 0;
  #restartMs = MIN_RESTART_MS;
  #startedMonoMs = -Infinity;
  #isClosed = false;

  constructor(options: ProcReaderOptions) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#searchTimeoutMs = options.searchTimeoutMs ?? DEFAULT_SEARCH_TIMEOUT_MS;
    this.#clock = options.clock ?? systemClock;
    this.#startHelper = options.startHelper ?? startHelperProcess;
    this.#logger = options.logger;
  }

  async findListener(address: MonitorAddress): ReturnType<ProcReader["findListener"]> {
    const value = await this.#ask({ op: "find-listener", address }, this.#searchTimeoutMs);
    return value === TIMED_OUT ? { unknown: "time-out" } : (value as Awaited<ReturnType<ProcReader["findListener"]>>);
  }

  async readState(pid: number): ReturnType<ProcReader["readState"]> {
    const value = await this.#ask({ op: "read-state", pid }, this.#timeoutMs);
    return value === TIMED_OUT ? { unknown: "time-out" } : (value as Awaited<ReturnType<ProcReader["readState"]>>);
  }

  async readCommandLine(pid: number): Promise<string[] | undefined> {
    const value = await this.#ask({ op: "read-command-line", pid }, this.#timeoutMs);
    return Array.isArray(value) ? (value as string[]) : undefined;
  }

  async hasOtherPeer(path: string): Promise<boolean | undefined> {
    const value = await this.#ask({ op: "has-other-peer", path }, this.#timeoutMs);
    return typeof value === "boolean" ? value : undefined;
  }

  async readHost(question: HostQuestion): Promise<HostAnswer | undefined> {
    const value = await this.#ask({ op: "read-host", ...question }, this.#timeoutMs);
    return value === TIMED_OUT || value === null ? undefined : (value as HostAnswer);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const helper = this.#helper;
    this.#lose();
    if (!helper) return;
    await new Promise<void>((resolve) => {
      const stopTimer = this.#clock.setTimer(() => {
        helper.kill();
        resolve();
      }, this.#timeoutMs);
      helper.onExit(() => {
        stopTimer();
        resolve();
      });
      helper.stdin.end();
    });
  }

  async #ask(question: ProcQuestion, timeoutMs: number): Promise<unknown> {
    const helper = this.#isClosed ? undefined : this.#running();
    if (!helper) return TIMED_OUT;
    const id = ++this.#lastId;
    return await new Promise((resolve) => {
      const settle = (value: unknown): void => {
        this.#waiting.delete(id);
        stopTimer();
        resolve(value);
      };
      const stopTimer = this.#whenLate(() => settle(TIMED_OUT), this.#hasSpoken ? timeoutMs : Math.max(timeoutMs, START_TIMEOUT_MS));
      this.#waiting.set(id, { settle, stopTimer });
      if (!this.#stopSilenceTimer) this.#expectWord(helper);
      helper.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    });
  }

  /** The helper, started where there is none; undefined while it is too early to start another. */
  #running(): HelperProcess | undefined {
    if (this.#helper) return this.#helper;
    const now = this.#clock.nowMonoMs();
    if (now - this.#startedMonoMs < this.#restartMs) return undefined;
    // Doubled at each start, and back to the shortest as soon as a helper answers.
    if (this.#startedMonoMs !== -Infinity) this.#restartMs = Math.min(MAX_RESTART_MS, this.#restartMs * 2);
    this.#startedMonoMs = now;
    const helper = this.#startHelper();
    this.#helper = helper;
    this.#hasSpoken = false;
    // The pipe breaks when the helper dies; its exit says so too.
    helper.stdin.on("error", () => undefined);
    helper.onExit(() => {
      if (this.#helper === helper) this.#lose();
    });
    createInterface({ input: helper.stdout }).on("line", (line) => {
      if (this.#helper === helper) this.#hear(helper, line);
    });
    return helper;
  }

  #hear(helper: HelperProcess, line: string): void {
    const message = parseReply(line);
    if (!message) return;
    this.#hasSpoken = true;
    this.#restartMs = MIN_RESTART_MS;
    if ("id" in message) this.#waiting.get(message.id)?.settle(message.value);
    this.#stopSilenceTimer?.();
    this.#stopSilenceTimer = undefined;
    if (this.#waiting.size > 0) this.#expectWord(helper);
  }

  /** A helper that owes an answer and says nothing for so long hangs in a read. */
  #expectWord(helper: HelperProcess): void {
    const withinMs = this.#hasSpoken ? this.#timeoutMs : START_TIMEOUT_MS;
    this.#stopSilenceTimer = this.#whenLate(() => {
      this.#stopSilenceTimer = undefined;
      if (this.#helper !== helper) return;
      this.#logger?.warn({ questions: this.#waiting.size, withinMs }, "the helper that reads /proc said nothing in time and was killed");
      this.#lose();
      helper.kill();
    }, withinMs);
  }

  /** Where this process itself stood still until now, what the helper said meanwhile has to be read before it is blamed. */
  #whenLate(callback: () => void, afterMs: number): () => void {
    const dueMonoMs = this.#clock.nowMonoMs() + afterMs;
    let stop = this.#clock.setTimer(() => {
      if (this.#clock.nowMonoMs() - dueMonoMs < OWN_STALL_MS) callback();
      else stop = this.#clock.setTimer(callback, OWN_STALL_MS);
    }, afterMs);
    return () => stop();
  }

  /** No helper any more: everybody who waits for it is told that it took too long. */
  #lose(): void {
    this.#helper = undefined;
    this.#stopSilenceTimer?.();
    this.#stopSilenceTimer = undefined;
    for (const waiting of this.#waiting.values()) waiting.settle(TIMED_OUT);
  }
}

function parseReply(line: string): ProcReply | undefined {
  try {
    return JSON.parse(line) as ProcReply;
  } catch {
    return undefined;
  }
}

/** @param root of the proc file system; another one in tests. */
export function startHelperProcess(root = "/proc"): HelperProcess {
  const path = fileURLToPath(new URL("./helper-main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path, root], { stdio: ["pipe", "pipe", "inherit"] });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    kill: () => void child.kill("SIGKILL"),
    onExit(callback) {
      if (child.exitCode !== null || child.signalCode !== null) callback();
      else {
        child.once("exit", callback);
        child.once("error", callback);
      }
    },
  };
}
