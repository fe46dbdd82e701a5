import { rm } from "node:fs/promises";
import { type Socket, connect, createServer } from "node:net";
import { requireSocketPath } from "./socket-path.ts";

/**
 * `node lab/no-oob-relay.ts LISTEN TARGET`: stands in front of a real QEMU's monitor and makes it look like one of a
 * build without out-of-band execution, such as Proxmox's. It takes `oob` out of the greeting and refuses to enable it;
 * everything else passes both ways untouched, and QEMU itself then refuses `exec-oob`. This is the one part of the lab
 * that is not QEMU's own: no chardev of a plain QEMU has a monitor without `oob` (facts sheet, section 4). Unlike such
 * a build it still sends the greeting while the main loop hangs. One client at a time, the next one waits, as in QEMU.
 */
function startNoOobRelay(listenPath: string, targetPath: string): Promise<() => Promise<void>> {
  const waiting: Socket[] = [];
  let served: Socket | undefined;

  function serveNext(): void {
    served = waiting.shift();
    if (served === undefined) return;
    const client = served;
    const qemu = connect({ path: targetPath });
    forwardLines(qemu, client, stripGreeting);
    forwardLines(client, qemu, (line, reply) => refuseOob(line, reply));
    qemu.on("error", () => {});
    qemu.on("close", () => client.destroy());
    client.on("close", () => {
      qemu.destroy();
      serveNext();
    });
  }

  const server = createServer((client) => {
    client.on("error", () => {});
    client.pause();
    waiting.push(client);
    if (served === undefined) serveNext();
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(requireSocketPath(listenPath), () =>
      resolve(async () => {
        for (const client of [served, ...waiting.splice(0)]) client?.destroy();
        server.close();
        await rm(listenPath, { force: true });
      }),
    );
  });
}

/** Returns the line to pass on, or undefined when it was answered instead. */
type LineRule = (line: string, reply: (line: string) => void) => string | undefined;

function forwardLines(from: Socket, to: Socket, rule: LineRule): void {
  let received = "";
  from.setEncoding("utf8");
  from.on("data", (chunk: string) => {
    received += chunk;
    for (let end = received.indexOf("\n"); end >= 0; end = received.indexOf("\n")) {
      const line = received.slice(0, end + 1);
      received = received.slice(end + 1);
      const passed = rule(line, (answer) => from.write(`${answer}\r\n`));
      if (passed !== undefined) to.write(passed);
    }
  });
  from.resume();
}

export function stripGreeting(line: string): string {
  if (!line.startsWith('{"QMP"')) return line;
  const message = JSON.parse(line) as { QMP: { capabilities: string[] } };
  message.QMP.capabilities = message.QMP.capabilities.filter((capability) => capability !== "oob");
  return `${JSON.stringify(message)}\r\n`;
}

/** @see QEMU monitor/qmp-cmds-control.c for the wording that a monitor without `oob` uses */
export function refuseOob(line: string, reply: (line: string) => void): string | undefined {
  if (!line.includes("qmp_capabilities")) return line;
  let message: { id?: unknown; arguments?: { enable?: unknown } };
  try {
    message = JSON.parse(line) as typeof message;
  } catch {
    return line;
  }
  const enable = message.arguments?.enable;
  if (!Array.isArray(enable) || !enable.includes("oob")) return line;
  reply(JSON.stringify({ id: message.id, error: { class: "GenericError", desc: "Capability oob not available" } }));
  return undefined;
}

if (process.argv[1] === import.meta.filename) {
  const [listenPath = "", targetPath = ""] = process.argv.slice(2);
  await startNoOobRelay(listenPath, targetPath);
}
