import { expect, test } from "vitest";
import { checkRepository, type RepositoryFile } from "./repository.ts";

function file(path: string, text: string | undefined, more: Partial<RepositoryFile> = {}): RepositoryFile {
  return { path, text, sizeBytes: text?.length ?? 0, isExecutable: false, ...more };
}

function findings(...files: RepositoryFile[]): string[] {
  return checkRepository(files).map(({ path, line, message }) => `${path}${line === undefined ? "" : `:${line}`} ${message}`);
}

// Put together here, so that this file itself stays clean.
const someonesFolder = ["", "home", "ada", "ripcord"].join("/");
const typeSilencer = `// @ts-${"ignore"}`;
const lintSilencer = `// oxlint-${"disable"}-next-line`;

test("ordinary files are left alone", () => {
  expect(
    findings(
      file("lib/a.ts", "export const path = `/run/ripcord/monitors/*.sock`;\n"),
      file("run.sh", "#!/bin/sh\n", { isExecutable: true }),
      file("docs/screen.png", undefined, { sizeBytes: 3_000_000 }),
      file("README.md", "See [the screen](docs/screen.png), [docs](docs/) and [QEMU](https://www.qemu.org/docs/).\n"),
    ),
  ).toEqual([]);
});

test("a folder of one machine is found with its line", () => {
  expect(findings(file("docs/a.md", `first\nrun it in ${someonesFolder}\n`))).toEqual(["docs/a.md:2 names a folder of one machine"]);
});

test("what a run leaves behind, secrets, databases and generated files do not belong here", () => {
  expect(
    findings(file("debug.log", ""), file("data/ripcord.db-wal", undefined), file("tls/server.key", ""), file("app/.next/build.js", "")),
  ).toEqual([
    "debug.log is left over from a run",
    "data/ripcord.db-wal is a database",
    "tls/server.key may hold a secret",
    "app/.next/build.js is generated or installed",
  ]);
});

test("large files are found, pictures excepted", () => {
  expect(findings(file("lab/image.bin", undefined, { sizeBytes: 2_000_000 }))).toEqual(["lab/image.bin is larger than 1024 KiB"]);
});

test("silenced checks are found", () => {
  expect(findings(file("lib/a.ts", `${typeSilencer}\n${lintSilencer}\n`))).toEqual([
    "lib/a.ts:1 silences the type checker",
    "lib/a.ts:2 silences the linter",
  ]);
});

test("tests that are left out or that sleep are found", () => {
  const text = ["test", "skip("].join(".") + "\nawait page" + [".wait", "ForTimeout("].join("") + "500);\n";
  expect(findings(file("e2e/a.spec.ts", text))).toEqual([
    "e2e/a.spec.ts:1 leaves tests out",
    "e2e/a.spec.ts:2 sleeps instead of waiting for a fact",
  ]);
});

test("scripts are executable, and nothing else is", () => {
  expect(findings(file("a.sh", "#!/bin/sh\n"), file("b.ts", "export {};\n", { isExecutable: true }))).toEqual([
    "a.sh begins with #! and is not executable",
    "b.ts is executable and does not begin with #!",
  ]);
});

test("a link that leads nowhere is found, from the page's own folder", () => {
  expect(
    findings(file("docs/a.md", "[b](b.md), [up](../README.md#use), [c](c.md)\n"), file("docs/b.md", ""), file("README.md", "")),
  ).toEqual(["docs/a.md:1 links to c.md, which is not there"]);
});

test("each dependency is pinned and explained, and nothing else is", () => {
  const manifest = JSON.stringify({ dependencies: { next: "16.4.5", zod: "^4.0.0" }, devDependencies: { vitest: "5.1.1" } });
  const page = "- `next`: pages\n- `zod`: checks\n- `left-pad`: no more\n";
  expect(findings(file("package.json", manifest), file("docs/dependencies.md", page))).toEqual([
    "package.json zod is not pinned to one version",
    "docs/dependencies.md does not say what vitest is for",
    "docs/dependencies.md explains left-pad, which is no dependency",
  ]);
});
