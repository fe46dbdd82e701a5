import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLog, isStderr, RotatingFile } from "./log.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ripcord-log-"));
  file = join(folder, "log", "hub.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a log file keeps its last lines and takes no more than twice its limit", () => {
  const rotating = new RotatingFile(file, 1_000);
  for (let index = 0; index < 1_000; index += 1) rotating.write(`line ${index}\n`);
  const [newest, older] = [readFileSync(file, "utf8"), readFileSync(`${file}.1`, "utf8")];
  expect(newest.length).toBeLessThanOrEqual(1_000);
  expect(older.length).toBeLessThanOrEqual(1_000);
  expect(newest.endsWith("line 999\n")).toBe(true);
  const numbers = `${older}${newest}`.match(/\d+/g)!.map(Number);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 1_000 - numbers.length + index));
  for (const path of [file, `${file}.1`]) expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a second writer of the same file goes on in it after its rotation", () => {
  const rotating = new RotatingFile(file, 100);
  const stderr = openSync(file, "a");
  rotating.write(`${"x".repeat(90)}\n`);
  rotating.write(`${"y".repeat(90)}\n`);
  writeSync(stderr, "a crash\n");
  closeSync(stderr);
  expect(readFileSync(file, "utf8")).toBe(`${"y".repeat(90)}\na crash\n`);
});

test("a log writes its lines to the file", () => {
  createLog({ name: "hub", file, isQuiet: true }).info({ port: 1 }, "ready");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ name: "hub", port: 1, msg: "ready" });
  expect(isStderr(file)).toBe(false);
  expect(isStderr(join(folder, "nothing"))).toBe(false);
  expect(isStderr("/proc/self/fd/2")).toBe(true);
});
