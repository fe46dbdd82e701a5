/**
 * A process of simulated VMs, for load and end-to-end tests:
 *   node server/simulator/main.ts --dir DIR (--count N [--hang K] | --demo) [--version 7.2|11.1|no-oob]
 * Prints one JSON line when ready, takes one command a line on stdin (`hang NAME`, `release NAME`, `kill NAME`,
 * `flood NAME PER_SECOND`), answers each with one JSON line, and ends on SIGTERM, SIGINT or the end of stdin.
 */
import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { demoFleet } from "./demo-fleet.ts";
import { startSimulatedFleet } from "./fleet.ts";
import type { SimulatedVersion } from "./options.ts";
import type { SimulatedVm } from "./simulated-vm.ts";

interface Running {
  find(name: string): SimulatedVm | undefined;
  names: string[];
  hang(name: string): void;
  release(name: string): void;
  close(): Promise<void>;
}

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    count: { type: "string", default: "1" },
    hang: { type: "string", default: "0" },
    version: { type: "string", default: "7.2" },
    demo: { type: "boolean", default: false },
  },
});

await main();

async function main(): Promise<void> {
  const directory = values.dir;
  const count = Number(values.count);
  const hung = Number(values.hang);
  const version = versionOf(values.version);
  if (directory === undefined || version === undefined || !isCount(count) || !isCount(hung) || hung > count) {
    process.stderr.write("usage: main.ts --dir DIR (--count N [--hang K] | --demo) [--version 7.2|11.1|no-oob]\n");
    process.exitCode = 2;
    return;
  }
  await mkdir(directory, { recursive: true });
  const running = values.demo ? await startDemo(directory, version) : await startFleet({ directory, count, version });
  for (const name of running.names.slice(0, hung)) running.hang(name);
  print({ ready: true, directory, count: running.names.length, hung: running.names.slice(0, hung) });

  const commands = createInterface({ input: process.stdin });
  const end = () => commands.close();
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  commands.on("line", (line) => void answer(running, line));
  commands.once("close", () => {
    void running.close().then(() => process.stdin.destroy());
  });
}

async function startFleet(options: { directory: string; count: number; version: SimulatedVersion }): Promise<Running> {
  const fleet = await startSimulatedFleet(options);
  return {
    find: (name) => fleet.vms.get(name),
    names: Array.from(fleet.vms.keys()),
    hang: (name) => fleet.hang(name),
    release: (name) => fleet.release(name),
    close: () => fleet.close(),
  };
}

async function startDemo(directory: string, version: SimulatedVersion): Promise<Running> {
  const fleet = await demoFleet(directory, { version });
  const find = (name: string) => fleet.vms.find((vm) => vm.name === name)?.vm;
  return {
    find,
    names: fleet.vms.map((vm) => vm.name),
    hang: (name) => fleet.breakAgain(name),
    release: (name) => {
      const vm = find(name);
      if (vm) releaseEverything(vm);
    },
    close: () => fleet.close(),
  };
}

/** Ends whatever holds a VM up, as if every far side had come back. */
function releaseEverything(vm: SimulatedVm): void {
  for (const node of vm.options.blockNodes ?? []) if (node.driver === "nbd") vm.repairDisk(node.nodeName);
  for (const chardev of vm.options.chardevs ?? []) if ("path" in chardev) vm.drainChardev(chardev.id);
  vm.releaseMigration();
}

async function answer(running: Running, line: string): Promise<void> {
  const [command = "", name = "", amount = ""] = line.trim().split(/\s+/);
  if (command === "") return;
  try {
    await obey(running, { command, name, amount });
    print({ ok: true, command, name });
  } catch (error) {
    print({ ok: false, command, name, error: error instanceof Error ? error.message : String(error) });
  }
}

async function obey(running: Running, { command, name, amount }: { command: string; name: string; amount: string }): Promise<void> {
  const vm = running.find(name);
  if (!vm) throw new Error(`No simulated VM ${name}`);
  switch (command) {
    case "hang":
      return running.hang(name);
    case "release":
      return running.release(name);
    case "kill":
      return vm.kill();
    case "flood":
      if (!isCount(Number(amount))) throw new Error("flood NAME PER_SECOND");
      vm.floodEvents(Number(amount));
      return;
    default:
      throw new Error(`Unknown command ${command}`);
  }
}

function versionOf(text: string): SimulatedVersion | undefined {
  return text === "7.2" || text === "11.1" || text === "no-oob" ? text : undefined;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
