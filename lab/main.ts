import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SCENARIOS, findScenario } from "./catalog.ts";
import { openLab } from "./lab.ts";
import { LabError, messageOf } from "./lab-error.ts";
import { onEndSignals, readLines } from "./lines.ts";
import { findQemus, formatVersion, requireQemu } from "./qemu.ts";
import type { LabScenario } from "./scenario.ts";

const HELP = `Usage: ./ripcord lab list
       ./ripcord lab SCENARIO [--dir DIR] [--monitors DIR] [--qemu NAME] [--name NAME] [--break]

Starts real QEMUs and breaks them on request, each in one known way. It needs qemu-system-x86_64, and qemu-nbd for most.

  list             what there is, and which QEMUs can be used
  --dir DIR        where images and the lab's own sockets go; default: a new folder, removed at the end
  --monitors DIR   the folder that Ripcord watches; default: DIR/monitors
  --qemu NAME      which QEMU: "system" for the PATH's, or a name from RIPCORD_QEMUS=name=prefix,…
  --name NAME      what the VM is called; default: the scenario's name
  --break          break it at once

Then it reads lines: b to break, h to heal (what whoever runs the far side would do), s for the state, q to quit.`;

/** @returns the exit code. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      dir: { type: "string" },
      monitors: { type: "string" },
      qemu: { type: "string" },
      name: { type: "string" },
      break: { type: "boolean", default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  if (command === undefined || rest.length > 0) {
    console.error(HELP);
    return 2;
  }
  if (command === "list") return list();

  const definition = findScenario(command);
  const qemu = await requireQemu(values.qemu);
  const ownFolder = values.dir === undefined ? await mkdtemp(join(tmpdir(), "ripcord-lab-")) : undefined;
  const directory = resolve(values.dir ?? ownFolder ?? "");
  const monitorsDirectory = resolve(values.monitors ?? join(directory, "monitors"));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  // Before anything is started; on the second signal the ledger ends what is left as this process exits.
  const stopListening = onEndSignals(end, () => process.exit(130));
  const lab = await openLab({ directory, monitorsDirectory, qemu });
  let scenario: LabScenario | undefined;
  try {
    console.log(`${definition.name}: ${definition.description}`);
    scenario = await definition.start(lab, { vmName: values.name });
    console.log(`Started with QEMU ${formatVersion(qemu.version)} (${qemu.name}):`);
    for (const vm of scenario.vms) console.log(`  ${vm.name}  pid ${vm.process.pid}  monitor ${vm.monitorPath}`);
    console.log(`To watch: bridge.monitors: [{path: "${monitorsDirectory}/*.sock"}] in ripcord.yaml`);
    if (scenario.culprit !== undefined) {
      const { vm, instance } = scenario.culprit;
      console.log(`What the matter is with: ${JSON.stringify(instance)} of ${vm.name}`);
    }
    await converse(scenario, values.break ? ["b"] : [], { ended, end });
  } finally {
    await scenario?.close();
    await lab.close();
    await stopListening();
    if (ownFolder !== undefined) rmSync(ownFolder, { recursive: true, force: true });
  }
  return 0;
}

async function list(): Promise<number> {
  for (const { name, kind, description } of SCENARIOS) console.log(`${name.padEnd(26)} ${kind.padEnd(11)} ${description}`);
  const { usable, unusable } = await findQemus();
  console.log("");
  for (const qemu of usable) console.log(`QEMU ${formatVersion(qemu.version)}  --qemu ${qemu.name}  ${qemu.systemBinary}`);
  for (const { name, reason } of unusable) console.log(`no QEMU "${name}": ${reason}`);
  return 0;
}

/** Obeys until `q` or a signal; one command after the other. */
async function converse(scenario: LabScenario, first: string[], { ended, end }: { ended: Promise<void>; end: () => void }): Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const handle = (line: string) => {
    if (line === "q" || line === "quit") end();
    else last = last.then(() => obey(scenario, line));
  };
  const commands = readLines(handle);
  console.log("b break   h heal   s state   q quit");
  first.forEach(handle);
  await ended;
  commands.close();
}

async function obey(scenario: LabScenario, line: string): Promise<void> {
  try {
    switch (line) {
      case "":
        return;
      case "b":
      case "break":
        await scenario.break();
        console.log("broken");
        return;
      case "h":
      case "heal":
        await scenario.heal();
        console.log("healed");
        return;
      case "s":
      case "state":
        console.log((await scenario.isBroken()) ? "broken" : "well");
        return;
      default:
        console.log(`"${line}" is none of: b break, h heal, s state, q quit`);
    }
  } catch (error) {
    console.log(`failed: ${messageOf(error)}`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  // What the lab foresaw is said in one line; what it did not keeps its stack.
  const isForeseen = error instanceof LabError || (error instanceof TypeError && "code" in error);
  console.error(isForeseen ? `ripcord lab: ${messageOf(error)}` : error);
  process.exitCode = 1;
}
