import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startSimulatedVm } from "#server/simulator/index";
import type { SimulatedVm } from "#server/simulator/simulated-vm";
import { askControl, controlSocketPath, isNobodyThere } from "./control/control-socket.ts";
import { startFakeHub } from "./testing/fake-hub.ts";
import type { FakeHub } from "./testing/fake-hub.ts";

const MAIN = join(import.meta.dirname, "../main.ts");
/** Loaded before the bridge: errors that nobody catches, on command. */
const BUGS = `data:text/javascript,${encodeURIComponent(
  'process.on("SIGUSR2", () => { throw new Error("a bug in a callback"); });' +
    'process.on("SIGWINCH", () => void Promise.reject(new Error("a bug in a promise")));',
)}`;

interface BridgeProcess {
  process: ChildProcess;
  stderr(): string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

describe("the bridge's process", { timeout: 40_000 }, () => {
  let folder: string;
  let dataDir: string;
  let configFile: string;
  let hub: FakeHub;
  let vm: SimulatedVm;
  const started: BridgeProcess[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ripcord-run-"));
    dataDir = join(folder, "data");
    configFile = join(folder, "ripcord.yaml");
    writeConfig("gold");
    hub = await startFakeHub();
    vm = await startSimulatedVm({ name: "db-07", monitors: [{ id: "ripcord", path: join(folder, "db-07.sock") }] });
  });
  afterEach(async () => {
    for (const { process: child, ended } of started.splice(0)) {
      child.kill("SIGKILL");
      await ended;
    }
    await vm.close();
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function writeConfig(tag: string): void {
    writeFileSync(configFile, `bridge:\n  monitors:\n    - path: ${folder}/*.sock\nvms:\n  - match: "*"\n    tags: [${tag}]\n`);
  }

  function start(): BridgeProcess {
    const args = ["--import", BUGS, MAIN, "bridge", "--config", configFile, "--data-dir", dataDir, "--hub-url", hub.url];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr?.on("data", (bytes: Buffer) => (stderr += String(bytes)));
    const ended = new Promise<Awaited<BridgeProcess["ended"]>>((resolve) => {
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    const bridge = { process: child, stderr: () => stderr, ended };
    started.push(bridge);
    return bridge;
  }

  const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });
  const report = () => [...hub.vms.values()][0];
  async function startWatching(): Promise<BridgeProcess> {
    const bridge = start();
    await until(() => expect(report()).toMatchObject({ name: "db-07", tags: ["gold"], health: { verdict: { kind: "healthy" } } }));
    return bridge;
  }

  test("holds its data folder: a second one is refused and told the first one's pid", async () => {
    const first = await startWatching();
    const second = start();
    expect(await second.ended).toMatchObject({ code: 1 });
    expect(second.stderr()).toContain(`A bridge runs already (pid ${first.process.pid})`);
    expect(await askControl(dataDir, { op: "hello" })).toMatchObject({ ok: true, pid: first.process.pid, hubUrl: hub.url });
  });

  test("ends in good order on SIGTERM, and leaves no socket behind", async () => {
    const bridge = await startWatching();
    bridge.process.kill("SIGTERM");
    expect(await bridge.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(controlSocketPath(dataDir))).toBe(false);
    await expect(askControl(dataDir, { op: "hello" })).rejects.toSatisfy(isNobodyThere);
    // Whatever it left would stand in the way of the next.
    await startWatching();
  });

  test("keeps the old config where SIGHUP finds a bad one, says so, and takes the next good one", async () => {
    const bridge = await startWatching();
    writeFileSync(configFile, "bridge:\n  monitorz: []\n");
    bridge.process.kill("SIGHUP");
    await until(() => expect(hub.pulse()?.notices).toEqual([expect.stringMatching(/^The changed config is not in force: .*monitorz/s)]));
    expect(report()).toMatchObject({ tags: ["gold"], health: { verdict: { kind: "healthy" } } });
    writeConfig("silver");
    bridge.process.kill("SIGHUP");
    await until(() => expect(report()?.tags).toEqual(["silver"]));
    await until(() => expect(hub.pulse()?.notices).toEqual([]));
  });

  test("outlives an error that nobody caught, and says that it met one", async () => {
    const bridge = await startWatching();
    for (const [signal, text] of [
      ["SIGUSR2", "a bug in a callback"],
      ["SIGWINCH", "a bug in a promise"],
    ] as const) {
      bridge.process.kill(signal);
      await until(() => expect(hub.pulse()?.notices).toEqual([`The bridge met an error of its own and went on: ${text}`]));
    }
    expect(await askControl(dataDir, { op: "hello" })).toMatchObject({ ok: true, pid: bridge.process.pid });
    vm.setRunState("paused");
    await until(() => expect(report()?.runState?.value).toBe("paused"));
  });
});
