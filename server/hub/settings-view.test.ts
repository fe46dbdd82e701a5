import { expect, test } from "vitest";
import { parse } from "yaml";
import { configSchema } from "#lib/config/schema";
import { viewSettings } from "./settings-view.ts";

test("every key stands there with the value that holds, also those that no file named", () => {
  const config = configSchema.parse({ vms: [{ match: "db-*", tags: ["database"] }] });
  const view = viewSettings({
    resolved: { config, dataDir: "/var/lib/ripcord", bridgeId: "kvm-01", bridgeLabel: "kvm-01" },
    version: "1.2.3",
    build: undefined,
    startedAtMs: 7,
  });
  expect(view).toMatchObject({ version: "1.2.3", startedAtMs: 7, dataDir: "/var/lib/ripcord" });
  expect(parse(view.yaml)).toMatchObject({
    listen: { host: "127.0.0.1", port: 7979 },
    dataDir: "/var/lib/ripcord",
    bridge: { id: "kvm-01", label: "kvm-01", probe: { hungAfterMs: 5_000 } },
    vms: [{ match: "db-*", tags: ["database"] }],
  });
  expect(configSchema.safeParse(parse(view.yaml)).success).toBe(true);
});
