import { expect, test } from "vitest";
import { configSchema } from "#lib/config/schema";
import { defaultBridgeId, SettingsTable } from "./config.ts";

test("what `vms` says of a name comes over what `bridge.probe` says of all", () => {
  const table = new SettingsTable(
    configSchema.parse({
      bridge: { probe: { slowAfterMs: 2_000, hungAfterMs: 8_000 } },
      queries: { block: false },
      vms: [
        { match: "db-*", tags: ["database"], probe: { hungAfterMs: 20_000 } },
        { match: "*-prod-?", tags: ["prod", "database"], probe: { intervalMs: 500 } },
      ],
    }),
  );
  expect(table.settingsFor("db-prod-7")).toMatchObject({
    intervalMs: 500,
    tags: ["database", "prod"],
    mayQueryBlock: false,
    thresholds: { slowAfterMs: 2_000, hungAfterMs: 20_000 },
  });
  expect(table.settingsFor("web")).toMatchObject({ intervalMs: 1_000, tags: [], thresholds: { hungAfterMs: 8_000 } });
  expect(table.settingsFor("web")).toBe(table.settingsFor("app"));
});

test("a bridge without an id is called after its host, in the characters that an id may have", () => {
  expect(defaultBridgeId(configSchema.parse({}))).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
  expect(defaultBridgeId(configSchema.parse({ bridge: { id: "rack-3" } }))).toBe("rack-3");
});
