import { once } from "node:events";
import { parseArgs } from "node:util";
import type { ChainReport } from "#lib/audit/chain-check";
import { formatHead } from "#lib/audit/chain";
import { readConfig } from "#server/config/read-config";
import { UsageError } from "./command-line.ts";
import { RecordFile, UnreadableRecordError, verifyExport } from "./hub/audit/record-file.ts";

const HELP = `Usage: ./ripcord audit verify [FILE] [OPTION…]
       ./ripcord audit export [OPTION…] > FILE
       ./ripcord audit head [OPTION…]

Works on the record beside a running hub, or without one.

  verify   looks for any row that was changed, removed, moved or cut off, and names the first; with FILE, in what was exported
  export   the rows as JSON lines, each with its hash; --since and --until take a date such as 2026-11-25 or 2026-11-25T09:00Z
  head     the newest row's number and hash: keep it elsewhere, and nobody can change what came before it unnoticed

Options:
  --data-dir DIR    where the record is; wins over the file
  --config FILE     as for serve
  --heads FILE      for verify: heads that were kept elsewhere, one a line, instead of dataDir/audit-head
  --json            for verify: what was found, for programs

Ends with 0 when all is as it was written, 1 when it is not, 2 when it could not be told.
`;

const EXIT = { intact: 0, broken: 1, unknown: 2 } as const;
const VERBS = ["verify", "export", "head"] as const;
const ALLOWED: Record<(typeof VERBS)[number], readonly string[]> = {
  verify: ["help", "data-dir", "config", "heads", "json"],
  export: ["help", "data-dir", "config", "since", "until"],
  head: ["help", "data-dir", "config"],
};
const OPTIONS = {
  help: { type: "boolean", short: "h" },
  "data-dir": { type: "string" },
  config: { type: "string" },
  heads: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  json: { type: "boolean" },
} as const;

/** `ripcord audit …`. @returns the exit code. @throws UsageError */
export async function runAuditCommand(args: readonly string[], out: NodeJS.WritableStream): Promise<number> {
  const { verb, file, values } = parse(args);
  if (verb === undefined || values.help) {
    out.write(HELP);
    return EXIT.intact;
  }
  try {
    if (file !== undefined) return tell(await verifyExport(file, values.heads), values.json ?? false, out);
    const dataDir = values["data-dir"] ?? readConfig({ file: values.config }).dataDir;
    const record = new RecordFile(dataDir, values.heads);
    try {
      switch (verb) {
        case "verify":
          return tell(record.verify(), values.json ?? false, out);
        case "head":
          for (const head of record.heads()) out.write(`${formatHead(head)}\n`);
          return EXIT.intact;
        case "export":
          for (const line of record.export({ sinceMs: timeOf("since", values.since), untilMs: timeOf("until", values.until) })) {
            if (!out.write(`${line}\n`)) await once(out, "drain");
          }
          return EXIT.intact;
      }
    } finally {
      record.close();
    }
  } catch (error) {
    if (!(error instanceof UnreadableRecordError)) throw error;
    process.stderr.write(`ripcord: ${error.message}\n`);
    return EXIT.unknown;
  }
}

function parse(args: readonly string[]) {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  const { values } = parsed;
  const [name, file, ...rest] = parsed.positionals;
  if (values.help) return { verb: undefined, file, values };
  const verb = VERBS.find((known) => known === name);
  if (verb === undefined) {
    throw new UsageError(name === undefined ? "audit: what? verify, export or head" : `audit has no "${name}": verify, export or head`);
  }
  const stray = Object.keys(values).find((option) => !ALLOWED[verb].includes(option));
  if (stray !== undefined) throw new UsageError(`audit ${verb} has no option --${stray}`);
  if (rest.length > 0 || (file !== undefined && verb !== "verify")) throw new UsageError(`audit ${verb}: too many arguments`);
  return { verb, file, values };
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new UsageError(`--${option} ${text}: expected a date such as 2026-11-25 or 2026-11-25T09:00Z`);
  return atMs;
}

function tell(reports: readonly ChainReport[], isJson: boolean, out: NodeJS.WritableStream): number {
  const isIntact = reports.every((report) => report.fault === undefined);
  if (isJson) out.write(`${JSON.stringify({ isIntact, records: reports }, undefined, 2)}\n`);
  else out.write(reports.length === 0 ? "The record is empty\n" : reports.map(sentencesOf).join(""));
  return isIntact ? EXIT.intact : EXIT.broken;
}

function sentencesOf({ writer, fault, rows, firstSequence, throughSequence, notes, hash }: ChainReport): string {
  const verdict = fault
    ? `BROKEN at row ${fault.sequence}: ${fault.text}`
    : rows === 0
      ? "no rows"
      : `rows ${firstSequence} to ${throughSequence} are as they were written; the last has the hash ${hash}`;
  return [`${writer}: ${verdict}`, ...notes.map((note) => `  ${note}`), ""].join("\n");
}
