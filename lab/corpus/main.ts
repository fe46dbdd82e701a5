import { parseArgs } from "node:util";
import { messageOf } from "../lab-error.ts";
import { onEndSignals } from "../lines.ts";
import { findQemus, formatVersion } from "../qemu.ts";
import { CASES } from "./cases.ts";
import { confusionMatrix, summarise } from "./confusion-matrix.ts";
import { CorpusRun } from "./corpus-run.ts";
import { watchIdleFleet } from "./idle-fleet.ts";
import type { CaseResult } from "./judge-trail.ts";
import { jobsFor, runCases } from "./run-cases.ts";

const HELP = `Usage: ./ripcord corpus [--fast] [--only CASE,…] [--qemu NAME,…] [--at-once N] [--idle-minutes N] [--explain]
       ./ripcord corpus --list

Brings about every situation that a diagnosis has to tell apart, on every real QEMU there is, and compares what is shown
with what is true: the verdict, the first suspect, what a yank of it does, and what helps. Prints a confusion matrix and
every wrong case, and fails where one is wrong.

  --fast             the quick third that "npm test" runs
  --only CASE,…      only these
  --qemu NAME,…      "system" for the PATH's, or names from RIPCORD_QEMUS=name=prefix,…; default all
  --at-once N        how many cases side by side; default 4
  --idle-minutes N   how long fifty idle VMs of each QEMU are watched at the end, in which nothing may be raised;
                     default 10, with --fast or --only 0
  --explain          what was read, of right cases too
  --list             the cases`;

/** @returns the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      list: { type: "boolean", default: false },
      fast: { type: "boolean", default: false },
      only: { type: "string" },
      qemu: { type: "string" },
      "at-once": { type: "string", default: "4" },
      "idle-minutes": { type: "string" },
      explain: { type: "boolean", default: false },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const only = values.only?.split(",");
  const unknown = (only ?? []).filter((id) => !CASES.some((corpusCase) => corpusCase.id === id));
  if (unknown.length > 0) {
    console.error(`ripcord corpus: no case is called ${unknown.join(", ")}; there are ${CASES.map(({ id }) => id).join(", ")}`);
    return 2;
  }
  const cases = CASES.filter(({ id, isFast }) => (only?.includes(id) ?? true) && (!values.fast || isFast === true));
  if (values.list) {
    for (const { id, scenario, truth } of cases)
      console.log(`${id.padEnd(18)} ${scenario.padEnd(26)} ${truth.kind === "quiet" ? "well" : truth.verdict}`);
    return 0;
  }
  const { usable, unusable } = await findQemus();
  for (const { name, reason } of unusable) console.log(`no QEMU "${name}": ${reason}`);
  const names = values.qemu?.split(",");
  const qemus = usable.filter(({ name, nbdBinary }) => nbdBinary !== undefined && (names?.includes(name) ?? true));
  if (qemus.length === 0) {
    console.error("ripcord corpus: there is no QEMU with its block tools to run it on; on Debian: apt install qemu-system-x86 qemu-utils");
    return 2;
  }
  const jobs = jobsFor(cases, qemus);
  console.log(`${jobs.length} cases on QEMU ${qemus.map(({ version }) => formatVersion(version)).join(" and ")}`);
  const idleMinutes = Number(values["idle-minutes"] ?? (values.fast || only !== undefined ? 0 : 10));
  const ended = new AbortController();
  const stopListening = onEndSignals(
    () => ended.abort(),
    () => process.exit(130),
  );
  const startedMonoMs = performance.now();
  const run = await CorpusRun.start();
  const wrongIdle: string[] = [];
  let results: CaseResult[];
  try {
    results = await runCases(run, jobs, {
      atOnce: Number(values["at-once"]),
      signal: ended.signal,
      onResult: (result) => print(result, values.explain),
    });
    if (idleMinutes > 0 && !ended.signal.aborted) {
      const watched = { forMs: idleMinutes * 60_000, signal: ended.signal };
      wrongIdle.push(...(await Promise.all(qemus.map((qemu) => watchIdleFleet(run, { qemu, ...watched })))).flat());
    }
  } finally {
    await run.close();
    await stopListening();
  }
  console.log(`\n${confusionMatrix(results)}\n`);
  for (const line of summarise(results)) console.log(line);
  if (idleMinutes > 0) console.log(wrongIdle.length === 0 ? "the idle VMs raised nothing" : wrongIdle.join("\n"));
  console.log(`${((performance.now() - startedMonoMs) / 60_000).toFixed(1)} min`);
  const isComplete = results.length === jobs.length;
  return isComplete && wrongIdle.length === 0 && results.every(({ wrong }) => wrong.length === 0) ? 0 : 1;
}

function print({ id, qemu, shown, wrong, notes, tookMs }: CaseResult, explain: boolean): void {
  const time = `${((tookMs ?? 0) / 1_000).toFixed(0)} s`.padStart(5);
  console.log(`${wrong.length === 0 ? "right" : "WRONG"} ${time}  ${id.padEnd(18)} ${qemu.padEnd(10)} ${shown}`);
  for (const line of wrong) console.log(`        ${line}`);
  if (wrong.length > 0 || explain) for (const line of notes) console.log(`          ${line}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`ripcord corpus: ${messageOf(error)}`);
  process.exitCode = 1;
}
