import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { configSchema } from "#lib/config/schema";
import { startTestHub, testConfig } from "../../../tests/support/hub.ts";
import { startReceiver } from "../../../tests/support/receiver.ts";
import { hungVm } from "../../../tests/support/vm-report.ts";

test("a VM that hangs is told to a webhook and an Alertmanager, and neither address is shown whole", async () => {
  const [hook, manager, alive] = [await startReceiver(), await startReceiver(), await startReceiver()];
  const dataDir = mkdtempSync(join(tmpdir(), "ripcord-told-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  writeFileSync(join(dataDir, "secret"), "s3cret\n");
  const resolved = testConfig(dataDir);
  resolved.config = configSchema.parse({
    ...resolved.config,
    notify: [
      { name: "hook", type: "webhook", url: `${hook.url}/hidden-path?hidden=1`, secretFile: join(dataDir, "secret") },
      { name: "am", type: "alertmanager", url: manager.url },
    ],
    deadMan: { url: `${alive.url}/hidden-ping` },
  });
  const ripcord = await startTestHub({ resolved, dataDir });
  onTestFinished(() => ripcord.close());
  ripcord.bridge({ vms: [hungVm({ vmId: "hung00", name: "db-07" })] });

  await vi.waitUntil(() => hook.received.length > 0 && alive.received.length > 0, { timeout: 15_000 });
  expect(hook.received[0]?.json).toMatchObject({ event: "incident.opened", title: expect.stringContaining("db-07") });
  await vi.waitUntil(() => JSON.stringify(manager.received.at(-1)?.json ?? "").includes("RipcordIncident"), { timeout: 15_000 });

  expect((await ripcord.call("/api/v1/notify/hook/test", {})).body).toEqual({ ok: true, status: 200 });
  expect((await ripcord.call("/api/v1/notify/nobody/test", {})).status).toBe(404);
  const { body } = await ripcord.call("/api/v1/notify");
  expect(body.receivers).toMatchObject([
    { name: "hook", type: "webhook", queued: 0, failures: 0 },
    { name: "am", type: "alertmanager" },
  ]);
  const settings = await ripcord.call("/api/v1/settings");
  expect(String(settings.body.yaml)).toContain(`${hook.url}/…`);
  expect(JSON.stringify([settings.body, body])).not.toMatch(/hidden|s3cret/);
  const metrics = await (await fetch(`${ripcord.hub.url}/metrics`)).text();
  expect(metrics).toContain('ripcord_notify_deliveries_total{target="hook",outcome="delivered"} 1');
}, 40_000);
