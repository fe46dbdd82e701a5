import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LabProcess } from "./lab-process.ts";
import { isAlive, readProcessStat } from "./process-identity.ts";
import { ProcessLedger } from "./process-ledger.ts";

const HELPER = fileURLToPath(new URL("./testing/leave-process-behind.ts", import.meta.url));
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ledger-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("ends the stopped process of a lab that was killed with SIGKILL, and forgets that lab", async () => {
  const helper = spawn(process.execPath, [HELPER, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(helper.stdout, "data")) as [Buffer];
  const left = readProcessStat(Number(line.toString()));
  expect(left).toMatchObject({ state: "T" });
  helper.kill("SIGKILL");
  await once(helper, "exit");
  expect(left !== undefined && isAlive(left)).toBe(true);

  const ledger = await ProcessLedger.open(directory, { exclusive: true });
  expect(left !== undefined && isAlive(left)).toBe(false);
  ledger.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("leaves a living lab's processes alone, and an exclusive one refuses to work beside it", async () => {
  const helper = spawn(process.execPath, [HELPER, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(helper.stdout, "data")) as [Buffer];
  const theirs = readProcessStat(Number(line.toString()));
  await expect(ProcessLedger.open(directory, { exclusive: true })).rejects.toThrow(`Process ${helper.pid} already works in`);
  const beside = await ProcessLedger.open(directory);
  beside.close();
  expect(theirs !== undefined && isAlive(theirs)).toBe(true);
  helper.kill("SIGKILL");
  await once(helper, "exit");
  (await ProcessLedger.open(directory)).close();
});

test("does not touch a process that only has the pid of one that was written down", async () => {
  const theirs = await ProcessLedger.open(directory);
  const bystander = await LabProcess.start(theirs, { what: "bystander", command: "sleep", args: ["600"] });
  const stale = { owner: { pid: 2 ** 22 + 1, startTicks: "1" }, processes: [{ pid: bystander.pid, startTicks: "1", what: "long gone" }] };
  writeFileSync(join(directory, "processes-9-9.json"), JSON.stringify(stale));
  const ledger = await ProcessLedger.open(directory);
  expect(bystander.isRunning).toBe(true);
  expect(readdirSync(directory)).not.toContain("processes-9-9.json");
  ledger.close();
  await bystander.stop();
  theirs.close();
});

test("takes a ledger that was cut off for an empty one", async () => {
  writeFileSync(join(directory, "processes-9-9.json"), '{"owner"');
  const ledger = await ProcessLedger.open(directory);
  ledger.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("names a process from its start to its end", async () => {
  const ledger = await ProcessLedger.open(directory);
  const read = () => readFileSync(join(directory, readdirSync(directory)[0] ?? ""), "utf8");
  const child = await LabProcess.start(ledger, { what: "a sleeper", command: "sleep", args: ["600"] });
  expect(read()).toContain(`"pid":${child.pid}`);
  await child.freeze();
  await child.stop();
  await child.stop();
  expect(child.exitStatus).toEqual({ code: null, signal: "SIGTERM" });
  expect(read()).not.toContain(`"pid":${child.pid}`);
  ledger.close();
});

test("says what could not be started", async () => {
  const ledger = await ProcessLedger.open(directory);
  const starting = LabProcess.start(ledger, { what: "QEMU of web-01", command: join(directory, "no-such"), args: [] });
  await expect(starting).rejects.toThrow("Could not start QEMU of web-01");
  ledger.close();
});
