import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FAILED, PASSED, type Outcome } from "./outcome.ts";
import { countPlaywright, countVitest, type RunnerEnd } from "./reports.ts";
import { checkRepository, readRepository } from "./repository.ts";
import { hasProgram, isExecutable, runProgram } from "./run-program.ts";

/** One thing that `npm test` runs, by the name that `--only` takes. */
export interface Group {
  name: string;
  /** What it looks at, for the help. */
  about: string;
  /** Its own time limit. */
  limitMs: number;
  /** Its tests start the hub, which serves the built web app. */
  needsWebApp?: true;
  /** Why it cannot run on this machine, as words that stand after "not run: "; undefined where it can. */
  missing?: () => string | undefined;
  run: (context: GroupContext) => Promise<Outcome>;
}

export interface GroupContext {
  root: string;
  /** What is left of the group's and of the whole run's time. */
  limitMs: number;
  /** What is missing on this machine is a failure. */
  requireAll: boolean;
  /** Prints a line of the group's own. */
  say: (line: string) => void;
}

const MINUTE_MS = 60_000;
/** Named, because outside of a git checkout oxlint would walk through node_modules as well. */
const LINTED_FOLDERS = ["app", "bench", "components", "e2e", "lab", "lib", "scripts", "server", "tests"];
const QEMU_PROGRAMS = ["qemu-system-x86_64", "qemu-nbd", "qemu-img"];

/** In the order in which they run: what is quick and says most comes first. */
export const GROUPS: readonly Group[] = [
  check("format", "formatting (prettier)", ["prettier", "--check", "--log-level=warn", "."]),
  check("types", "TypeScript, strict", ["next", "typegen"], ["tsc", "--noEmit"]),
  check("lint", "type-aware lint and the import arrows (oxlint)", ["oxlint", "--type-aware", "--deny-warnings", ...LINTED_FOLDERS]),
  check("unused", "unused files, exports and dependencies (knip)", ["knip", "--no-progress"]),
  { name: "lock", about: "package-lock.json names every package of every platform", limitMs: 3 * MINUTE_MS, run: checkLock },
  { name: "shell", about: "shell scripts (shellcheck)", limitMs: MINUTE_MS, missing: missingShellcheck, run: checkShell },
  { name: "repository", about: "what is in the repository, and what must not be", limitMs: MINUTE_MS, run: checkFiles },
  { name: "unit", about: "unit tests (vitest)", limitMs: 9 * MINUTE_MS, run: (context) => runVitest(context, ["unit", "unit-dom"]) },
  { name: "contract", about: "simulator and every QEMU present, held to one suite", limitMs: 6 * MINUTE_MS, run: runContract },
  {
    name: "lab",
    about: "real QEMUs, broken on purpose",
    limitMs: 10 * MINUTE_MS,
    needsWebApp: true,
    missing: missingQemuPrograms,
    run: (context) => runVitest(context, ["lab"]),
  },
  {
    name: "corpus",
    about: "verdicts, suspects and help on real QEMUs, against what is true: the quick third",
    limitMs: 6 * MINUTE_MS,
    missing: missingQemuPrograms,
    run: (context) => runVitest(context, ["corpus"]),
  },
  {
    name: "browser",
    about: "the screen in Chromium on real QEMUs (Playwright)",
    limitMs: 18 * MINUTE_MS,
    needsWebApp: true,
    missing: () => missingQemuPrograms() ?? missingChromium(),
    run: runBrowser,
  },
];

/** A check by one or more programs; their output is shown only when they object. */
function check(name: string, about: string, ...programs: [command: string, ...args: string[]][]): Group {
  return {
    name,
    about,
    limitMs: 4 * MINUTE_MS,
    async run({ root, limitMs, say }) {
      for (const [command, ...args] of programs) {
        const end = await runProgram(command, args, { cwd: root, limitMs, output: "keep" });
        if (end.exitCode === 0) continue;
        say(`${end.output.trimEnd()}\n${end.problem ?? `${command} ended with exit code ${end.exitCode}`}`);
        return FAILED;
      }
      return PASSED;
    },
  };
}

// "npm install" quietly writes a lock file without the packages of other platforms when the registry lacks one of them,
// and the next "npm ci" elsewhere stops at it; only a dry run of that says so.
async function checkLock({ root, limitMs, say }: GroupContext): Promise<Outcome> {
  const args = ["ci", "--dry-run", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"];
  const end = await runProgram("npm", args, { cwd: root, limitMs, output: "keep" });
  if (end.exitCode === 0 && !end.output.includes("Missing")) return PASSED;
  say(`${end.output.trimEnd()}\n${end.problem ?? "package-lock.json does not fit package.json, or lacks packages"}`);
  return FAILED;
}

async function checkShell({ root, limitMs, say }: GroupContext): Promise<Outcome> {
  const files = readRepository(root).filter((file) => /^#!.*sh\b/.test(file.text ?? ""));
  const args = ["--external-sources", "--", ...files.map((file) => file.path)];
  const end = await runProgram("shellcheck", args, { cwd: root, limitMs, output: "keep" });
  if (end.exitCode === 0) return PASSED;
  say(`${end.output.trimEnd()}\n${end.problem ?? ""}`.trimEnd());
  return FAILED;
}

function checkFiles({ root, say }: GroupContext): Promise<Outcome> {
  const findings = checkRepository(readRepository(root));
  for (const { path, line, message } of findings) say(`${line === undefined ? path : `${path}:${line}`}: ${message}`);
  return Promise.resolve(findings.length === 0 ? PASSED : FAILED);
}

// Without QEMU the suite goes on with the simulator alone; where everything is required, that half is a failure.
async function runContract(context: GroupContext): Promise<Outcome> {
  const missing = missingQemuPrograms();
  if (missing) context.say(`contract on a real QEMU not run: ${missing}`);
  const outcome = await runVitest(context, ["contract"]);
  if (!missing || !context.requireAll || outcome.kind !== "ran") return outcome;
  return { kind: "ran", counts: { ...outcome.counts, failed: outcome.counts.failed + 1 } };
}

async function runBrowser(context: GroupContext): Promise<Outcome> {
  const end = await withReport(async (reportPath) =>
    runProgram("playwright", ["test", "--reporter=list,json"], {
      cwd: context.root,
      // What is tested is the product as it runs for operators, so its processes get the mode that the launcher gives them.
      env: { PLAYWRIGHT_JSON_OUTPUT_FILE: reportPath, NODE_ENV: "production" },
      limitMs: context.limitMs,
      output: "show",
    }),
  );
  if (end.problem) context.say(end.problem);
  return { kind: "ran", counts: countPlaywright(end) };
}

async function runVitest(context: GroupContext, projects: readonly string[]): Promise<Outcome> {
  const end = await withReport(async (reportPath) =>
    runProgram(
      "vitest",
      [
        "run",
        "--allowOnly=false",
        ...projects.map((project) => `--project=${project}`),
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${reportPath}`,
      ],
      { cwd: context.root, limitMs: context.limitMs, output: "show" },
    ),
  );
  if (end.problem) context.say(end.problem);
  return { kind: "ran", counts: countVitest(end) };
}

async function withReport<T extends object>(run: (reportPath: string) => Promise<T>): Promise<T & Pick<RunnerEnd, "report">> {
  const folder = mkdtempSync(join(tmpdir(), "ripcord-test-"));
  try {
    const reportPath = join(folder, "report.json");
    const end = await run(reportPath);
    return { ...end, report: existsSync(reportPath) ? readFileSync(reportPath, "utf8") : undefined };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function missingShellcheck(): string | undefined {
  return hasProgram("shellcheck") ? undefined : "shellcheck not installed";
}

function missingQemuPrograms(): string | undefined {
  const missing = QEMU_PROGRAMS.filter((name) => !hasProgram(name));
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

function missingChromium(): string | undefined {
  const named = process.env.RIPCORD_CHROMIUM;
  if (named) return isExecutable(named) ? undefined : `RIPCORD_CHROMIUM names ${named}, which is no program`;
  return hasProgram("chromium") ? undefined : "chromium not installed (RIPCORD_CHROMIUM names another place)";
}
