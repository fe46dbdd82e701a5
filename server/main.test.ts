import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { askControl, isNobodyThere } from "./bridge/control/control-socket.ts";

const MAIN = join(import.meta.dirname, "main.ts");
/** Instead of the pages, which need a build: what the process itself does is the same. */
const NO_PAGES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const source = "export const prepareWeb = async () => ({ isDevelopment: false, close: async () => {}, handle: async (_, response) => void response.end() });";
  registerHooks({ load: (url, context, next) => url.endsWith("/server/hub/web.ts") ? { format: "module", shortCircuit: true, source } : next(url, context) });
`)}`;

describe("the ripcord process", { timeout: 40_000 }, () => {
  let folder: string;
  let dataDir: string;
  let config: string;
  const started: ChildProcess[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ripcord-main-"));
    dataDir = join(folder, "data");
    config = join(folder, "ripcord.yaml");
    writeFileSync(config, `bridge:\n  monitors:\n    - path: ${folder}/*.sock\n`);
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await askControl(dataDir, { op: "stop" }).catch(() => undefined);
    await bridgeIsGone();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...args: string[]) {
    const child = spawn(process.execPath, ["--import", NO_PAGES, MAIN, ...args, "--config", config, "--data-dir", dataDir], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (bytes: Buffer) => (said.stdout += String(bytes)));
    child.stderr.on("data", (bytes: Buffer) => (said.stderr += String(bytes)));
    const ended = once(child, "close").then(([code]) => code as number | null);
    return { child, said, ended };
  }

  const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });
  const bridgeIsGone = () => until(() => expect(askControl(dataDir, { op: "hello" })).rejects.toSatisfy(isNobodyThere));

  /** A hub that is up, and its bridge's pid. */
  async function serve() {
    const ripcord = start("serve", "--port", "0");
    await until(() => expect(ripcord.said.stdout, ripcord.said.stderr).toMatch(/^ripcord: ready http:\/\/127\.0\.0\.1:\d+\/login#\S+\n$/));
    let pid = 0;
    await until(async () => {
      const bridge = await askControl(dataDir, { op: "hello" });
      if (!bridge.ok || bridge.hubUrl === undefined) throw new Error("not adopted yet");
      pid = bridge.pid;
    });
    return { ...ripcord, pid };
  }

  test("ends with 2 and the place in the file for a bad config", async () => {
    writeFileSync(config, "listen:\n  port: nope\n");
    const { said, ended } = start("hub");
    expect(await ended).toBe(2);
    expect(said.stderr).toBe(`ripcord: ${config}:2:3: listen.port: found "nope", expected a number\n`);
    expect(said.stdout).toBe("");
  });

  test("ends with 2 and the reason for a host that others could reach", async () => {
    writeFileSync(config, "listen:\n  host: 0.0.0.0\n");
    const { said, ended } = start("serve");
    expect(await ended).toBe(2);
    expect(said.stderr).toContain(`${config}:2:3: listen.host: must be a loopback address`);
    expect(said.stderr).toContain("whoever reaches it can yank");
  });

  test("ends with 1 and what to do for a port that is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { said, ended } = start("hub", "--port", String(port));
    expect(await ended).toBe(1);
    expect(said.stderr).toContain(`ripcord: port ${port} is taken, perhaps by another ripcord: choose another with --port`);
    other.close();
  });

  test("leaves its bridge on SIGTERM, and the next one adopts it", async () => {
    const first = await serve();
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(await askControl(dataDir, { op: "hello" })).toMatchObject({ ok: true, pid: first.pid });
    const second = await serve();
    expect(second.pid).toBe(first.pid);
  });

  test("ends its bridge, too, on SIGINT", async () => {
    const { child, ended } = await serve();
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await bridgeIsGone();
  });
});
