import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { Closers } from "../closers.ts";
import { LabError } from "../lab-error.ts";
import { describeWithQemu } from "../testing/needs-qemu.ts";
import { runDemo } from "./run-demo.ts";

const HUB = fileURLToPath(new URL("../testing/pretend-hub.ts", import.meta.url));
const folders: string[] = [];
const open: Closers[] = [];

afterEach(async () => {
  for (const closers of open.splice(0)) await closers.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "demo-"));
  folders.push(folder);
  return folder;
}

function makeClosers(): Closers {
  const closers = new Closers();
  open.push(closers);
  return closers;
}

test("the simulated demo breaks its six causes once their VMs are seen, and breaks a freed one again", async () => {
  const dataDir = makeFolder();
  const said: string[] = [];
  const closers = makeClosers();
  const demo = await runDemo({ dataDir, port: 0, qemu: undefined, hubEntry: HUB, say: (line) => said.push(line) }, closers);
  expect(demo.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(demo.breakable).toHaveLength(6);
  await demo.breakAgain(demo.breakable);
  expect(await Promise.all(demo.breakable.map((vm) => vm.isBroken()))).toEqual(Array.from(demo.breakable, () => true));
  expect(said).toHaveLength(6);
  await demo.breakAgain(demo.breakable);
  expect(said).toHaveLength(6);
  await closers.close();
  expect(readdirSync(join(dataDir, "monitors")).filter((name) => name.endsWith(".sock"))).toEqual([]);
  expect(existsSync(join(dataDir, "lab"))).toBe(false);
});

test("a data folder too long for a socket is refused before anything starts", async () => {
  const dataDir = join(makeFolder(), "x".repeat(90));
  await expect(runDemo({ dataDir, port: 0, qemu: undefined, hubEntry: HUB, say: () => {} }, makeClosers())).rejects.toThrow(
    /has \d+ bytes and the system allows 107/,
  );
  expect(existsSync(dataDir)).toBe(false);
});

test("a hub that does not come up ends the demo with its last words", async () => {
  const dataDir = makeFolder();
  const hubEntry = join(dataDir, "no-such-program.ts");
  const starting = runDemo({ dataDir, port: 0, qemu: undefined, hubEntry, say: () => {} }, makeClosers());
  await expect(starting).rejects.toThrow(LabError);
});

await describeWithQemu("the demo on real QEMUs", (qemu) => {
  test("breaks six causes beside six healthy VMs, again after a yank, and leaves no process", async () => {
    const dataDir = makeFolder();
    const said: string[] = [];
    const closers = makeClosers();
    const demo = await runDemo({ dataDir, port: 0, qemu, hubEntry: HUB, say: (line) => said.push(line) }, closers);
    await demo.breakAgain(demo.breakable);
    expect(await Promise.all(demo.breakable.map((vm) => vm.isBroken()))).toEqual(Array.from(demo.breakable, () => true));
    expect(readdirSync(join(dataDir, "monitors"))).toHaveLength(14);
    for (const vm of demo.breakable) await vm.mend();
    await demo.breakAgain(demo.breakable);
    expect(await Promise.all(demo.breakable.map((vm) => vm.isBroken()))).toEqual(Array.from(demo.breakable, () => true));
    expect(said).toHaveLength(12);
    await closers.close();
    expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(dataDir);
    expect(readdirSync(join(dataDir, "monitors"))).toEqual([]);
  });
});
