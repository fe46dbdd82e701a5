import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { LabError, messageOf } from "./lab-error.ts";
import { type ProcessIdentity, readProcessStat, signalProcess } from "./process-identity.ts";
import type { ProcessLedger } from "./process-ledger.ts";
import { waitFor } from "./wait-for.ts";

const DEFAULT_GRACE_MS = 1_500;
const OUTPUT_TAIL_CHARACTERS = 4_000;

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface LabProcessSpec {
  /** For messages and the ledger: "QEMU of db-prod-07". */
  what: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Called with everything the process prints; without it only the end is kept. */
  onOutput?: (chunk: string, stream: "stdout" | "stderr") => void;
}

/**
 * A child of the lab. It stands in its own process group, so that Ctrl-C at the terminal reaches the lab alone and the
 * lab decides in which order things end. Whoever starts one calls `stop()`, which may be called twice.
 */
export class LabProcess {
  readonly what: string;
  readonly exited: Promise<ExitStatus>;
  readonly #child: ChildProcess;
  readonly #identity: ProcessIdentity | undefined;
  #exit: ExitStatus | undefined;
  #outputTail = "";
  #stopping: Promise<void> | undefined;

  private constructor(child: ChildProcess, spec: LabProcessSpec, ledger: ProcessLedger) {
    this.what = spec.what;
    this.#child = child;
    this.#identity = child.pid === undefined ? undefined : ledger.add(child.pid, spec.what);
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.setEncoding("utf8").on("data", (chunk: string) => {
        this.#outputTail = (this.#outputTail + chunk).slice(-OUTPUT_TAIL_CHARACTERS);
        spec.onOutput?.(chunk, stream);
      });
    }
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#exit = { code, signal };
        if (child.pid !== undefined) ledger.remove(child.pid);
        resolve(this.#exit);
      });
    });
  }

  /** @throws LabError when the program could not be started. */
  static async start(ledger: ProcessLedger, spec: LabProcessSpec): Promise<LabProcess> {
    const child = spawn(spec.command, spec.args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env: spec.env ?? process.env });
    const started = new LabProcess(child, spec, ledger);
    try {
      await once(child, "spawn");
    } catch (error) {
      throw new LabError(`Could not start ${spec.what}: ${messageOf(error)}`);
    }
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get exitStatus(): ExitStatus | undefined {
    return this.#exit;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** The last few lines it printed, trimmed. */
  get outputTail(): string {
    return this.#outputTail.trim();
  }

  /** SIGSTOP; resolves once the kernel shows the process as stopped. */
  async freeze(): Promise<void> {
    this.signal("SIGSTOP");
    await waitFor(`${this.what} to be stopped`, () => (readProcessStat(this.pid)?.state === "T" ? true : undefined), { intervalMs: 2 });
  }

  /** SIGCONT; harmless where it runs, or is gone. */
  thaw(): void {
    this.signal("SIGCONT");
  }

  /** @returns false when the process is gone. */
  signal(signal: NodeJS.Signals): boolean {
    return this.isRunning && this.#identity !== undefined && signalProcess(this.#identity, signal);
  }

  /** SIGTERM, and SIGKILL after `graceMs`. A stopped process is woken first, else it could not obey. */
  stop(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    if (!this.isRunning) return;
    this.signal("SIGTERM");
    this.thaw();
    const timer = new AbortController();
    await Promise.race([this.exited, delay(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    this.signal("SIGKILL");
    await this.exited;
  }
}
