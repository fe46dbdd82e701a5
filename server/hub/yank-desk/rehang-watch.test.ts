import { afterEach, expect, test, vi } from "vitest";
import type { AuditRow } from "#lib/audit/events";
import type { ActRecord } from "#lib/yank/act";
import type { Plan } from "#lib/yank/plan";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm, serialConsole, vmReport } from "../../../tests/support/vm-report.ts";

const VM = "aaaaaa";
const SERIAL = { type: "chardev", id: "ser0" };
const reconnecting = () => serialConsole({ isServer: false, reconnectMs: 1_000 });
const hung = (sinceAgeMs: number) => {
  const report = hungVm({ vmId: VM, name: "vm-a", instances: [reconnecting()] });
  return { ...report, health: { ...report.health, sinceAgeMs } };
};

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.close();
});
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 8_000, interval: 10 });
const actOf = async (hub: TestHub, actId: string) => (await hub.call(`/api/v1/acts/${actId}`)).body as unknown as ActRecord;

async function start(dataDir?: string): Promise<TestHub> {
  const hub = await startTestHub(dataDir === undefined ? {} : { dataDir });
  hubs.push(hub);
  return hub;
}

test("a VM that hangs again within a minute amends the act once, also after the hub started again", async () => {
  const first = await start();
  const bridge = first.bridge({ vms: [hung(37_000)] });
  await vi.waitUntil(() => first.hub.fleet.vmCount === 1, { timeout: 5_000, interval: 5 });
  const plan = (await first.call("/api/v1/plans", { action: "yank", targets: [{ vmId: VM, instances: [SERIAL] }] }))
    .body as unknown as Plan;
  const actId = String((await first.call("/api/v1/acts", { planId: plan.planId })).body.actId);
  await bridge.progress(actId, VM, {
    state: "accepted",
    verdict: "recovered",
    recoveredAfterMs: 5,
    recoveredParts: ["main-loop"],
    isFinal: true,
  });
  const ended = (await actOf(first, actId)).targets[0]!;
  expect(ended).toMatchObject({ verdict: "recovered", healthBefore: "main-loop-hung" });
  expect(ended.nextSteps?.[0]?.text).toContain("ser0 connects to it again by itself");
  // The hang that the act ended is still what the newest report says: it does not count as another one.
  bridge.set(vmReport({ vmId: VM, name: "vm-a", instances: [reconnecting()] }));
  await until(() => expect(first.hub.fleet.detail(VM)?.health.kind).toBe("healthy"));
  expect((await actOf(first, actId)).targets[0]!.amendments).toBeUndefined();

  bridge.close();
  await first.hub.close();
  const again = await start(first.dataDir);
  again.bridge({ vms: [hung(0)] });
  await until(async () => expect((await actOf(again, actId)).targets[0]!.amendments).toHaveLength(1));
  const target = (await actOf(again, actId)).targets[0]!;
  expect(target.verdict).toBe("recovered");
  expect(target.amendments?.[0]).toMatchObject({ verdict: "rehung", text: expect.stringContaining("ser0 is connected again") });
  expect(target.nextSteps?.at(-1)?.commands?.[0]).toContain("chardev-change");
  const { rows } = (await again.call("/api/v1/audit?limit=100")).body as unknown as { rows: AuditRow[] };
  expect(rows.filter((row) => row.event.type === "act-amended")).toHaveLength(1);
}, 30_000);
