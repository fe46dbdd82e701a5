import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface SimulatorProcess {
  close(): Promise<void>;
}

const MAIN = join(import.meta.dirname, "../../server/simulator/main.ts");

/** So many simulated VMs in a process of their own, so that their cost is not the bridge's. Resolves when all listen. */
export async function startSimulatorProcess(directory: string, count: number): Promise<SimulatorProcess> {
  const child = spawn(process.execPath, [MAIN, "--dir", directory, "--count", String(count)], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const ready = once(createInterface({ input: child.stdout }), "line");
  await Promise.race([
    ready,
    exited.then(() => {
      throw new Error("The simulator ended before it was ready");
    }),
  ]);
  return {
    close: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
