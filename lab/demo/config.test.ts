import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { configSchema } from "#lib/config/schema";
import { demoConfig, foldersOf } from "./config.ts";
import { prepareDataFolder } from "./data-folder.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "data-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("writes a config that the hub's own schema takes, whatever the folder is called", () => {
  const folders = foldersOf('/tmp/a "b": #c');
  const config = configSchema.parse(parse(demoConfig(folders, 0)));
  expect(config.bridge.monitors).toEqual([{ path: '/tmp/a "b": #c/monitors/*.sock', takeOver: false }]);
  expect(config.dataDir).toBe(folders.hub);
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 0 });
  expect(config.vms[0]).toMatchObject({ match: "db-*", tags: ["production", "database"] });
});

test("closes the data folder to everybody else, and refuses one that is a link or a file", () => {
  const folders = prepareDataFolder(join(root, "demo"));
  expect(statSync(folders.root).mode & 0o777).toBe(0o700);
  symlinkSync(folders.root, join(root, "link"));
  expect(() => prepareDataFolder(join(root, "link"))).toThrow("is not a folder");
  writeFileSync(join(root, "file"), "");
  expect(() => prepareDataFolder(join(root, "file"))).toThrow();
});
