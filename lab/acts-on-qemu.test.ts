import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { KnownYankInstance } from "#lib/qapi/yank";
import type { VmReport } from "#lib/vm/report";
import type { ActProgress, ActTarget } from "#lib/yank/act";
import { makePlan } from "#lib/yank/make-plan";
import { nextSteps } from "#lib/yank/next-steps";
import type { Action, Plan } from "#lib/yank/plan";
import { rehungText } from "#lib/yank/rehang";
import { Closers } from "./closers.ts";
import { GuestReads } from "./guest-reads.ts";
import { DEBUG_CONSOLE_PORT, floodOnKeySector, readSecondDiskSector } from "./boot-sectors.ts";
import { writeDisk } from "./images.ts";
import { openLab, removeFolder } from "./lab.ts";
import { NbdDisk } from "./nbd-disk.ts";
import { Peer } from "./peer.ts";
import { PostcopyPair } from "./postcopy-pair.ts";
import { hasMillisecondReconnect } from "./qemu.ts";
import type { Qemu } from "./qemu.ts";
import type { RawMonitor } from "./raw-monitor.ts";
import type { LabScenario } from "./scenario.ts";
import { startScenario } from "./start-scenario.ts";
import { startLinkHub } from "./testing/link-hub.ts";
import type { LinkHub } from "./testing/link-hub.ts";
import { describeWithQemu } from "./testing/needs-qemu.ts";
import { LabVm } from "./vm.ts";
import { waitFor } from "./wait-for.ts";

const MAIN = join(import.meta.dirname, "../server/main.ts");
/** Longer than an act is watched by its bridge. */
const RECONNECT_SECONDS = 14;
/** Ten seconds of probes, and the grace after them. */
const FINAL_WITHIN_MS = 20_000;

/** What the desk foretells, what becomes of it on a real QEMU, and whether the next steps that it names work there. */
await describeWithQemu("the yank desk's acts", (qemu) => {
  const root = mkdtempSync(join(tmpdir(), "lab-acts-"));
  const monitorsDirectory = join(root, "m");
  const labOptions = { directory: join(root, "l"), monitorsDirectory, qemu } satisfies {
    directory: string;
    monitorsDirectory: string;
    qemu: Qemu;
  };
  const opened: { close(): Promise<unknown> }[] = [];
  let bridge: ChildProcess;
  let hub: LinkHub;

  beforeAll(async () => {
    mkdirSync(monitorsDirectory);
    const config = join(root, "ripcord.yaml");
    const probe = "{ hungAfterMs: 2000, ioStallAfterMs: 3000, migrationStallAfterMs: 3000 }";
    writeFileSync(config, `bridge:\n  monitors:\n    - path: ${monitorsDirectory}/*.sock\n  probe: ${probe}\n`);
    hub = await startLinkHub();
    const args = [MAIN, "bridge", "--config", config, "--data-dir", join(root, "d"), "--hub-url", hub.url];
    bridge = spawn(process.execPath, args, { stdio: "ignore" });
    await waitFor("the bridge to connect", () => hub.bridgeEpoch());
  });
  afterEach(async () => {
    for (const each of opened.splice(0).toReversed()) await each.close();
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => bridge.once("close", resolve));
    bridge.kill("SIGTERM");
    await ended;
    await hub.kill();
    rmSync(root, { recursive: true, force: true });
  });

  async function started(name: string): Promise<LabScenario> {
    const scenario = await startScenario(name, labOptions);
    opened.push(scenario);
    return scenario;
  }

  async function shown(name: string, isAsWanted: (report: VmReport) => boolean): Promise<VmReport> {
    return waitFor(
      `the bridge to tell of ${name}`,
      () => [...hub.vms.values()].find((report) => report.name === name && isAsWanted(report)),
      { timeoutMs: 30_000 },
    );
  }

  const reads = (kind: string) => (report: VmReport) => report.health.verdict.kind === kind && report.topologyAgeMs !== undefined;

  function planned(report: VmReport, action: Action, instances: KnownYankInstance[]): Plan {
    const vm = { report, bridgeId: "b1", host: "lab", isLost: false };
    const targets = [{ vmId: report.vmId, ...(action === "yank" ? { instances } : {}) }];
    const result = makePlan({ action, targets }, { find: () => vm, planId: "plan", nowMs: 0 });
    if (!result.ok) throw new Error(JSON.stringify(result));
    return result.plan;
  }

  /** Plans, prepares, goes, and waits for the last word. */
  async function act(report: VmReport, action: Action, instances: KnownYankInstance[]): Promise<{ plan: Plan; target: ActTarget }> {
    const plan = planned(report, action, instances);
    const [planTarget] = plan.targets;
    if (planTarget === undefined) throw new Error("the plan has no target");
    const actId = randomUUID();
    const request = { actId, vmId: report.vmId, action, instances, bindings: planTarget.bindings };
    const prepared = await hub.prepare(request);
    if (!prepared.ok) throw new Error(JSON.stringify(prepared));
    const sentAtMs = Date.now();
    expect(await hub.go(actId, prepared.ticket)).toEqual({ ok: true });
    const progress = await waitFor<ActProgress>(
      "the act's last word",
      () => hub.progress.find((each) => each.actId === actId && each.progress.isFinal)?.progress,
      { timeoutMs: FINAL_WITHIN_MS },
    );
    const { vmId, vmName, host, command, lane, bindings } = planTarget;
    return {
      plan,
      target: { vmId, vmName, host, bridgeId: "b1", healthBefore: bindings.healthClass, instances, command, lane, sentAtMs, ...progress },
    };
  }

  async function run(raw: RawMonitor, commands: readonly string[] = []): Promise<void> {
    for (const line of commands) {
      const { execute, arguments: args } = JSON.parse(line) as { execute: string; arguments?: Record<string, unknown> };
      await raw.execute(execute, args);
    }
  }

  const commandsOf = (action: Action, target: ActTarget) =>
    nextSteps(action, target, hub.vms.get(target.vmId)).flatMap(({ commands }) => commands ?? []);

  describe("on an NBD node", () => {
    const NBD: KnownYankInstance = { type: "block-node", "node-name": "nbd0" };

    test("of an idle VM that is well is proved by its socket, and the next steps give the disk back", async () => {
      const [vm] = (await started("nbd-disk")).vms;
      const well = await shown("nbd-disk", reads("healthy"));
      const { plan, target } = await act(well, "yank", [NBD]);
      expect(plan.confirmation.kind).toBe("type-name");
      expect(target).toMatchObject({ state: "accepted", verdict: "took-effect" });
      // Of a disk that was never busy the size is not read: QEMU refuses the command until somebody puts it in.
      const commands = commandsOf("yank", target).map((line) => line.replace('"SIZE-IN-BYTES"', String(64 * 1024 * 1024)));
      await run(vm!.raw, commands);
      expect(await vm!.runState()).toBe("running");
    });

    test.each(["report", "stop"] as const)("of a disk that stands still, with werror=%s", async (onError) => {
      const name = `acts-${onError}`;
      const lab = await openLab(labOptions);
      opened.push(lab);
      const closers = new Closers();
      opened.push(closers);
      const disk = closers.add(await NbdDisk.start(lab, { name: `${name}-nbd`, transport: "tcp", onError }), (each) => each.close());
      const guest = await GuestReads.start(lab, closers, { vmName: name, bootSector: readSecondDiskSector(), devices: disk.devices });
      await guest.waitUntilMoving();
      await shown(name, reads("healthy"));
      await disk.server.freeze();
      const stalled = await shown(name, reads("io-stalled"));
      const { plan, target } = await act(stalled, "yank", [NBD]);
      expect(plan.targets[0]!.instances[0]!.suspicion?.score).toMatch(/^(almost-certainly|likely)$/);
      const sentence = plan.targets[0]!.effects[0]!.sentence;
      if (onError === "report") {
        expect(target).toMatchObject({ verdict: "recovered", recoveredParts: ["io"] });
        expect(sentence).toContain("may turn it read-only");
      } else {
        expect(sentence).toContain("pauses at its next request (io-error)");
        expect(target.verdict).toBe("took-effect");
        expect(target.aftermath).toContain("the guest is paused by an I/O error (io-error), as foretold");
      }
      disk.server.thaw();
      await disk.startServer();
      await run(guest.vm.raw, commandsOf("yank", target));
      await guest.waitUntilMoving();
      expect(await guest.vm.runState()).toBe("running");
    });

    test("that waits to reconnect has no visible effect, and says why", async () => {
      const scenario = await started("nbd-reconnecting");
      await shown("nbd-reconnecting", reads("healthy"));
      await scenario.break();
      const hung = await shown("nbd-reconnecting", reads("main-loop-hung"));
      const { target } = await act(hung, "yank", [NBD]);
      expect(target).toMatchObject({ state: "accepted", verdict: "no-visible-effect" });
      if (hung.instances.some(({ connection }) => connection === "reconnecting")) expect(target.detail).toContain("yank does not reach");
      await scenario.heal();
    });
  });

  describe("on a console that connects again to a peer that does not read", () => {
    const CONSOLE: KnownYankInstance = { type: "chardev", id: "console0" };

    test("soon: the act itself reads rehung", async () => {
      const scenario = await started("console-rehang");
      await shown("console-rehang", reads("healthy"));
      await scenario.break();
      const hung = await shown("console-rehang", reads("main-loop-hung"));
      const { plan, target } = await act(hung, "yank", [CONSOLE]);
      expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain("the hang comes back with the connection");
      expect(target).toMatchObject({ state: "accepted", verdict: "rehung" });
    });

    test("after a while: it recovers, and the hang that comes back amends the act", async () => {
      const lab = await openLab(labOptions);
      opened.push(lab);
      const closers = new Closers();
      opened.push(closers);
      const folder = closers.add(await lab.makeFolder("amended-console"), removeFolder);
      const path = join(folder, "console.sock");
      const collector = await Peer.start(lab, closers, { what: "console collector", path });
      const reconnect = `reconnect${hasMillisecondReconnect(qemu.version) ? `-ms=${RECONNECT_SECONDS}000` : `=${RECONNECT_SECONDS}`}`;
      const vm = await LabVm.start(lab, {
        name: "amended",
        bootDisk: await writeDisk(join(folder, "boot.img"), floodOnKeySector()),
        devices: [
          ...["-chardev", `socket,id=console0,path=${path},${reconnect}`],
          ...["-device", `isa-debugcon,iobase=${DEBUG_CONSOLE_PORT},chardev=console0,id=debugcon0`],
        ],
      });
      closers.add(vm, (each) => each.close());
      await shown("amended", reads("healthy"));
      await collector.freeze();
      await waitFor("the guest to fill its console", async () => {
        vm.raw.execute("send-key", { keys: [{ type: "qcode", data: "a" }] }, { timeoutMs: 0 }).catch(() => {});
        return (await vm.isHung()) ? true : undefined;
      });
      const hung = await shown("amended", reads("main-loop-hung"));
      const { target } = await act(hung, "yank", [CONSOLE]);
      expect(target).toMatchObject({ verdict: "recovered", recoveredParts: expect.arrayContaining(["main-loop"]) });
      const text = await waitFor(
        "the hang to come back",
        () => {
          const report = hub.vms.get(target.vmId);
          return report && rehungText(target, report, Date.now() - report.health.sinceAgeMs);
        },
        { timeoutMs: 45_000 },
      );
      expect(text).toMatch(/^hung again \d+ s after the act: reads main-loop-hung/);
    });
  });

  describe("on a migration", () => {
    const MIGRATION: KnownYankInstance = { type: "migration" };
    const inStatus = (status: string) => (report: VmReport) =>
      report.migration?.status === status && report.instances.some(({ instance }) => instance.type === "migration");

    const refusalOf = (report: VmReport) => {
      const vm = { report, bridgeId: "b1", host: "lab", isLost: false };
      const request = { action: "yank" as const, targets: [{ vmId: report.vmId, instances: [{ type: "migration" as const }] }] };
      const result = makePlan(request, { find: () => vm, planId: "plan", nowMs: 0 });
      return !result.ok && result.code === "cannot-plan" ? result.reasons[0]?.text : undefined;
    };

    test("that still connects is out of yank's reach, and is cancelled instead", async () => {
      const scenario = await started("migration-connecting");
      await shown("migration-connecting", reads("healthy"));
      await scenario.break();
      const connecting = await shown("migration-connecting", inStatus("setup"));
      expect(refusalOf(connecting)).toContain("yank has nothing to cut yet; cancel it instead");
      const { target } = await act(connecting, "cancel-migration", []);
      expect(target.state).toBe("accepted");
      await scenario.heal();
    });

    test("through a child process is out of yank's reach", async () => {
      const [vm] = (await started("migration-pair")).vms;
      await vm!.raw.execute("migrate_cancel");
      await waitFor("the migration to end", async () =>
        ((await vm!.raw.execute("query-migrate")) as { status?: string }).status === "cancelled" ? true : undefined,
      );
      await vm!.raw.execute("migrate", { uri: "exec:sleep 600" });
      const active = await shown("migration-pair", (report) => inStatus("active")(report) && refusalOf(report) !== undefined);
      expect(refusalOf(active)).toContain("no connection that yank could cut");
      await vm!.process.stop(0);
    });

    test("of a destination ends its process, as foretold", async () => {
      const scenario = await started("destination-yanked");
      await scenario.break();
      const receiving = await shown(
        "destination-yanked",
        (report) => report.migration?.status === "active" && report.topologyAgeMs !== undefined,
      );
      const { plan, target } = await act(receiving, "yank", [MIGRATION]);
      expect(plan.targets[0]!.effects[0]!.sentence).toContain("This QEMU process exits");
      expect(target).toMatchObject({ verdict: "took-effect", aftermath: ["the QEMU process ended, as foretold"] });
    });

    test.each([
      ["source", "pause-postcopy"],
      ["destination", "pause-postcopy"],
      ["source", "yank"],
    ] as const)("in postcopy, from the %s by %s, pauses both sides, and they can be recovered", async (side, action) => {
      const lab = await openLab(labOptions);
      opened.push(lab);
      const closers = new Closers();
      opened.push(closers);
      const pair = await PostcopyPair.start(lab, closers, "postcopy");
      await Promise.all(["postcopy", "postcopy-target"].map((each) => shown(each, reads("healthy"))));
      await pair.begin();
      const name = side === "source" ? "postcopy" : "postcopy-target";
      const running = await shown(name, inStatus("postcopy-active"));
      const { plan, target } = await act(running, action, action === "yank" ? [MIGRATION] : []);
      expect(plan.confirmation).toMatchObject({ kind: "type-name", acknowledge: expect.stringContaining("never be restarted") });
      expect(plan.targets[0]!.lane).toBe("oob");
      expect(target.state).toBe("accepted");
      expect(["took-effect", "recovered"]).toContain(target.verdict);
      await Promise.all(["postcopy", "postcopy-target"].map((each) => shown(each, inStatus("postcopy-paused"))));
      expect(nextSteps(action, target, hub.vms.get(target.vmId))[0]?.text).toContain("never restart the source");
      await pair.recover();
    });
  });
});
