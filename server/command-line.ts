import { parseArgs } from "node:util";

/** What `ripcord serve | hub | bridge` was asked to do. */
export interface Command {
  command: "serve" | "hub" | "bridge" | "demo-serve";
  config?: string;
  dataDir?: string;
  port?: number;
  /** For a bridge: where it dials. */
  hubUrl?: string;
  /** For `demo-serve`. */
  demo?: "real" | "simulated";
  /** For a bridge: its VMs are simulated, and the screen says so. */
  isSimulated: boolean;
  /** Pages are compiled as they are asked for. */
  isDevelopment: boolean;
}

/** The command line asks for something that there is not. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const COMMANDS = ["serve", "hub", "bridge", "demo-serve"] as const;

const COMMON = `Options:
  --config FILE     default: $RIPCORD_CONFIG, ./ripcord.yaml, /etc/ripcord/ripcord.yaml, else the defaults
  --data-dir DIR    where record, tokens and logs are kept; wins over the file
`;
const PORT = `  --port PORT       wins over the file; 0 takes any free one
  --dev             compile pages as they are asked for: for work on the screen
`;

const HELP: Record<Command["command"], string> = {
  serve: `Usage: ./ripcord serve [OPTION…]

The hub and a bridge for this host. Prints one line with the URL to open; the part after # is the access token.
A bridge that runs already is adopted. Ctrl-C ends both; SIGTERM ends the hub and leaves the bridge, so that the next
start finds its sessions. SIGHUP makes the bridge read vms, queries and thresholds again.

${COMMON}${PORT}`,
  hub: `Usage: ./ripcord hub [OPTION…]

The hub alone: screen, HTTP API and record. It starts no bridge; one that runs on this host is adopted, others dial in
(config: bridges). SIGINT and SIGTERM end the hub and no bridge. SIGHUP is passed on to this host's bridge.

${COMMON}${PORT}`,
  bridge: `Usage: ./ripcord bridge [OPTION…]

The bridge alone, beside the QEMUs of this host. It dials the hub of --hub-url or of the config (hub), and goes on
without one: sessions to VMs are kept. SIGHUP reads vms, queries and thresholds again.

${COMMON}  --hub-url URL     wins over the file
`,
  "demo-serve": `Usage: node server/main.ts demo-serve --config FILE --demo real|simulated [--port PORT]

What ./ripcord demo starts: like serve, without an access token. Refuses to run unless every monitor lies beside the
config file, so that it can show nothing but its own VMs.
`,
};

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command | { help: string } {
  const [name, ...rest] = args;
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) {
    if (name === "--help" || name === "-h") return { help: `${HELP.serve}\n${HELP.hub}\n${HELP.bridge}` };
    throw new UsageError(
      name === undefined ? "a command is missing: serve, hub or bridge" : `there is no command "${name}": serve, hub or bridge`,
    );
  }
  const values = parse(command, rest);
  if (values.help) return { help: HELP[command] };
  const { config, port, demo } = values;
  if (command === "demo-serve" && (config === undefined || (demo !== "real" && demo !== "simulated"))) {
    throw new UsageError("demo-serve needs --config FILE and --demo real or --demo simulated");
  }
  return {
    command,
    config,
    dataDir: values["data-dir"],
    port: port === undefined ? undefined : parsePort(port),
    hubUrl: values["hub-url"],
    demo: demo === "real" || demo === "simulated" ? demo : undefined,
    isSimulated: values.simulated ?? false,
    isDevelopment: values.dev ?? false,
  };
}

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  config: { type: "string" },
  "data-dir": { type: "string" },
  port: { type: "string" },
  "hub-url": { type: "string" },
  demo: { type: "string" },
  dev: { type: "boolean" },
  simulated: { type: "boolean" },
} as const;

const ALLOWED: Record<Command["command"], readonly string[]> = {
  serve: ["help", "config", "data-dir", "port", "dev"],
  hub: ["help", "config", "data-dir", "port", "dev"],
  bridge: ["help", "config", "data-dir", "hub-url", "simulated"],
  "demo-serve": ["help", "config", "data-dir", "port", "dev", "demo"],
};

function parse(command: Command["command"], args: string[]) {
  let values;
  try {
    ({ values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  const stray = Object.keys(values).find((name) => !ALLOWED[command].includes(name));
  if (stray !== undefined) throw new UsageError(`${command} has no option --${stray}`);
  return values;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new UsageError(`--port ${text}: expected a number from 0 to 65535`);
  return port;
}
