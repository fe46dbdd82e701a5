import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AuditRow } from "#lib/audit/events";
import type { VmSummary } from "#lib/api/vm";
import type { GoAnswer } from "#lib/link/contract";
import type { ActRecord } from "#lib/yank/act";
import type { Plan } from "#lib/yank/plan";
import { BRIDGE_TOKEN_FILE } from "#server/hub/compose";
import { FakeBridge } from "../../../tests/support/fake-bridge.ts";
import { startTestHub, testConfig } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { guestDisk, hungVm, serialConsole, vmReport } from "../../../tests/support/vm-report.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";

const SERIAL = { type: "chardev", id: "ser0" };
const VM = "aaaaaa";

/** A VM that one click yanks. */
const consoleVm = (vmId: string) => hungVm({ vmId, name: `vm-${vmId}`, instances: [serialConsole()] });

describe("the yank desk", () => {
  let ripcord: TestHub;
  let bridge: FakeBridge;
  let skewMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skewMs };

  beforeEach(async () => {
    skewMs = 0;
    ripcord = await startTestHub({ clock });
    bridge = ripcord.bridge({ vms: [consoleVm(VM)] });
    await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 1, { timeout: 5_000, interval: 5 });
  });
  afterEach(() => ripcord.close());

  const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 8_000, interval: 5 });
  const plan = async (...vmIds: string[]) => {
    const targets = vmIds.map((vmId) => ({ vmId, instances: [SERIAL] }));
    const { status, body } = await ripcord.call("/api/v1/plans", { action: "yank", targets });
    expect(status, JSON.stringify(body)).toBe(201);
    return body as unknown as Plan;
  };
  const confirm = (planId: string, more: object = {}) => ripcord.call("/api/v1/acts", { planId, ...more });
  const act = async (actId: string) => (await ripcord.call(`/api/v1/acts/${actId}`)).body as unknown as ActRecord;
  const audit = async (type: AuditRow["event"]["type"]) => {
    const { body } = await ripcord.call("/api/v1/audit?limit=500");
    return (body.rows as AuditRow[]).filter((row) => row.event.type === type);
  };
  const finish = (actId: string, vmId: string, verdict: "recovered" | "worse" = "recovered") =>
    bridge.progress(actId, vmId, { state: "accepted", verdict, replyAfterMs: 1, isFinal: true });

  test("a plan confirmed by many at once is one act, sent once", async () => {
    const { planId } = await plan(VM);
    const answers = await Promise.all(Array.from({ length: 12 }, () => confirm(planId)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map(({ body }) => body.actId)).size).toBe(1);
    const actId = String(answers[0]!.body.actId);
    await finish(actId, VM);
    expect((await confirm(planId)).body).toMatchObject({ actId, targets: [{ verdict: "recovered" }] });
    expect(bridge.prepared).toHaveLength(1);
    expect(bridge.gone).toHaveLength(1);
    expect(await audit("act-intended")).toHaveLength(1);
  });

  test("two plans for one VM: the second is told who is acting", async () => {
    const [first, second] = [await plan(VM), await plan(VM)];
    const answers = await Promise.all([confirm(first.planId), confirm(second.planId)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({
      code: "act-in-progress",
      act: { who: "local operator (127.0.0.1)" },
    });
    expect(bridge.gone).toHaveLength(1);
  });

  test("the row of the VM shows the act while it is open", async () => {
    const { body } = await confirm((await plan(VM)).planId);
    const row = () => ripcord.hub.fleet.rows().find((vm) => vm.vmId === VM) as VmSummary;
    expect(row().actInProgress).toMatchObject({ actId: body.actId });
    await finish(String(body.actId), VM);
    expect(row().actInProgress).toBeUndefined();
  });

  test("the intent is in the record before the bridge is told to go", async () => {
    let intents: AuditRow[] = [];
    bridge.onGo = async () => {
      intents = await audit("act-intended");
      return { ok: true };
    };
    const { body } = await confirm((await plan(VM)).planId, { reason: "console stuck" });
    expect(intents.map((row) => row.event)).toEqual([
      expect.objectContaining({
        actId: body.actId,
        vmId: VM,
        reason: "console stuck",
        evidence: expect.objectContaining({ yankInstances: [SERIAL] }),
      }),
    ]);
  });

  test("a plan is void when the process, the verdict or what the instance serves has changed", async () => {
    const changes = [
      [{ incarnation: { id: "other", by: "process" as const } }, "incarnation-changed"],
      [{ health: vmReport({ vmId: VM }).health }, "health-changed"],
      [{ instances: [serialConsole({ serves: { kind: "guest-agent" } })] }, "topology-changed"],
      [{ instances: [guestDisk()] }, "instance-gone"],
    ] as const;
    for (const [change, code] of changes) {
      bridge.set(consoleVm(VM));
      await until(() => expect(ripcord.hub.fleet.detail(VM)?.instances[0]?.serves.kind).toBe("serial-console"));
      const { planId } = await plan(VM);
      const revision = ripcord.hub.fleet.revision;
      bridge.set({ ...consoleVm(VM), ...change, instances: "instances" in change ? [...change.instances] : consoleVm(VM).instances });
      await until(() => {
        const now = ripcord.hub.fleet.reportOf(VM)!.report;
        expect(ripcord.hub.fleet.revision > revision || JSON.stringify(now.instances) !== JSON.stringify(consoleVm(VM).instances)).toBe(
          true,
        );
      });
      expect((await confirm(planId)).body, code).toMatchObject({ status: 409, code: "plan-void", void: { code } });
    }
    expect(bridge.prepared).toEqual([]);
    expect(await audit("act-refused")).toHaveLength(changes.length);
  });

  test("what the bridge finds changed at its own look voids the plan, too", async () => {
    bridge.onPrepare = () => ({ ok: false, code: "void", void: { code: "instance-gone", text: "chardev:ser0 is gone" } });
    const { planId } = await plan(VM);
    expect((await confirm(planId)).body).toMatchObject({ code: "plan-void", detail: expect.stringContaining("chardev:ser0 is gone") });
    expect(bridge.gone).toEqual([]);
    expect(await audit("act-intended")).toEqual([]);
    // The VM is free again.
    bridge.onPrepare = (request) => bridge.grant(request);
    expect((await confirm((await plan(VM)).planId)).status).toBe(202);
  });

  test("a plan that was found void stays void when the binding changes back, and the record says so", async () => {
    const { planId } = await plan(VM);
    const { health } = vmReport({ vmId: VM });
    bridge.set({ ...consoleVm(VM), health });
    await until(() => expect(ripcord.hub.fleet.detail(VM)?.health.kind).toBe("healthy"));
    expect((await confirm(planId)).body).toMatchObject({ code: "plan-void", void: { code: "health-changed" } });
    bridge.set(consoleVm(VM));
    await until(() => expect(ripcord.hub.fleet.detail(VM)?.health.kind).toBe("main-loop-hung"));
    for (let again = 0; again < 2; again += 1) {
      expect((await confirm(planId)).body).toMatchObject({
        status: 409,
        code: "plan-void",
        detail: expect.stringContaining("stays so"),
        void: { code: "health-changed" },
      });
    }
    expect(bridge.prepared).toEqual([]);
    expect((await audit("plan-voided")).map((row) => row.event)).toEqual([
      { type: "plan-voided", planId, void: expect.objectContaining({ code: "health-changed" }) },
    ]);
    // Also when the record could not take it.
    const other = await plan(VM);
    const blocker = new DatabaseSync(join(ripcord.dataDir, "record.db"));
    bridge.onPrepare = () => {
      blocker.exec("BEGIN IMMEDIATE");
      return { ok: false, code: "void", void: { code: "instance-gone", text: "chardev:ser0 is gone" } };
    };
    expect((await confirm(other.planId)).body).toMatchObject({ code: "plan-void", void: { code: "instance-gone" } });
    blocker.exec("ROLLBACK");
    blocker.close();
    bridge.onPrepare = (request) => bridge.grant(request);
    expect((await confirm(other.planId)).body).toMatchObject({ code: "plan-void", void: { code: "instance-gone" } });
    expect(bridge.gone).toEqual([]);
  });

  test("a plan expires after a minute", async () => {
    const { planId } = await plan(VM);
    skewMs = 60_001;
    expect((await confirm(planId)).body).toMatchObject({ status: 409, code: "plan-expired" });
  });

  test("a wrong name sends nothing, and the right one still can", async () => {
    bridge.set(hungVm({ vmId: VM, name: "db-07" }));
    await until(() => expect(ripcord.hub.fleet.detail(VM)?.name).toBe("db-07"));
    const instances = [{ type: "block-node", "node-name": "nbd0" }];
    const { body } = await ripcord.call("/api/v1/plans", { action: "yank", targets: [{ vmId: VM, instances }] });
    for (const typedName of [undefined, "db-08"]) {
      expect((await confirm(String(body.planId), { typedName })).body).toMatchObject({ status: 422, code: "wrong-name" });
    }
    expect((await confirm(String(body.planId), { typedName: "db-07" })).status).toBe(202);
  });

  test("a plan nobody made is not found", async () => {
    expect((await confirm("plan-nobody")).body).toMatchObject({ status: 404, code: "not-found" });
  });

  test("a late ticket is an act that was not sent", async () => {
    bridge.onGo = (): GoAnswer => ({ ok: false, code: "late-ticket", text: "The ticket was 3.2 s old" });
    const { body } = await confirm((await plan(VM)).planId);
    expect((await act(String(body.actId))).targets[0]).toMatchObject({
      state: "not-sent",
      verdict: "none",
      detail: "The ticket was 3.2 s old",
      isFinal: true,
    });
  });

  test("a bridge lost before the ticket means that nothing was sent", async () => {
    bridge.onPrepare = () => {
      bridge.socket.disconnect();
      return new Promise(() => {});
    };
    expect((await confirm((await plan(VM)).planId)).body).toMatchObject({ status: 503, code: "bridge-lost" });
    expect(await audit("act-intended")).toEqual([]);
  });

  test("a bridge lost in the middle leaves the outcome unknown, and its return tells it", async () => {
    bridge.onGo = () => new Promise(() => {});
    const confirming = confirm((await plan(VM)).planId);
    await until(() => expect(bridge.gone).toHaveLength(1));
    const { actId } = bridge.gone[0]!;
    bridge.socket.disconnect();
    expect((await confirming).status).toBe(202);
    expect((await act(actId)).targets[0]).toMatchObject({ state: "unknown", verdict: "unknown", isFinal: false });
    const progress = { state: "accepted" as const, verdict: "recovered" as const, aftermath: [], isFinal: true, replyAfterMs: 2 };
    bridge.outcomes.set(actId + VM, { actId, vmId: VM, progress, sentAgeMs: 10 });
    bridge.socket.connect();
    await until(async () =>
      expect((await act(actId)).targets[0]).toMatchObject({ state: "accepted", verdict: "recovered", isFinal: true }),
    );
    expect(bridge.gone).toHaveLength(1);
    await until(() => expect(bridge.acknowledged).toEqual([{ actId, vmId: VM }]));
  });

  test("a bridge that comes back and knows nothing makes it unknown for good", async () => {
    bridge.onGo = () => new Promise(() => {});
    const confirming = confirm((await plan(VM)).planId);
    await until(() => expect(bridge.gone).toHaveLength(1));
    bridge.socket.disconnect();
    const { body } = await confirming;
    bridge.socket.connect();
    await until(async () =>
      expect((await act(String(body.actId))).targets[0]).toMatchObject({ state: "unknown", verdict: "unknown", isFinal: true }),
    );
    expect(bridge.gone).toHaveLength(1);
  });

  test("an intent that cannot be written is an act that is not sent", async () => {
    const { planId } = await plan(VM);
    const other = new DatabaseSync(join(ripcord.dataDir, "record.db"));
    other.exec("BEGIN IMMEDIATE");
    const asked: { actId: string; vmId: string }[] = [];
    bridge.socket.on("act:inquire", ({ actId, vmId }) => asked.push({ actId, vmId }));
    expect((await confirm(planId)).body).toMatchObject({ status: 503, code: "not-recorded" });
    // Its ticket is given back, so that the bridge has no act in hand that would refuse the next one.
    expect(asked).toEqual([{ actId: bridge.prepared[0]!.actId, vmId: VM }]);
    expect(bridge.gone).toEqual([]);
    expect(ripcord.hub.fleet.detail(VM)?.actInProgress).toBeUndefined();
    other.exec("ROLLBACK");
    other.close();
    expect((await confirm(planId)).status).toBe(202);
  });

  test("an act of which the bridge never says the end is asked for, and given up after a minute", async () => {
    const { body } = await confirm((await plan(VM)).planId);
    const actId = String(body.actId);
    const progress = { state: "accepted" as const, verdict: "pending" as const, aftermath: [], isFinal: false, replyAfterMs: 2 };
    bridge.outcomes.set(actId + VM, { actId, vmId: VM, progress, sentAgeMs: 10 });
    skewMs = 25_000;
    await until(async () => expect((await act(actId)).targets[0]).toMatchObject({ state: "accepted", verdict: "pending" }));
    skewMs = 65_000;
    await until(async () => expect((await act(actId)).targets[0]).toMatchObject({ state: "accepted", verdict: "unknown", isFinal: true }));
    expect(bridge.gone).toHaveLength(1);
  }, 20_000);

  test("an outcome that cannot be written stays with the bridge until it can", async () => {
    const { body } = await confirm((await plan(VM)).planId);
    const actId = String(body.actId);
    const other = new DatabaseSync(join(ripcord.dataDir, "record.db"));
    other.exec("BEGIN IMMEDIATE");
    // Without an answer, as the hub must not say that it has it.
    const progress = { state: "accepted" as const, verdict: "recovered" as const, aftermath: [], isFinal: true, replyAfterMs: 1 };
    const report = { actId, vmId: VM, progress, sentAgeMs: 5 };
    await expect(bridge.socket.timeout(700).emitWithAck("act:progressed", report)).rejects.toThrow();
    expect(bridge.acknowledged).toEqual([]);
    // Shown all the same: it is what happened.
    expect((await act(actId)).targets[0]).toMatchObject({ verdict: "recovered" });
    other.exec("ROLLBACK");
    other.close();
    await finish(actId, VM);
    expect(await audit("act-progressed")).toHaveLength(1);
    await until(() => expect(bridge.acknowledged).toEqual([{ actId, vmId: VM }]));
  });

  test("progress that is told twice is recorded once", async () => {
    const { body } = await confirm((await plan(VM)).planId);
    const actId = String(body.actId);
    await finish(actId, VM);
    await finish(actId, VM);
    expect(await audit("act-progressed")).toHaveLength(1);
    await until(() => expect(bridge.acknowledged).toHaveLength(2));
  });

  describe("with several targets", () => {
    const many = Array.from({ length: 8 }, (_, index) => `vvvvv${index}`);
    const planMany = async () => {
      bridge.set(...many.map(consoleVm));
      await until(() => expect(ripcord.hub.fleet.vmCount).toBe(1 + many.length));
      const made = await plan(...many);
      return made;
    };

    test("has at most five under way, and a verdict for each", async () => {
      const { planId } = await planMany();
      const { body } = await confirm(planId);
      const actId = String(body.actId);
      await until(() => expect(bridge.gone).toHaveLength(5));
      for (let index = 0; index < many.length; index += 1) {
        await until(() => expect(bridge.gone.length).toBeGreaterThan(index));
        expect(bridge.gone.length - index).toBeLessThanOrEqual(5);
        await finish(actId, bridge.prepared[index]!.vmId);
      }
      await until(async () => expect((await act(actId)).targets.map((target) => target.verdict)).toEqual(many.map(() => "recovered")));
      expect(await audit("act-intended")).toHaveLength(many.length);
    });

    test("stops at the first that gets worse", async () => {
      const { planId } = await planMany();
      const actId = String((await confirm(planId)).body.actId);
      await until(() => expect(bridge.gone).toHaveLength(5));
      const underWay = bridge.prepared.map((request) => request.vmId);
      await finish(actId, underWay[0]!, "worse");
      for (const vmId of underWay.slice(1)) await finish(actId, vmId);
      await until(async () => expect((await act(actId)).targets.every((target) => target.isFinal)).toBe(true));
      const skipped = (await act(actId)).targets.filter((target) => target.state === "skipped");
      expect(skipped).toHaveLength(many.length - 5);
      expect(skipped[0]!.detail).toBe(`Stopped: vm-${underWay[0]} got worse`);
      expect(bridge.gone).toHaveLength(5);
    });

    test("takes as many at once as the configuration says", async () => {
      const resolved = testConfig(ripcord.dataDir);
      const desk = { targetsAtOnce: 2, staggerMs: 0 };
      mkdirSync(join(ripcord.dataDir, "other"), { mode: 0o700 });
      const other = await startTestHub({
        clock,
        resolved: { ...resolved, config: { ...resolved.config, desk }, dataDir: `${ripcord.dataDir}/other` },
      });
      try {
        const watched = new FakeBridge({
          hubUrl: other.hub.url,
          token: readFileSync(`${ripcord.dataDir}/other/${BRIDGE_TOKEN_FILE}`, "utf8").trim(),
          vms: many.map(consoleVm),
        });
        await until(() => expect(other.hub.fleet.vmCount).toBe(many.length));
        const targets = many.map((vmId) => ({ vmId, instances: [SERIAL] }));
        const { planId } = (await other.call("/api/v1/plans", { action: "yank", targets })).body as unknown as Plan;
        const actId = String((await other.call("/api/v1/acts", { planId })).body.actId);
        await until(() => expect(watched.gone).toHaveLength(2));
        await watched.progress(actId, watched.prepared[0]!.vmId, { state: "accepted", verdict: "recovered", isFinal: true });
        await until(() => expect(watched.gone).toHaveLength(3));
        expect(watched.prepared).toHaveLength(3);
        watched.close();
      } finally {
        await other.close();
      }
    });

    test("skips the one whose bindings changed before its turn", async () => {
      const { planId } = await planMany();
      bridge.set({ ...consoleVm(many[2]!), incarnation: { id: "other", by: "process" } });
      await until(() => expect(ripcord.hub.fleet.detail(many[2]!)?.incarnation.id).toBe("other"));
      const actId = String((await confirm(planId)).body.actId);
      await until(async () => expect((await act(actId)).targets[2]).toMatchObject({ state: "skipped", isFinal: true }));
      expect((await act(actId)).targets[2]!.detail).toContain("another QEMU process");
      expect(bridge.prepared.map((request) => request.vmId)).not.toContain(many[2]);
    });

    test("a hub that starts again in the middle skips those whose turn had not come, and ends the act with the others", async () => {
      const { planId } = await planMany();
      const actId = String((await confirm(planId)).body.actId);
      await until(() => expect(bridge.gone).toHaveLength(5));
      const underWay = new Set(bridge.prepared.map((request) => request.vmId));
      bridge.close();
      await ripcord.hub.close();
      const again = await startTestHub({ clock, dataDir: ripcord.dataDir });
      try {
        const returned = again.bridge({ vms: many.map(consoleVm) });
        const progress = { state: "accepted" as const, verdict: "recovered" as const, aftermath: [], isFinal: true, replyAfterMs: 1 };
        for (const vmId of underWay) returned.outcomes.set(actId + vmId, { actId, vmId, progress, sentAgeMs: 5 });
        await until(async () => {
          const { targets } = (await again.call(`/api/v1/acts/${actId}`)).body as unknown as ActRecord;
          expect(targets.map((target) => target.state)).toEqual(many.map((vmId) => (underWay.has(vmId) ? "accepted" : "skipped")));
          expect(targets.every((target) => target.isFinal)).toBe(true);
        });
        expect(returned.prepared).toEqual([]);
      } finally {
        await again.close();
      }
    });

    test("a record that cannot be written for a moment sends nothing and leaves no VM occupied", async () => {
      const six = many.slice(0, 6);
      bridge.set(...six.map(consoleVm));
      await until(() => expect(ripcord.hub.fleet.vmCount).toBe(1 + six.length));
      const { planId } = await plan(...six);
      const other = new DatabaseSync(join(ripcord.dataDir, "record.db"));
      bridge.onPrepare = (request) => {
        if (!other.isTransaction) other.exec("BEGIN IMMEDIATE");
        return bridge.grant(request);
      };
      const actId = String((await confirm(planId)).body.actId);
      await until(async () => expect((await act(actId)).targets.map((target) => target.state)).toEqual(six.map(() => "skipped")));
      expect(ripcord.hub.fleet.rows().filter((vm) => vm.actInProgress)).toEqual([]);
      expect(bridge.gone).toEqual([]);
      other.exec("ROLLBACK");
      other.close();
      await until(async () => expect(await audit("act-progressed")).toHaveLength(six.length));
    }, 20_000);

    test("stops also the one that is being prepared when another gets worse", async () => {
      const { planId } = await planMany();
      const look = Promise.withResolvers<void>();
      const first = many.slice(0, 5);
      bridge.onPrepare = async (request) => {
        if (!first.includes(request.vmId)) await look.promise;
        return bridge.grant(request);
      };
      const actId = String((await confirm(planId)).body.actId);
      await until(() => expect(bridge.gone).toHaveLength(5));
      await finish(actId, first[0]!);
      await until(() => expect(bridge.prepared).toHaveLength(6));
      await finish(actId, first[1]!, "worse");
      look.resolve();
      await until(async () => expect((await act(actId)).targets[5]).toMatchObject({ state: "skipped", isFinal: true }));
      expect(bridge.gone).toHaveLength(5);
    });
  });
});
