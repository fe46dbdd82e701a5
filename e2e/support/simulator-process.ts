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

  /**
   * @param directory in which every VM gets `NAME.sock`.
   * @param options `servers`: the NBD servers over which the VMs' disks are spread, in turn; none: each has its own.
   *   `reads`: what each guest reads per second; where its disks lead is read only of one that is seen to work.
   */
  static async start(directory: string, count: number, options: { servers?: number; reads?: number } = {}): Promise<SimulatorProcess> {
    const counts = ["--count", String(count), "--servers", String(options.servers ?? 0), "--reads", String(options.reads ?? 0)];
    const child = spawn(process.execPath, [MAIN, "--dir", directory, ...counts], { stdio: ["pipe", "pipe", "inherit"] });
    const simulator = new SimulatorProcess(child);
    await simulator.#answer("its start");
    return simulator;
  }

  hang(name: string): Promise<void> {
    return this.#ask(`hang ${name}`);
  }

  /** Has a server die while each of its VMs is being stopped, so that all their main loops hang. */
  killServer(index: number): Promise<void> {
    return this.#ask(`kill-server ${index} drain`);
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
