import { access, readdir } from "node:fs/promises";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { demoFleet } from "./demo-fleet.ts";
import { startSimulatedFleet, TROUBLES } from "./fleet.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { RawClient } from "./testing/raw-client.ts";
import { testFolder, yank, YANK_MIGRATION, YANK_NODE } from "./testing/start-vm.ts";

const STATUS = { execute: "query-status", id: "s" };

async function negotiated(path: string): Promise<RawClient> {
  const client = await RawClient.negotiated(path);
  onTestFinished(() => client.close());
  return client;
}

describe("a fleet for load", () => {
  test("hangs one VM and no other, again after a yank, and leaves no socket behind", async () => {
    const directory = await testFolder();
    const fleet = await startSimulatedFleet({ directory, count: 3 });
    expect(await readdir(directory)).toHaveLength(3);
    const [first, second] = [await negotiated(fleet.pathOf("sim-0001")), await negotiated(fleet.pathOf("sim-0002"))];
    for (let round = 1; round <= 2; round++) {
      fleet.hang("sim-0001");
      first.send(STATUS);
      first.send(yank("y", YANK_NODE));
      const replies = await first.until((message) => message.id === "s");
      expect(replies.map((message) => message.id).filter(Boolean)).toEqual(["y", "s"]);
      expect(replies.at(-1)).toMatchObject({ return: { status: "paused" } });
      expect(await second.ask(STATUS)).toMatchObject({ return: { status: "running" } });
      expect(fleet.vms.get("sim-0001")?.yanksReceived).toHaveLength(round);
    }
    fleet.release("sim-0001");
    expect(await first.until((message) => message.event === "RESUME")).not.toHaveLength(0);
    expect(() => fleet.hang("sim-9999")).toThrow("No simulated VM sim-9999");
    await fleet.close();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("a fleet on a few servers", () => {
  test("stalls with its server all that depend on it, in the way in which they meet it, and revives them", async () => {
    const fleet = await startSimulatedFleet({ directory: await testFolder(), count: 5, serverCount: 2, readsPerSecond: 10 });
    onTestFinished(() => fleet.close());
    const isHung = (name: string) => fleet.vms.get(name)?.isMainLoopBlocked;
    const names = Array.from(fleet.vms.keys());
    expect(fleet.killServer(0, "drain")).toEqual(["sim-0001", "sim-0003", "sim-0005"]);
    expect(fleet.killServer(1, "io-stall")).toEqual(["sim-0002", "sim-0004"]);
    expect(names.map(isHung)).toEqual([true, false, true, false, true]);
    fleet.reviveServer(0);
    expect(names.map(isHung)).toEqual([false, false, false, false, false]);
    expect(names.map((name) => fleet.vms.get(name)?.runState)).toEqual(Array.from(names, () => "running"));
    expect(() => fleet.killServer(2, "drain")).toThrow("No server 2");
  });

  test.each(TROUBLES)("brings %s over one VM, and takes it away again", async (trouble) => {
    const fleet = await startSimulatedFleet({ directory: await testFolder(), count: 1, readsPerSecond: 10 });
    onTestFinished(() => fleet.close());
    const vm = fleet.vms.get("sim-0001");
    fleet.trouble("sim-0001", trouble);
    expect(vm?.isMainLoopBlocked).toBe(!["io-stall", "migration-stall"].includes(trouble));
    fleet.release("sim-0001");
    await vi.waitFor(() => expect([vm?.isMainLoopBlocked, vm?.runState]).toEqual([false, "running"]));
  });
});

describe("the demo's fleet", () => {
  test("has six healthy VMs at least, three that hang, a stalled migration, a stalled disk, and two on one server", async () => {
    const fleet = await demoFleet(await testFolder(), { breaksAfterMs: undefined });
    onTestFinished(() => fleet.close());
    expect(fleet.vms.filter((vm) => !vm.recipe).length).toBeGreaterThanOrEqual(6);
    const recipes = fleet.vms.flatMap((vm) => vm.recipe ?? []);
    expect(recipes.sort()).toEqual([
      "debug-console",
      "io-stall",
      "migration-stall",
      "migration-switchover",
      "nbd-drain",
      "shared-server",
      "shared-server",
    ]);
    expect(fleet.vms.some(({ vm }) => vm.isMainLoopBlocked)).toBe(false);
    expect(() => fleet.breakAgain("web-01")).toThrow("has no recipe");
  });

  test("breaks each of its sick VMs some time after somebody has negotiated with it, and again after a yank", async () => {
    const clock = new ManualClock();
    const fleet = await demoFleet(await testFolder(), { clock, breaksAfterMs: 2_000 });
    onTestFinished(() => fleet.close());
    const instances: Record<string, object> = {
      "nbd-drain": YANK_NODE,
      "shared-server": YANK_NODE,
      "debug-console": { type: "chardev", id: "debug0" },
      "migration-switchover": YANK_MIGRATION,
    };
    for (const { name, monitorPath, recipe, vm } of fleet.vms) {
      const instance = instances[recipe ?? ""];
      if (!instance) continue;
      const client = await negotiated(monitorPath);
      clock.advance(1_999);
      expect(vm.isMainLoopBlocked).toBe(false);
      clock.advance(1);
      for (let round = 1; round <= 2; round++) {
        expect(vm.isMainLoopBlocked).toBe(true);
        client.send(yank(`y${round}`, instance));
        await client.until((message) => message.id === `y${round}`);
        client.send({ ...STATUS, id: `s${round}` });
        await client.until((message) => message.id === `s${round}`);
        clock.advance(1_000);
        if (round === 1) fleet.breakAgain(name);
      }
      expect(vm.isMainLoopBlocked).toBe(false);
    }
  });
});

describe("the process", () => {
  test("says when it is ready, obeys lines, and removes its sockets when it is told to end", async () => {
    const directory = await testFolder();
    const entry = fileURLToPath(new URL("main.ts", import.meta.url));
    const child = spawn(process.execPath, [entry, "--dir", directory, "--count", "2", "--hang", "1"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
    expect(await next()).toEqual({ ready: true, directory, count: 2, hung: ["sim-0001"] });
    child.stdin.write("release sim-0001\n");
    expect(await next()).toEqual({ ok: true, command: "release", name: "sim-0001" });
    child.stdin.write("hang sim-0003\n");
    expect(await next()).toMatchObject({ ok: false, error: "No simulated VM sim-0003" });
    child.stdin.write("kill sim-0002\n");
    expect(await next()).toMatchObject({ ok: true, command: "kill" });
    await access(`${directory}/sim-0002.sock`);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });
});
