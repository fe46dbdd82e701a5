import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ActRecord } from "#lib/yank/act";
import type { Plan } from "#lib/yank/plan";
import { startTestHub } from "../../tests/support/hub.ts";
import type { TestHub } from "../../tests/support/hub.ts";
import { hungVm, vmReport } from "../../tests/support/vm-report.ts";

const NBD = { type: "block-node", "node-name": "nbd0" };

describe("the hub", () => {
  let test_: TestHub;
  beforeEach(async () => {
    test_ = await startTestHub();
  });
  afterEach(() => test_.close());

  const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 5_000, interval: 5 });
  const vms = async () => (await test_.call("/api/v1/vms")).body.vms as { vmId: string; health: { kind: string } }[];

  test("shows a bridge's VMs, and says unknown when the bridge is lost", async () => {
    const bridge = test_.bridge({ vms: [vmReport({ vmId: "aaaaaa" }), hungVm({ vmId: "bbbbbb" })] });
    await until(async () => expect((await vms()).map((vm) => vm.health.kind)).toEqual(["healthy", "main-loop-hung"]));
    bridge.close();
    await until(async () => {
      const all = await vms();
      expect(all.map((vm) => vm.health)).toEqual([
        expect.objectContaining({ kind: "unknown", reason: "bridge-lost", was: expect.objectContaining({ verdict: { kind: "healthy" } }) }),
        expect.objectContaining({ kind: "unknown", reason: "bridge-lost" }),
      ]);
    });
  });

  test("plans, confirms, acts and verifies", async () => {
    const bridge = test_.bridge({ vms: [hungVm({ vmId: "bbbbbb", name: "db-07" })] });
    await until(async () => expect(await vms()).toHaveLength(1));
    const planned = await test_.call("/api/v1/plans", { action: "yank", targets: [{ vmId: "bbbbbb", instances: [NBD] }] });
    expect(planned.status).toBe(201);
    const plan = planned.body as unknown as Plan;
    expect(plan.title).toBe("Yank nbd0 on db-07?");
    expect(plan.confirmation).toEqual({ kind: "type-name", name: "db-07" });
    const confirmed = await test_.call("/api/v1/acts", { planId: plan.planId, typedName: "db-07", reason: "NBD server is down" });
    expect(confirmed.status, JSON.stringify(confirmed.body)).toBe(202);
    const act = confirmed.body as unknown as ActRecord;
    await until(() => expect(bridge.gone).toHaveLength(1));
    await bridge.progress(act.actId, "bbbbbb", { state: "accepted", verdict: "pending", replyAfterMs: 1.3 });
    await bridge.progress(act.actId, "bbbbbb", { state: "accepted", verdict: "recovered", recoveredAfterMs: 950, isFinal: true });
    const done = (await test_.call(`/api/v1/acts/${act.actId}`)).body as unknown as ActRecord;
    expect(done.targets[0]).toMatchObject({ state: "accepted", verdict: "recovered", recoveredAfterMs: 950 });
    await until(() => expect(bridge.acknowledged).toEqual([{ actId: act.actId, vmId: "bbbbbb" }]));
    const rows = (await test_.call("/api/v1/audit")).body.rows as { sequence: number; event: { type: string } }[];
    expect(rows.map((row) => row.event.type).toReversed()).toEqual([
      "hub-started",
      "token-created",
      "config-loaded",
      "bridge-connected",
      "plan-made",
      "act-intended",
      "act-progressed",
      "act-progressed",
    ]);
    expect(rows.map((row) => row.sequence)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });
});
