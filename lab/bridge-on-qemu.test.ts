import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { VmReport } from "#lib/vm/report";
import { bindPlan, isVoidReason } from "#lib/yank/bindings";
import type { LabScenario } from "./scenario.ts";
import { startScenario } from "./start-scenario.ts";
import { startLinkHub } from "./testing/link-hub.ts";
import type { LinkHub } from "./testing/link-hub.ts";
import { describeWithQemu } from "./testing/needs-qemu.ts";
import { waitFor } from "./wait-for.ts";

// As a process, the way it runs in production: nothing of the lab may import the bridge.
const MAIN = join(import.meta.dirname, "../server/main.ts");

await describeWithQemu("the bridge on the recipes", (qemu) => {
  const root = mkdtempSync(join(tmpdir(), "lab-bridge-"));
  const monitorsDirectory = join(root, "m");
  const opened: LabScenario[] = [];
  let bridge: ChildProcess;
  let hub: LinkHub;

  beforeAll(async () => {
    mkdirSync(monitorsDirectory);
    const config = join(root, "ripcord.yaml");
    const probe = "{ hungAfterMs: 2000, migrationStallAfterMs: 3000 }";
    writeFileSync(config, `bridge:\n  monitors:\n    - path: ${monitorsDirectory}/*.sock\n  probe: ${probe}\n`);
    hub = await startLinkHub();
    const args = [MAIN, "bridge", "--config", config, "--data-dir", join(root, "d"), "--hub-url", hub.url];
    bridge = spawn(process.execPath, args, { stdio: "ignore" });
    await waitFor("the bridge to connect", () => hub.bridgeEpoch());
  });
  afterEach(async () => {
    for (const scenario of opened.splice(0)) await scenario.close();
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => bridge.once("close", resolve));
    bridge.kill("SIGTERM");
    await ended;
    await hub.kill();
    rmSync(root, { recursive: true, force: true });
  });

  /** The VM of that name as the hub has it, once it is as wanted. */
  async function shown(name: string, isAsWanted: (report: VmReport) => boolean): Promise<VmReport> {
    return waitFor(`the bridge to tell of ${name}`, () =>
      [...hub.vms.values()].find((report) => report.name === name && isAsWanted(report)),
    );
  }

  test.each([
    ["nbd-hang", "main-loop-hung", "paused"],
    ["console-hang", "main-loop-hung", "running"],
    ["migration-stall", "migration-stalled", "running"],
    ["migration-switchover-hang", "main-loop-hung", "running"],
  ] as const)(
    "%s is told as %s, and is yanked through the bridge though its hub was killed meanwhile",
    async (name, kind, runStateAfter) => {
      const scenario = await startScenario(name, { directory: join(root, "l"), monitorsDirectory, qemu });
      opened.push(scenario);
      const { culprit } = scenario;
      if (culprit === undefined) throw new Error(`${name} names nothing to yank`);
      const well = await shown(name, (report) => report.health.verdict.kind === "healthy" && report.topologyAgeMs !== undefined);
      expect(well.incarnation).toMatchObject({ by: "process", pid: culprit.vm.process.pid });

      await scenario.break();
      await shown(name, (report) => report.health.verdict.kind === kind);
      const epoch = hub.bridgeEpoch();
      const { port } = hub;
      await hub.kill();
      hub = await startLinkHub(port);
      await waitFor("the bridge to come back", () => hub.bridgeEpoch());
      expect(hub.bridgeEpoch()).toBe(epoch);
      const hung = await shown(name, (report) => report.health.verdict.kind === kind);
      expect(hung.incarnation).toEqual(well.incarnation);
      if (kind === "main-loop-hung") {
        expect(hung.health.verdict).toEqual({ kind, cord: "in-reach" });
        expect(hung.runState).toMatchObject({ isLastKnown: true });
        expect(hung.health.evidence.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^run state was \S+ \d+\.\d s ago$/));
      }

      const actId = randomUUID();
      const bindings = bindPlan(
        { incarnationId: hung.incarnation.id, healthKind: hung.health.verdict.kind, instances: hung.instances, migration: hung.migration },
        [culprit.instance],
        culprit.instance.type === "migration",
      );
      if (isVoidReason(bindings)) throw new Error(bindings.text);
      const prepared = await hub.prepare({ actId, vmId: hung.vmId, action: "yank", instances: [culprit.instance], bindings });
      if (!prepared.ok) throw new Error(JSON.stringify(prepared));
      expect(prepared.evidence.yankInstances).toContainEqual(culprit.instance);
      expect(await hub.go(actId, prepared.ticket)).toEqual({ ok: true });
      const outcome = await waitFor("the act's verdict", () =>
        hub.progress.find((report) => report.actId === actId && report.progress.verdict !== "pending"),
      );
      expect(outcome.progress).toMatchObject({ state: "accepted", verdict: "recovered" });
      const after = await shown(name, (report) => report.health.verdict.kind === "healthy");
      expect(after).toMatchObject({ incarnation: well.incarnation, runState: { value: runStateAfter, isLastKnown: false } });
      expect(await scenario.isBroken()).toBe(false);
    },
  );
});
