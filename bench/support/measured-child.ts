import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What a measured process says of itself when asked. */
export interface Reading {
  /** User and system time so far, of the process and of its helpers. */
  cpuMs: number;
  /** The helpers' part of it, where there are any. */
  helpersCpuMs: number;
  /** After a full collection; only where the process was started with `--expose-gc` and asked for it. */
  heapBytes?: number;
  rssBytes: number;
  /** What came in from all monitors so far. */
  bytesRead: number;
}

/** Where a benchmark's child process ended before its time. */
class ChildEndedError extends Error {
  override readonly name = "ChildEndedError";
}

/**
 * A process of `bench/support` that is measured from outside: prints `ready` and then answers each line on its stdin with
 * one line of JSON. Ends with `close`, or with its parent, through the end of its stdin.
 */
export class MeasuredChild {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;
  #said = "";

  private constructor(file: URL, args: readonly string[]) {
    this.#child = spawn(process.execPath, ["--expose-gc", fileURLToPath(file), ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-4_096);
    });
    if (!this.#child.stdout) throw new ChildEndedError(`${file.pathname} has no output`);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when the process says that it is ready. */
  static async start(file: URL, args: readonly string[]): Promise<MeasuredChild> {
    const child = new MeasuredChild(file, args);
    await child.#nextLine();
    return child;
  }

  /** @param withHeap collects garbage first, which takes a while: not around a window. */
  async read(withHeap = false): Promise<Reading> {
    this.#child.stdin?.write(withHeap ? "heap\n" : "cpu\n");
    return JSON.parse(await this.#nextLine()) as Reading;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }

  async #nextLine(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done) throw new ChildEndedError(`A measured process ended: ${this.#said.trim()}`);
    return next.value;
  }
}
