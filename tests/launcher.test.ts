import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GROUPS } from "../scripts/checks/groups.ts";

const root = join(import.meta.dirname, "..");

interface End {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

function run(command: string, args: readonly string[], path: string): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { HOME: tmpdir(), PATH: path, NODE_ENV: "test" }, stdio: ["ignore", "pipe", "pipe"] });
    const end: End = { exitCode: null, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (end.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (end.stderr += text));
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ ...end, exitCode }));
  });
}

describe("with-node", () => {
  let checkout: string;
  let withNode: string;
  /** A PATH with the system's small tools, and of Node and npm only what a test puts there. */
  let bin: string;

  beforeEach(() => {
    checkout = mkdtempSync(join(tmpdir(), "ripcord-with-node-"));
    mkdirSync(join(checkout, "scripts"));
    withNode = join(checkout, "scripts/with-node.sh");
    copyFileSync(join(root, "scripts/with-node.sh"), withNode);
    bin = join(checkout, "bin");
    mkdirSync(bin);
    for (const tool of ["sh", "uname", "dirname", "mkdir", "rm", "ln", "mv", "readlink"]) symlinkSync(findTool(tool), join(bin, tool));
  });
  afterEach(() => rmSync(checkout, { recursive: true, force: true }));

  function findTool(name: string): string {
    const folder = ["/usr/bin", "/bin"].find((candidate) => existsSync(join(candidate, name)));
    if (folder === undefined) throw new Error(`There is no ${name} on this machine`);
    return join(folder, name);
  }

  function putScript(name: string, lines: readonly string[]): void {
    writeFileSync(join(bin, name), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  }

  /** A Node that is too old: it fails whatever it is asked, but its version. */
  function putOldNode(): void {
    putScript("node", ['[ "$1" = --version ] && echo v20.20.2 && exit 0', "exit 1"]);
  }

  /** An npm that installs the Node that runs this test. */
  function putNpm(): void {
    putScript("npm", [
      'while [ "$1" != --prefix ]; do shift; done',
      'mkdir -p "$2/node_modules/.bin"',
      `ln -s '${process.execPath}' "$2/node_modules/.bin/node"`,
    ]);
  }

  const askVersion = ["node", "-p", "process.version"];

  test("uses the PATH's Node where it is new enough, and fetches nothing", async () => {
    const end = await run(withNode, askVersion, `${dirname(process.execPath)}:${bin}`);
    expect(end).toEqual({ exitCode: 0, stdout: `${process.version}\n`, stderr: "" });
    expect(existsSync(join(checkout, ".node"))).toBe(false);
  });

  test("uses the Node that is in .node already, without a word", async () => {
    putOldNode();
    mkdirSync(join(checkout, ".node/node_modules/.bin"), { recursive: true });
    symlinkSync(process.execPath, join(checkout, ".node/node_modules/.bin/node"));
    expect(await run(withNode, askVersion, bin)).toEqual({ exitCode: 0, stdout: `${process.version}\n`, stderr: "" });
  });

  test("fetches one where the PATH's is too old, says so in one line, and does so once", async () => {
    putOldNode();
    putNpm();
    const first = await run(withNode, askVersion, bin);
    expect(first).toMatchObject({ exitCode: 0, stdout: `${process.version}\n` });
    expect(first.stderr).toMatch(/^ripcord: this machine's Node is v20\.20\.2 and .* is needed: fetching Node .*\n$/);
    expect(await run(withNode, askVersion, bin)).toMatchObject({ exitCode: 0, stderr: "" });
  });

  test("two that fetch at once both get a whole Node, and leave one behind", async () => {
    putOldNode();
    putNpm();
    const ends = await Promise.all([run(withNode, askVersion, bin), run(withNode, askVersion, bin), run(withNode, askVersion, bin)]);
    expect(ends.map(({ exitCode, stdout }) => ({ exitCode, stdout }))).toEqual(
      Array.from({ length: 3 }, () => ({ exitCode: 0, stdout: `${process.version}\n` })),
    );
    expect(readdirSync(join(checkout, ".node")).filter((name) => name.startsWith("fetched-"))).toHaveLength(1);
  });

  test("replaces a Node in .node that does not run", async () => {
    putOldNode();
    putNpm();
    mkdirSync(join(checkout, ".node/node_modules/.bin"), { recursive: true });
    writeFileSync(join(checkout, ".node/node_modules/.bin/node"), "half a file", { mode: 0o755 });
    expect(await run(withNode, askVersion, bin)).toMatchObject({ exitCode: 0, stdout: `${process.version}\n` });
  });

  test("says what to do where npm is missing too", async () => {
    putOldNode();
    const end = await run(withNode, askVersion, bin);
    expect(end).toMatchObject({ exitCode: 1, stdout: "" });
    expect(end.stderr).toMatch(/found: v20\.20\.2\), and there is no npm on the PATH/);
  });

  test("says what to do where the registry is out of reach, and leaves nothing half done", async () => {
    putOldNode();
    putScript("npm", ['[ "$1" = config ] && echo https://registry.example/ && exit 0', "echo no route to host >&2", "exit 1"]);
    const end = await run(withNode, askVersion, bin);
    expect(end.exitCode).toBe(1);
    expect(end.stderr).toMatch(/no route to host\nripcord: could not fetch .* from https:\/\/registry\.example\//);
    expect(readdirSync(join(checkout, ".node"))).toEqual([]);
  });

  test("passes on the exit code and the arguments as they are", async () => {
    const end = await run(withNode, ["sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "a b", "*"], `${dirname(process.execPath)}:${bin}`);
    expect(end).toEqual({ exitCode: 7, stdout: "a b|*|", stderr: "" });
  });
});

describe("the launcher", () => {
  const launcher = join(root, "ripcord");
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;

  test("names every command in its help", async () => {
    const end = await run(launcher, ["--help"], path);
    expect(end).toMatchObject({ exitCode: 0, stderr: "" });
    for (const command of ["demo", "serve", "hub", "bridge", "lab", "test", "bench"]) {
      expect(end.stdout).toMatch(new RegExp(`^  ${command} +\\S`, "m"));
    }
  });

  test("is not started without a command, or with one that does not exist", async () => {
    expect(await run(launcher, [], path)).toMatchObject({ exitCode: 2, stdout: "" });
    const end = await run(launcher, ["sevre"], path);
    expect(end).toMatchObject({ exitCode: 2, stdout: "" });
    expect(end.stderr).toMatch(/there is no command "sevre"/);
  });

  // Not through the launcher, which would install first where the lock file has changed.
  test("has help for the tests that names every group", async () => {
    const end = await run(process.execPath, [join(root, "scripts/test.ts"), "--help"], path);
    expect(end.exitCode).toBe(0);
    for (const { name } of GROUPS) expect(end.stdout).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
  });
});
