/**
 * A process of simulated VMs, for load and end-to-end tests:
 *   node server/simulator/main.ts --dir DIR (--count N [--hang K] [--reads PER_SECOND] [--servers N] | --demo)
 *     [--version 7.2|11.1|no-oob]
 * Prints one JSON line when ready, takes one command a line on stdin (`hang NAME`, `release NAME`, `kill NAME`,
 * `flood NAME PER_SECOND`, and of a counted fleet `trouble NAME TROUBLE`, `kill-server INDEX drain|io-stall` and
 * `revive-server INDEX`), answers each with one JSON line, and ends on SIGTERM, SIGINT or the end of stdin.
 */
import { mkdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { demoFleet } from "./demo-fleet.ts";
import { startSimulatedFleet, TROUBLES, type SimulatedFleet, type SimulatedFleetOptions } from "./fleet.ts";
import type { SimulatedVersion } from "./options.ts";
import type { SimulatedVm } from "./simulated-vm.ts";

interface Running {
  find(name: string): SimulatedVm | undefined;
  names: string[];
  hang(name: string): void;
  release(name: string): void;
  /** Only where it is no demo. */
  fleet?: SimulatedFleet;
  close(): Promise<void>;
}

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    count: { type: "string", default: "1" },
    hang: { type: "string", default: "0" },
    reads: { type: "string", default: "0" },
    servers: { type: "string", default: "0" },
    version: { type: "string", default: "7.2" },
    demo: { type: "boolean", default: false },
  },
});

await main();

async function main(): Promise<void> {
  const directory = values.dir;
  const count = Number(values.count);
  const hung = Number(values.hang);
  const readsPerSecond = Number(values.reads);
  const serverCount = Number(values.servers);
  const version = versionOf(values.version);
  const areCounts = [count, hung, readsPerSecond, serverCount].every(isCount);
  if (directory === undefined || version === undefined || !areCounts || hung > count) {
    process.stderr.write(
      "usage: main.ts --dir DIR (--count N [--hang K] [--reads PER_SECOND] [--servers N] | --demo) [--version 7.2|11.1|no-oob]\n",
    );
    process.exitCode = 2;
    return;
  }
  await mkdir(directory, { recursive: true });
  const running = values.demo
    ? await startDemo(directory, version)
    : await startFleet({ directory, count, version, readsPerSecond, serverCount });
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

async function startFleet(options: SimulatedFleetOptions): Promise<Running> {
  const fleet = await startSimulatedFleet(options);
  return {
    find: (name) => fleet.vms.get(name),
    names: Array.from(fleet.vms.keys()),
    hang: (name) => fleet.hang(name),
    release: (name) => fleet.release(name),
    fleet,
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

interface Command {
  command: string;
  name: string;
  amount: string;
}

async function obey(running: Running, { command, name, amount }: Command): Promise<void> {
  if (running.fleet && obeyFleet(running.fleet, { command, name, amount })) return;
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

/** @returns whether the command was one of a fleet's. */
function obeyFleet(fleet: SimulatedFleet, { command, name, amount }: Command): boolean {
  switch (command) {
    case "trouble": {
      const trouble = TROUBLES.find((candidate) => candidate === amount);
      if (!trouble) throw new Error(`trouble NAME ${TROUBLES.join("|")}`);
      fleet.trouble(name, trouble);
      return true;
    }
    case "kill-server":
      if (amount !== "drain" && amount !== "io-stall") throw new Error("kill-server INDEX drain|io-stall");
      fleet.killServer(Number(name), amount);
      return true;
    case "revive-server":
      fleet.reviveServer(Number(name));
      return true;
    default:
      return false;
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
