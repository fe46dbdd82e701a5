import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { RawMonitor } from "../raw-monitor.ts";

/**
 * Stands in for `server/main.ts demo-serve` in the demo's own tests: holds a monitor session to every VM of the folder
 * that the config names, and lists each as healthy from then on. It judges nothing.
 */
const { values } = parseArgs({
  allowPositionals: true,
  options: { config: { type: "string", default: "" }, demo: { type: "string" }, port: { type: "string", default: "0" } },
});
const root = join(values.config, "..");
if (!readFileSync(values.config, "utf8").includes(join(root, "monitors"))) throw new Error("The config names another folder");

const names = new Map<string, string>();
async function connectAll(): Promise<void> {
  for (const file of readdirSync(join(root, "monitors")).filter((name) => name.endsWith(".sock") && !names.has(name))) {
    const monitor = await RawMonitor.connect(join(root, "monitors", file), { timeoutMs: 2_000 }).catch(() => undefined);
    const answer = (await monitor?.execute("query-name").catch(() => undefined)) as { name?: string } | undefined;
    if (answer?.name !== undefined) names.set(file, answer.name);
  }
}
const rescan = setInterval(() => void connectAll(), 100);

const bridgeSocket = join(root, "hub", "bridge.sock");
rmSync(bridgeSocket, { force: true });
const lock = createSocketServer().listen(bridgeSocket);
const server = createServer(({ url }, response) => {
  const vms = [...names.values()].map((name) => ({ vmId: name, name, health: { kind: "healthy" } }));
  response.end(JSON.stringify(url === "/api/v1/vms" ? { vms } : { topologyAtMs: 1 }));
});
server.listen(Number(values.port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`ripcord: ready http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`);
});
process.once("SIGTERM", () => {
  clearInterval(rescan);
  lock.close();
  process.exit(0);
});
