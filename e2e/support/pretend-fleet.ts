import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";

const CHILD = resolve(import.meta.dirname, "../../tests/support/pretend-fleet-child.ts");

/** A real hub with its pages over hosts and VMs that do not exist: for what a browser shows of many of them. */
export class PretendFleet {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #folder: string;

  private constructor(child: ChildProcess, lines: Interface, folder: string, url: string) {
    this.#child = child;
    this.#lines = lines;
    this.#folder = folder;
    this.url = url;
  }

  static async start({ hosts, perHost }: { hosts: number; perHost: number }): Promise<PretendFleet> {
    const folder = mkdtempSync(join(tmpdir(), "pretend-fleet-"));
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", CHILD, folder, "0", String(hosts), String(perHost)], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    const lines = createInterface({ input: child.stdout });
    const port = await new Promise<string>((resolvePort, reject) => {
      lines.on("line", (line) => {
        const match = /^ready (\d+)$/.exec(line);
        if (match?.[1] !== undefined) resolvePort(match[1]);
      });
      child.once("exit", (code) => reject(new Error(`the pretended fleet ended with exit code ${code}`)));
    });
    return new PretendFleet(child, lines, folder, `http://127.0.0.1:${port}/`);
  }

  /** One of the child's commands; resolves when it was obeyed. */
  async tell(command: string): Promise<void> {
    const answered = once(this.#lines, "line");
    this.#child.stdin?.write(`${command}\n`);
    await answered;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
