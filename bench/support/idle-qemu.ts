import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";

export interface IdleQemu {
  version: string;
  monitor(id: string): string;
  close(): Promise<void>;
}

/** A real QEMU without a machine, that only answers its monitors. Ended by `close`. */
export async function startIdleQemu(directory: string, monitorIds: readonly string[]): Promise<IdleQemu> {
  const monitor = (id: string): string => join(directory, `${id}.sock`);
  const monitorArguments = monitorIds.flatMap((id) => [
    "-chardev",
    `socket,id=${id},path=${monitor(id)},server=on,wait=off`,
    "-mon",
    `chardev=${id},mode=control`,
  ]);
  const qemu = spawn("qemu-system-x86_64", ["-M", "none", "-display", "none", "-nodefaults", ...monitorArguments], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(qemu, "exit");
  let said = "";
  qemu.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const failed = exited.then(() => {
    throw new Error(`qemu-system-x86_64 ended at once: ${said.trim()}`);
  });
  failed.catch(() => {});
  const version = await Promise.race([readVersion(monitor(monitorIds[0] ?? "")), failed]);
  return {
    version,
    monitor,
    close: async () => {
      qemu.kill("SIGTERM");
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
