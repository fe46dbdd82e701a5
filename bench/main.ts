import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderTable } from "./support/result.ts";
import type { Bench, BenchResult } from "./support/result.ts";
import { bridgeScale } from "./bridge-scale.ts";
import { eventToDom } from "./event-to-dom.ts";
import { hangVerdict } from "./hang-verdict.ts";
import { oneIncident } from "./one-incident.ts";
import { qmpRoundTrip } from "./qmp-round-trip.ts";
import { troubleScale } from "./trouble-scale.ts";
import { yankClick } from "./yank-click.ts";

const BENCHES: readonly Bench[] = [qmpRoundTrip, bridgeScale, troubleScale, eventToDom, yankClick, hangVerdict, oneIncident];

const HELP = `Usage: ./ripcord bench [NAME…] [--quick] [--out DIR]

Measures speed and memory as ratios to a floor measured in the same run.
Prints tables and writes them, with JSON, to DIR (default bench/results). All of it takes some
35 minutes, --quick eight; nothing else should be running meanwhile.

${BENCHES.map((bench) => `  ${bench.name.padEnd(18)} ${bench.about.split(". ")[0] ?? ""}`).join("\n")}
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean", default: false }, out: { type: "string", default: "bench/results" }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`No such benchmark: ${unknown.join(", ")}\n\n${HELP}`);
    return 2;
  }
  const chosen = positionals.length === 0 ? BENCHES : BENCHES.filter((bench) => positionals.includes(bench.name));
  const machine = describeMachine();
  process.stdout.write(`${machine}\n\n`);
  mkdirSync(values.out, { recursive: true });
  const results: BenchResult[] = [];
  const save = (): void => {
    writeFileSync(join(values.out, "results.json"), `${JSON.stringify({ machine, isQuick: values.quick, results }, null, 2)}\n`);
    writeFileSync(join(values.out, "results.md"), [machine, "", ...results.map(renderTable)].join("\n"));
  };
  let hasFailed = false;
  for (const bench of chosen) {
    const reason = bench.cannotRun?.();
    if (reason !== undefined) {
      process.stdout.write(`${bench.name}: not run: ${reason}\n\n`);
      continue;
    }
    try {
      const result = await bench.run({ isQuick: values.quick, log: (line) => process.stderr.write(`${bench.name}: ${line}\n`) });
      results.push(result);
      process.stdout.write(`${renderTable(result)}\n`);
      save();
    } catch (error) {
      // The others can still be measured.
      hasFailed = true;
      process.stderr.write(`${bench.name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n\n`);
    }
  }
  return hasFailed ? 1 : 0;
}

/** The machine by cores and versions only, and whether others were at work on it. */
function describeMachine(): string {
  const [lastMinute = 0] = loadavg();
  return `${cpus().length} cores, Node ${process.versions.node}, ${qemuVersion()}, Linux; load before the run ${lastMinute.toFixed(1)}`;
}

function qemuVersion(): string {
  try {
    const line = execFileSync("qemu-system-x86_64", ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "";
    return `QEMU ${/version (\S+)/.exec(line)?.[1] ?? "unknown"}`;
  } catch {
    return "no QEMU";
  }
}

process.exitCode = await main();
