import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

export interface IdleQemu {
  version: string;
  close(): Promise<void>;
}

export interface IdleQemuOptions {
  /** Paths of its monitors by chardev id. */
  monitors: Readonly<Record<string, string>>;
  name?: string;
  /** Default: no machine at all. */
  machine?: readonly string[];
}

/** A small PC whose firmware finds nothing to boot: it has a run state that `stop` and `cont` change. */
export const SMALL_PC: readonly string[] = ["-M", "pc", "-accel", "tcg,tb-size=8", "-m", "32M"];

/** A real QEMU that does nothing but answer its monitors. Resolves when its last monitor greets; ended by `close`. */
export async function startIdleQemu({ monitors, name, machine = ["-M", "none"] }: IdleQemuOptions): Promise<IdleQemu> {
  const monitorArguments = Object.entries(monitors).flatMap(([id, path]) => [
    "-chardev",
    `socket,id=${id},path=${path},server=on,wait=off`,
    "-mon",
    `chardev=${id},mode=control`,
  ]);
  const nameArguments = name === undefined ? [] : ["-name", name];
  const qemu = spawn(
    "qemu-system-x86_64",
    [...nameArguments, ...machine, "-no-user-config", "-nodefaults", "-display", "none", ...monitorArguments],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(qemu, "exit");
  let said = "";
  qemu.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const failed = exited.then(() => {
    throw new Error(`qemu-system-x86_64 ended at once: ${said.trim()}`);
  });
  failed.catch(() => {});
  // The last one: whoever watches the first need not find it busy.
  const version = await Promise.race([readVersion(Object.values(monitors).at(-1) ?? ""), failed]);
  return {
    version,
    close: async () => {
      if (qemu.exitCode === null && qemu.signalCode === null) qemu.kill("SIGTERM");
      await exited;
    },
  };
}

async function readVersion(path: string): Promise<string> {
  for (;;) {
    const greeting = await readGreeting(path);
    if (greeting === undefined) continue;
    const { qemu } = (JSON.parse(greeting) as { QMP: { version: { qemu: { major: number; minor: number; micro: number } } } }).QMP.version;
    return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
  }
}

function readGreeting(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("data", (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once("error", () => setTimeout(resolve, 20, undefined));
  });
}
