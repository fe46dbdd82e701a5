/**
 * Every check and every test, one group after another, each with its time; goes on after a failure so that one run
 * shows all of them. The last line is always `N passed, N failed` over all groups.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { GROUPS, type Group } from "./checks/groups.ts";
import { FAILED, sumOutcomes, type Outcome } from "./checks/outcome.ts";
import { endRunningPrograms } from "./checks/run-program.ts";
import { ensureWebAppBuilt } from "./ensure-current.ts";

const root = join(import.meta.dirname, "..");
/**
 * For the whole run; a group that would begin after it has failed. On two quiet cores it takes less than 25 minutes, and a
 * busy machine is no fault of what is tested.
 */
const RUN_LIMIT_MS = 35 * 60_000;
const requireAll = process.env.RIPCORD_REQUIRE_ALL === "1";
const EXIT_USAGE = 2;

const HELP = `Usage: ./ripcord test [--only GROUP,…]

Runs every check and test; the last line says how many passed and failed.

Groups, in their order:
${GROUPS.map(({ name, about }) => `  ${name.padEnd(11)} ${about}`).join("\n")}

A group that needs something this machine lacks says "not run" and why, outside of both counts;
with RIPCORD_REQUIRE_ALL=1 that is a failure. RIPCORD_CHROMIUM names a Chromium elsewhere than on the PATH,
RIPCORD_QEMUS further QEMUs for the contract suite (see CONTRIBUTING.md).
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let groups: readonly Group[];
  try {
    const { values } = parseArgs({ args, options: { only: { type: "string" }, help: { type: "boolean", short: "h" } } });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    groups = selectGroups(values.only);
  } catch (error) {
    process.stderr.write(`ripcord test: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_USAGE;
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      endRunningPrograms(signal);
      process.exit(signal === "SIGINT" ? 130 : 143);
    });
  }

  const startedMonoMs = performance.now();
  const outcomes = new Map<Group, Outcome>();
  for (const group of groups) {
    print(`\n── ${group.name}: ${group.about}`);
    const groupStartedMonoMs = performance.now();
    const leftMs = RUN_LIMIT_MS - (groupStartedMonoMs - startedMonoMs);
    const outcome = await runGroup(group, leftMs);
    outcomes.set(group, outcome);
    print(`${describe(outcome)} (${formatSeconds(performance.now() - groupStartedMonoMs)})`);
  }

  print(`\n── summary (${formatSeconds(performance.now() - startedMonoMs)})`);
  for (const [group, outcome] of outcomes) print(`${group.name.padEnd(11)} ${describe(outcome)}`);
  const { passed, failed } = sumOutcomes([...outcomes.values()], { requireAll });
  print(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function runGroup(group: Group, leftMs: number): Promise<Outcome> {
  if (leftMs <= 0) {
    print("the whole run's time is over");
    return FAILED;
  }
  try {
    const missing = group.missing?.();
    if (missing !== undefined) return { kind: "not-run", reason: missing };
    if (group.needsWebApp) await ensureWebAppBuilt();
    return await group.run({ root, limitMs: Math.min(group.limitMs, leftMs), requireAll, say: print });
  } catch (error) {
    print(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return FAILED;
  }
}

/** @throws Error that names the groups there are, for an unknown one. */
function selectGroups(only: string | undefined): readonly Group[] {
  if (only === undefined) return GROUPS;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    throw new Error(`no group is called "${unknown.join('", "')}"; there are ${GROUPS.map((group) => group.name).join(", ")}`);
  }
  return GROUPS.filter((group) => names.includes(group.name));
}

function describe(outcome: Outcome): string {
  if (outcome.kind === "not-run") return `not run: ${outcome.reason}`;
  const { passed, failed, skipped } = outcome.counts;
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function formatSeconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
