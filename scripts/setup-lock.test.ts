import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdSetupLock } from "./setup-lock.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ripcord-lock-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Another process that takes the lock and keeps it until it is killed. */
async function startHolder() {
  const modulePath = join(import.meta.dirname, "setup-lock.ts");
  const code = `
    const { holdSetupLock } = await import(${JSON.stringify(modulePath)});
    const lock = holdSetupLock(${JSON.stringify(root)}, () => console.log("waits"));
    console.log("holds");
    process.stdin.resume();
    process.on("exit", () => lock.release());
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

test("is free again after its release, which may be asked for twice", () => {
  const said: string[] = [];
  const first = holdSetupLock(root, (message) => said.push(message));
  first.release();
  first.release();
  holdSetupLock(root, (message) => said.push(message)).release();
  expect(said).toEqual([]);
});

test("a holder that was killed leaves nothing to wait for", async () => {
  const holder = await startHolder();
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const said: string[] = [];
  holdSetupLock(root, (message) => said.push(message)).release();
  expect(said).toEqual([]);
});

test("a second one says so and waits until the first is done", async () => {
  const own = holdSetupLock(root, () => undefined);
  const other = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { holdSetupLock } = await import(${JSON.stringify(join(import.meta.dirname, "setup-lock.ts"))});
       holdSetupLock(${JSON.stringify(root)}, (message) => process.stdout.write(message + "\\n"));
       process.stdout.write("holds\\n");`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  other.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await expect.poll(() => output).toBe("another launch is installing or building here, waiting for it\n");
  own.release();
  await once(other, "exit");
  expect(output).toBe("another launch is installing or building here, waiting for it\nholds\n");
});
