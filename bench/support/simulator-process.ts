import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface SimulatorProcess {
  /** Sends one command line (see server/simulator/main.ts). @throws Error with the simulator's own words when it refuses. */
  command(line: string): Promise<void>;
  close(): Promise<void>;
}

export interface SimulatorProcessOptions {
  directory: string;
  count: number;
  /** Of every guest; default 0, idle disks. */
  readsPerSecond?: number;
  /** Default 0: every VM has one of its own. */
  serverCount?: number;
}

const MAIN = join(import.meta.dirname, "../../server/simulator/main.ts");

/** So many simulated VMs in a process of their own, so that their cost is not the bridge's. Resolves when all listen. */
export async function startSimulatorProcess(options: SimulatorProcessOptions): Promise<SimulatorProcess> {
  const { directory, count, readsPerSecond = 0, serverCount = 0 } = options;
  const args = [MAIN, "--dir", directory, "--count", String(count), "--reads", String(readsPerSecond), "--servers", String(serverCount)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<{ ok?: boolean; error?: string }> => {
    const line = await lines.next();
    if (line.done) throw new Error("The simulator ended before its time");
    return JSON.parse(line.value) as { ok?: boolean; error?: string };
  };
  await next();
  return {
    command: async (line) => {
      child.stdin.write(`${line}\n`);
      const answer = await next();
      if (answer.ok !== true) throw new Error(`The simulator refused "${line}": ${answer.error ?? ""}`);
    },
    close: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
