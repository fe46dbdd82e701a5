import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findForbiddenImports, importsOf, layerOf, type SourceFile } from "../scripts/checks/architecture.ts";
import { readRepository } from "../scripts/checks/repository.ts";

const root = join(import.meta.dirname, "..");

/** One import per arrow that must be caught, by the linter and by reading the import itself. */
const AGAINST_AN_ARROW: readonly [path: string, specifier: string][] = [
  ["lib/vm/a.ts", "node:fs"],
  ["lib/vm/a.ts", "react"],
  ["lib/vm/a.ts", "next/navigation"],
  ["lib/vm/a.ts", "socket.io"],
  ["lib/a.ts", "../server/qmp/client.ts"],
  ["lib/vm/a.ts", "../../server/qmp/client.ts"],
  ["lib/vm/a.ts", "#server/qmp/client"],
  ["lib/vm/a.ts", "#lab/start-qemu"],
  ["lib/vm/a.ts", "../../components/ui/button.tsx"],
  ["app/page.tsx", "../server/hub/compose.ts"],
  ["app/vms/[vmId]/page.tsx", "#server/hub/compose"],
  ["app/page.tsx", "#lab/start-qemu"],
  ["app/page.tsx", "../lab/start-qemu.ts"],
  ["components/vm/a.tsx", "../../server/qmp/client.ts"],
  ["components/vm/a.tsx", "#server/bridge/compose"],
  ["components/vm/a.tsx", "../../lab/start-qemu.ts"],
  ["server/main.ts", "../lab/demo.ts"],
  ["server/main.ts", "./simulator/simulated-vm.ts"],
  ["server/main.ts", "../components/ui/button.tsx"],
  ["server/config/a.ts", "../hub/compose.ts"],
  ["server/config/a.ts", "#server/bridge/compose"],
  ["server/log.ts", "./qmp/client.ts"],
  ["server/qmp/a.ts", "../config/read-config.ts"],
  ["server/simulator/a.ts", "#server/log"],
  ["server/qmp/a.ts", "../bridge/compose.ts"],
  ["server/qmp/a.ts", "#server/hub/compose"],
  ["server/qmp/a.ts", "../simulator/simulated-vm.ts"],
  ["server/qmp/a.ts", "../main.ts"],
  ["server/qmp/a.test.ts", "../bridge/compose.ts"],
  ["server/simulator/a.ts", "../qmp/client.ts"],
  ["server/simulator/a.test.ts", "../qmp/client.ts"],
  ["server/simulator/a.ts", "#server/qmp/client"],
  ["server/simulator/a.ts", "../bridge/compose.ts"],
  ["server/simulator/a.ts", "../hub/compose.ts"],
  ["server/bridge/vm/a.ts", "../../hub/compose.ts"],
  ["server/bridge/a.ts", "../hub/compose.ts"],
  ["server/bridge/vm/a.ts", "#server/hub/compose"],
  ["server/bridge/vm/a.test.ts", "../../hub/compose.ts"],
  ["server/bridge/a.ts", "../simulator/simulated-vm.ts"],
  ["server/bridge/a.ts", "../../lab/start-qemu.ts"],
  ["server/bridge/a.ts", "#lab/raw-monitor"],
  ["server/bridge/a.test.ts", "#lab/start-qemu"],
  ["server/bridge/a.ts", "#server/main"],
  ["server/hub/a.ts", "../bridge/compose.ts"],
  ["server/hub/fleet/a.ts", "#server/bridge/compose"],
  ["server/hub/a.ts", "../qmp/client.ts"],
  ["server/hub/fleet/a.ts", "#server/qmp/errors"],
  ["server/hub/fleet/a.test.ts", "../../qmp/client.ts"],
  ["server/hub/a.ts", "../main.ts"],
  ["server/hub/a.ts", "../../app/page.tsx"],
  ["lab/a.ts", "../server/main.ts"],
  ["lab/a.ts", "#server/main"],
  ["lab/a.ts", "../server/hub/compose.ts"],
  ["lab/a.ts", "#server/bridge/compose"],
  ["bench/a.ts", "../server/main.ts"],
  ["e2e/a.spec.ts", "../server/main.ts"],
  ["tests/contract/a.test.ts", "../../server/main.ts"],
  ["scripts/a.ts", "../lab/raw-monitor.ts"],
  ["scripts/a.ts", "#lab/raw-monitor"],
];

/** Imports that both must leave alone. */
const ALONG_THE_ARROWS: readonly [path: string, specifier: string][] = [
  ["lib/vm/a.ts", "zod"],
  ["lib/vm/a.ts", "../link/messages.ts"],
  ["lib/vm/a.test.ts", "vitest"],
  ["lib/vm/a.test.ts", "node:fs"],
  ["app/page.tsx", "../components/ui/button.tsx"],
  ["app/page.tsx", "#lib/vm/report"],
  ["components/vm/a.tsx", "../ui/button.tsx"],
  ["server/main.ts", "./hub/compose.ts"],
  ["server/main.ts", "./bridge/compose.ts"],
  ["server/main.ts", "./config/read-config.ts"],
  ["server/config/a.ts", "#lib/config/schema"],
  ["server/bridge/a.ts", "../log.ts"],
  ["server/hub/a.ts", "#server/config/read-config"],
  ["server/qmp/a.ts", "node:net"],
  ["server/qmp/a.test.ts", "../simulator/simulated-vm.ts"],
  ["server/simulator/a.ts", "#lib/qapi/yank"],
  ["server/bridge/link/a.ts", "#lib/link/messages"],
  ["server/bridge/vm/a.ts", "../../qmp/client.ts"],
  ["server/bridge/vm/a.test.ts", "#server/simulator/simulated-vm"],
  ["server/hub/a.ts", "./bridges/bridge-door.ts"],
  ["server/hub/a.ts", "../../lib/link/messages.ts"],
  ["lab/a.ts", "./raw-monitor.ts"],
  ["lab/a.ts", "../server/simulator/simulated-vm.ts"],
  ["lab/a.ts", "#server/qmp/client"],
  ["bench/a.ts", "#lab/raw-monitor"],
  ["e2e/a.spec.ts", "../lab/raw-monitor.ts"],
  ["tests/contract/a.test.ts", "#lab/raw-monitor"],
  ["tests/contract/a.test.ts", "#server/qmp/client"],
];

function sourceThatImports([path, specifier]: readonly [string, string]): SourceFile {
  return { path, text: `import { something } from "${specifier}";\n\nconsole.log(something);\n` };
}

describe("the import arrows, followed from file to file", () => {
  test("no source in the repository breaks one", () => {
    const sources = readRepository(root).flatMap(({ path, text }) =>
      /\.(ts|tsx|js|mjs)$/.test(path) && text !== undefined && path !== "tests/architecture.test.ts" ? [{ path, text }] : [],
    );
    expect(sources.length).toBeGreaterThan(0);
    expect(findForbiddenImports(sources)).toEqual([]);
  });

  test.each(AGAINST_AN_ARROW)("%s may not import %s", (...sample) => {
    expect(findForbiddenImports([sourceThatImports(sample)])).toHaveLength(1);
  });

  test.each(ALONG_THE_ARROWS)("%s may import %s", (...sample) => {
    expect(findForbiddenImports([sourceThatImports(sample)])).toEqual([]);
  });

  test("sees every way in which one file pulls in another", () => {
    const text = `
      import a from "./a.ts";
      import { b,
        c } from './bc.ts';
      import type { D } from "./d.ts";
      import * as e from "./e.ts";
      import "./f.css";
      export { g } from "./g.ts";
      export * from "./h.ts";
      export type { I } from "./i.ts";
      const j = await import("./j.ts");
      const k = import.meta.resolve("./k.ts");
      // import l from "./l.ts";
      /* import m from "./m.ts"; */
      export const n = "not one";
    `;
    expect(importsOf(text).sort()).toEqual(
      ["./a.ts", "./bc.ts", "./d.ts", "./e.ts", "./f.css", "./g.ts", "./h.ts", "./i.ts", "./j.ts", "./k.ts"].sort(),
    );
  });

  test("every file of the server belongs to one layer, main's where nothing else is said", () => {
    expect(layerOf("server/main.ts")).toBe("server/main");
    expect(layerOf("server/stop-signals.ts")).toBe("server/main");
    expect(layerOf("server/config/read-config.ts")).toBe("server/shared");
    expect(layerOf("server/hub/bridges/door.ts")).toBe("server/hub");
    expect(layerOf("lab/raw-monitor.ts")).toBe("lab/raw-monitor");
    expect(layerOf("next.config.js")).toBeUndefined();
  });
});

describe("the import arrows, as the linter has them", () => {
  const AGAINST = "against";
  const ALONG = "along";
  let folder: string;
  let complaints: Set<string>;

  // All samples at once, each in a tree of its own below one folder: a start of the linter costs more than the linting.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ripcord-arrows-"));
    for (const [kind, samples] of [
      [AGAINST, AGAINST_AN_ARROW],
      [ALONG, ALONG_THE_ARROWS],
    ] as const) {
      for (const [index, sample] of samples.entries()) writeSample(join(folder, kind), index, sample);
      copyFileSync(join(root, ".oxlintrc.json"), join(folder, kind, ".oxlintrc.json"));
    }
    complaints = new Set([...lint(AGAINST), ...lint(ALONG)]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(AGAINST_AN_ARROW.map((sample, index) => [...sample, index] as const))("%s may not import %s", (path, _specifier, index) => {
    expect(complaints).toContain(`${AGAINST}/${samplePath(path, index)}`);
  });

  test.each(ALONG_THE_ARROWS.map((sample, index) => [...sample, index] as const))("%s may import %s", (path, _specifier, index) => {
    expect(complaints).not.toContain(`${ALONG}/${samplePath(path, index)}`);
  });

  /** The sample's path, made one of a kind by its file name; its folder, and how deep it lies, stay as they are. */
  function samplePath(path: string, index: number): string {
    // The rules name this one file.
    return path === "server/log.ts" ? path : path.replace(/\/([^/]+)$/, `/s${index}-$1`);
  }

  function writeSample(tree: string, index: number, [path, specifier]: readonly [string, string]): void {
    const file = join(tree, samplePath(path, index));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sourceThatImports([path, specifier]).text);
  }

  /** Paths of the files in which the linter objects to an import. */
  function lint(kind: string): string[] {
    const args = ["--format=json", "--allow=all", "--deny=no-restricted-imports", "."];
    let report: string;
    try {
      report = execFileSync(join(root, "node_modules/.bin/oxlint"), args, { cwd: join(folder, kind), encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      // Exit code 1 says that there are findings, and they are on standard output as ever.
      report = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
    }
    const { diagnostics } = JSON.parse(report) as { diagnostics: { code?: string; filename: string }[] };
    return diagnostics.filter(({ code }) => code?.includes("no-restricted-imports") ?? false).map(({ filename }) => `${kind}/${filename}`);
  }
});
