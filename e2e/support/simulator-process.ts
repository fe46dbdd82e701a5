import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

const MAIN = resolve(import.meta.dirname, "../../server/simulator/main.ts");

interface Answer {
  ok?: boolean;
  ready?: boolean;
  error?: string;
}

/** A process of simulated VMs named `sim-0001` and so on. Whoever starts it ends it with `close()`. */
export class SimulatorProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param directory in which every VM gets `NAME.sock`. */
  static async start(directory: string, count: number): Promise<SimulatorProcess> {
    const child = spawn(process.execPath, [MAIN, "--dir", directory, "--count", String(count)], { stdio: ["pipe", "pipe", "inherit"] });
    const simulator = new SimulatorProcess(child);
    await simulator.#answer("its start");
    return simulator;
  }

  hang(name: string): Promise<void> {
    return this.#ask(`hang ${name}`);
  }

  /** Has a VM send that many events a second until it ends. */
  flood(name: string, perSecond: number): Promise<void> {
    return this.#ask(`flood ${name} ${perSecond}`);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    await exited;
  }

  async #ask(command: string): Promise<void> {
    this.#child.stdin.write(`${command}\n`);
    await this.#answer(command);
  }

  async #answer(what: string): Promise<void> {
    const line = await this.#answers.next();
    if (line.done === true) throw new Error(`The simulator ended before it answered ${what}`);
    const answer = JSON.parse(line.value) as Answer;
    if (answer.ok !== true && answer.ready !== true) throw new Error(`The simulator refused ${what}: ${answer.error ?? line.value}`);
  }
}
