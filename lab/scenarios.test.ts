import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { SCENARIOS, findScenario } from "./catalog.ts";
import { isAlive, readProcessStat } from "./process-identity.ts";
import { RawMonitor } from "./raw-monitor.ts";
import type { Culprit, LabScenario } from "./scenario.ts";
import { startScenario } from "./start-scenario.ts";
import { describeWithQemu } from "./testing/needs-qemu.ts";
import { staysOpen, waitFor } from "./wait-for.ts";

const root = mkdtempSync(join(tmpdir(), "lab-"));
const directory = join(root, "l");
const monitorsDirectory = join(root, "m");
const opened: LabScenario[] = [];

afterEach(async () => {
  for (const scenario of opened.splice(0)) await scenario.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

await describeWithQemu("the lab's recipes", (qemu) => {
  async function start(name: string): Promise<LabScenario> {
    const scenario = await startScenario(name, { directory, monitorsDirectory, qemu });
    opened.push(scenario);
    return scenario;
  }

  /** Somebody who watches, as the bridge does: connected and negotiated before anything breaks. */
  async function watch(scenario: LabScenario): Promise<RawMonitor> {
    return RawMonitor.connect(firstVm(scenario).monitorPath);
  }

  test.each(["nbd-hang", "console-hang", "migration-switchover-hang"])(
    "%s silences in-band and leaves out-of-band; a yank frees it, and it can be broken again",
    async (name) => {
      const scenario = await start(name);
      const { vm, instance } = culpritOf(scenario);
      const watcher = await watch(scenario);
      for (const round of ["first", "again"]) {
        await scenario.break();
        expect(await scenario.isBroken(), round).toBe(true);
        const inBand = watcher.execute("query-status");
        expect(await staysOpen(inBand, 300), round).toBe(true);
        expect(await watcher.executeOob("query-yank")).toContainEqual(instance);
        await watcher.executeOob("yank", { instances: [instance] });
        expect(await inBand).toMatchObject({ status: name === "nbd-hang" ? "paused" : expect.any(String) });
        // A failed switchover answers a moment before its guest runs again.
        const expected = name === "nbd-hang" ? "paused" : "running";
        await waitFor(`${name} to be ${expected}`, async () => ((await vm.runState()) === expected ? true : undefined));
        expect(await scenario.isBroken(), round).toBe(false);
      }
      await scenario.heal();
      expect(await vm.runState()).toBe("running");
      watcher.close();
    },
  );

  test("migration-stall moves no byte while in-band answers; cancel and yank both end it and the guest runs on", async () => {
    const scenario = await start("migration-stall");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    expect(await vm.isHung()).toBe(false);
    await vm.raw.execute("migrate_cancel");
    await waitFor("the cancel to end", async () => ((await migrationStatus(scenario)) === "cancelled" ? true : undefined));
    await scenario.break();
    await vm.raw.executeOob("yank", { instances: [instance] });
    await waitFor("the yank to end it", async () => ((await migrationStatus(scenario)) === "failed" ? true : undefined));
    expect(await vm.runState()).toBe("running");
  });

  test("destination-yanked ends the destination's process with status 1, and the source reads failed", async () => {
    const scenario = await start("destination-yanked");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    await vm.raw.executeOob("yank", { instances: [instance] }).catch(() => {});
    expect(await vm.process.exited).toEqual({ code: 1, signal: null });
    const source = scenario.vms[1];
    source?.process.thaw();
    await waitFor("the source to fail", async () => {
      const answer = (await source?.raw.execute("query-migrate")) as { status?: string };
      return answer.status === "failed" ? true : undefined;
    });
    await scenario.break();
    expect(await scenario.isBroken()).toBe(true);
  });

  test("io-stall stops the guest's reads while in-band answers; a yank fails the pending one and reads go on failing", async () => {
    const scenario = await start("io-stall");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    expect(await vm.runState()).toBe("running");
    const failed = vm.raw.nextEvent("BLOCK_IO_ERROR");
    await vm.raw.executeOob("yank", { instances: [instance] });
    expect((await failed).data).toMatchObject({ operation: "read" });
    expect(await scenario.isBroken()).toBe(false);
    await scenario.heal();
    await scenario.break();
    expect(await scenario.isBroken()).toBe(true);
  });

  test("process-stopped answers on neither lane until it is healed", async () => {
    const scenario = await start("process-stopped");
    const watcher = await watch(scenario);
    await scenario.break();
    expect(await staysOpen(watcher.executeOob("query-yank"), 300)).toBe(true);
    await scenario.heal();
    expect(await watcher.executeOob("query-yank")).toEqual(expect.any(Array));
    watcher.close();
  });

  test("monitor-busy puts out whoever watches, and lets the next one in when the occupant leaves", async () => {
    const scenario = await start("monitor-busy");
    const watcher = await watch(scenario);
    await scenario.break();
    await waitFor("the watcher to be put out", () => (watcher.isClosed ? true : undefined));
    const next = watch(scenario);
    expect(await staysOpen(next, 300)).toBe(true);
    await scenario.heal();
    (await next).close();
  });

  test("no-oob offers none, refuses to enable it, and passes everything else", async () => {
    const scenario = await start("no-oob");
    const watcher = await watch(scenario);
    expect(await watcher.execute("query-status")).toMatchObject({ status: "running" });
    await expect(watcher.executeOob("query-yank", undefined, { timeoutMs: 300 })).rejects.toThrow();
    watcher.close();
  });

  test("own-line ends the watcher's connection and not the VM", async () => {
    const scenario = await start("own-line");
    const watcher = await watch(scenario);
    await scenario.break();
    await waitFor("the watcher's connection to end", () => (watcher.isClosed ? true : undefined));
    (await watch(scenario)).close();
    expect(await firstVm(scenario).runState()).toBe("running");
  });

  test("nbd-reconnecting lists the node and is not freed by a yank, but by the server", async () => {
    const scenario = await start("nbd-reconnecting");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    await vm.raw.executeOob("yank", { instances: [instance] });
    expect(await scenario.isBroken()).toBe(true);
    await scenario.heal();
    expect(await vm.runState()).toBe("running");
  });

  test("two-disks-hang is freed by the yank of the dead node and not by the other's", async () => {
    const scenario = await start("two-disks-hang");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    await vm.raw.executeOob("yank", { instances: [{ type: "block-node", "node-name": "nbd0" }] });
    expect(await scenario.isBroken()).toBe(true);
    await vm.raw.executeOob("yank", { instances: [instance] });
    await vm.waitUntilAnswering();
  });

  test("console-rehang is freed by a yank, and hangs again once it has reconnected", async () => {
    const scenario = await start("console-rehang");
    const { vm, instance } = culpritOf(scenario);
    await scenario.break();
    await vm.raw.executeOob("yank", { instances: [instance] });
    await vm.waitUntilAnswering();
    await vm.waitUntilHung();
    await scenario.heal();
    expect(await scenario.isBroken()).toBe(false);
  });

  test("postcopy-stall is paused on both sides by migrate-pause, and recovered by hand", async () => {
    const scenario = await start("postcopy-stall");
    const [source, destination] = scenario.vms;
    await scenario.break();
    // Of each by itself: the network that stands still does not pass a cut on either.
    for (const vm of [source, destination]) await vm?.raw.executeOob("migrate-pause");
    for (const vm of [source, destination]) {
      await waitFor("both sides to pause", async () => {
        const answer = (await vm?.raw.execute("query-migrate")) as { status?: string };
        return answer.status === "postcopy-paused" ? true : undefined;
      });
    }
    expect(await destination?.runState()).toBe("running");
    await scenario.heal();
    expect(await migrationStatus(scenario)).toMatch(/^(postcopy-active|postcopy-recover|completed)$/);
  });

  test("late-negotiation greets and never answers the negotiation", async () => {
    const scenario = await start("late-negotiation");
    expect(await scenario.isBroken()).toBe(true);
    const late = watch(scenario);
    expect(await staysOpen(late, 500)).toBe(true);
    await scenario.heal();
    (await late).close();
  });

  test.each(["fifo-block", "exec-migration"])("%s hangs, and only its own cause ends it", async (name) => {
    const scenario = await start(name);
    await scenario.break();
    expect(await scenario.isBroken()).toBe(true);
    await scenario.heal();
    expect(await scenario.isBroken()).toBe(false);
  });

  test("a VM whose QEMU was killed is started again at the same socket and broken again", async () => {
    const scenario = await start("nbd-hang");
    const { vm } = culpritOf(scenario);
    await scenario.break();
    vm.process.signal("SIGKILL");
    await vm.process.exited;
    await scenario.break();
    expect(await scenario.isBroken()).toBe(true);
  });

  test.each(SCENARIOS.filter((scenario) => scenario.kind === "healthy").map((scenario) => scenario.name))(
    "%s is well and stays so",
    async (name) => {
      const scenario = await start(name);
      for (const vm of scenario.vms) expect(await vm.isHung()).toBe(false);
      await expect(scenario.break()).rejects.toThrow("stays so");
    },
  );

  test("closing ends every process, stopped ones too, and leaves no file but the shared guest memory", async () => {
    const scenario = await start("nbd-hang");
    const { vm } = culpritOf(scenario);
    const pid = readProcessStat(vm.process.pid);
    await scenario.break();
    await scenario.close();
    await scenario.close();
    expect(pid !== undefined && isAlive(pid)).toBe(false);
    expect(readdirSync(monitorsDirectory)).toEqual([]);
    expect(readdirSync(directory).filter((name) => name !== "guest-memory.bin")).toEqual([]);
  });
});

test("every scenario has a name of its own and is found by it", () => {
  expect(new Set(SCENARIOS.map((scenario) => scenario.name)).size).toBe(SCENARIOS.length);
  expect(() => findScenario("nope")).toThrow('There is no scenario "nope"; there is nbd-hang');
});

function firstVm(scenario: LabScenario) {
  const vm = scenario.vms[0];
  if (vm === undefined) throw new Error("The scenario has no VM");
  return vm;
}

function culpritOf(scenario: LabScenario): Culprit {
  if (scenario.culprit === undefined) throw new Error("The scenario has no culprit");
  return scenario.culprit;
}

async function migrationStatus(scenario: LabScenario): Promise<string | undefined> {
  const answer = (await firstVm(scenario).raw.execute("query-migrate")) as { status?: string };
  return answer.status;
}
