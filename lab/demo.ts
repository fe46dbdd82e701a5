import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_PORT } from "#lib/config/schema";
import { Closers } from "./closers.ts";
import { defaultDataFolder, freePortOrAny } from "./demo/data-folder.ts";
import { type Demo, runDemo } from "./demo/run-demo.ts";
import { LabError, messageOf } from "./lab-error.ts";
import { onEndSignals, readKeys } from "./lines.ts";
import { type Qemu, findQemus, formatVersion } from "./qemu.ts";

const HELP = `Usage: ./ripcord demo [--port N] [--data-dir DIR] [--simulated]

Starts a fleet and the screen to look at it: real QEMUs where there are any, some of which hang, alone or
two on one dead server, and some of whose disks and migrations stall; without QEMU the same, simulated.
Ctrl-C ends every process that it started.

  --port N        default ${DEFAULT_PORT}, or any free port while that is taken
  --data-dir DIR  everything it writes; default ${defaultDataFolder()}
  --simulated     simulate the VMs even where there is a QEMU

While it runs: r to break again what recovered, a number to break one VM, q to end.`;

const HUB_ENTRY = join(import.meta.dirname, "..", "server", "main.ts");

interface Arguments {
  port: number | undefined;
  dataDir: string;
  isSimulated: boolean;
}

/** @returns the exit code. */
async function main(): Promise<number> {
  const options = readArguments();
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  const closers = new Closers();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  // Listened to from the first moment, because a child may be there before the fleet is complete.
  const stopListening = onEndSignals(end, () => process.exit(130));
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  try {
    const qemu = options.isSimulated ? undefined : await chooseQemu();
    say(qemu === undefined ? "Starting a simulated fleet …" : `Starting VMs on QEMU ${formatVersion(qemu.version)} …`);
    const starting = runDemo(
      { dataDir: options.dataDir, port: options.port ?? (await freePortOrAny(DEFAULT_PORT)), qemu, hubEntry: HUB_ENTRY, say },
      closers,
    );
    const demo = await Promise.race([starting, ended.then(() => undefined)]);
    if (demo === undefined) {
      await closers.close();
      await starting.catch(() => {});
      return 0;
    }
    await show(demo, closers, { ended, end });
    return 0;
  } catch (error) {
    if (hasEnded) return 0;
    throw error;
  } finally {
    say("Ending …");
    await closers.close();
    await stopListening();
  }
}

/** Prints the address, breaks what is to be broken, and obeys keys until the end. */
async function show(demo: Demo, closers: Closers, { ended, end }: { ended: Promise<void>; end: () => void }): Promise<void> {
  console.log(`\n  ${demo.url}\n`);
  console.log("  r  break again what recovered   q  end");
  demo.breakable.forEach((vm, index) => console.log(`  ${index + 1}  break ${vm.name} again`));
  console.log("");
  let last: Promise<void> = Promise.resolve();
  const breakNext = (vms: Demo["breakable"]) => (last = last.then(() => demo.breakAgain(vms)));
  const keys = readKeys((key) => {
    const chosen = demo.breakable[Number(key) - 1];
    if (key === "q") end();
    else if (key === "r") void breakNext(demo.breakable);
    else if (chosen !== undefined) void breakNext([chosen]);
  });
  closers.add(keys, (opened) => opened.close());
  void breakNext(demo.breakable);
  await Promise.race([ended, demo.gaveUp]);
}

/** @returns undefined when only the help was asked for. */
function readArguments(): Arguments | undefined {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      port: { type: "string" },
      "data-dir": { type: "string" },
      simulated: { type: "boolean", default: false },
    },
  });
  if (values.help === true) return undefined;
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new LabError(`--port takes a number from 0 to 65535, not "${values.port}"`);
  }
  return { port, dataDir: resolve(values["data-dir"] ?? defaultDataFolder()), isSimulated: values.simulated };
}

/** The first QEMU that can do all recipes of the demo. */
async function chooseQemu(): Promise<Qemu | undefined> {
  const { usable, unusable } = await findQemus();
  const complete = usable.find((qemu) => qemu.nbdBinary !== undefined);
  if (complete === undefined) {
    const reasons = [
      ...unusable.map(({ name, reason }) => `${name}: ${reason}`),
      ...usable.map(({ name }) => `${name}: no qemu-nbd beside it`),
    ];
    say(`No QEMU that the demo can use (${reasons.join("; ")}), so the VMs are simulated`);
  }
  return complete;
}

function say(line: string): void {
  console.log(`demo: ${line}`);
}

// A terminal that was closed takes no more words, and that is no reason to end without cleaning up.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});
try {
  process.exitCode = await main();
} catch (error) {
  const isForeseen = error instanceof LabError || (error instanceof TypeError && "code" in error);
  console.error(isForeseen ? `ripcord demo: ${messageOf(error)}` : error);
  process.exitCode = 1;
}
