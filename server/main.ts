import { Console } from "node:console";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, readConfig } from "#server/config/read-config";
import type { ResolvedConfig } from "#server/config/read-config";
import { parseCommandLine, UsageError } from "./command-line.ts";
import type { Command } from "./command-line.ts";
import { createLog, isStderr } from "./log.ts";
import type { Log } from "./log.ts";

/** The `ripcord` process: reads the command line and the config, and starts what was asked for. Nothing imports it. */
const ROOT = join(import.meta.dirname, "..");
const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
/** An orderly end may take this long; then it ends anyway. */
const CLOSE_WITHIN_MS = 10_000;

/** What stops a running part. `isInterrupt`: Ctrl-C, as against a service manager's SIGTERM. */
type Stop = (isInterrupt: boolean) => Promise<void>;

// The one line that says "ready" stands alone on stdout, also beside what Next has to say.
globalThis.console = new Console({ stdout: process.stderr, stderr: process.stderr });

try {
  if (process.argv[2] === "audit") {
    const { runAuditCommand } = await import("./audit-command.ts");
    process.exitCode = await runAuditCommand(process.argv.slice(3), process.stdout);
  } else await start();
} catch (error) {
  process.stderr.write(`ripcord: ${explain(error)}\n`);
  process.exit(error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.failed);
}

async function start(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2));
  if ("help" in command) process.stdout.write(command.help);
  else await run(command);
}

async function run(command: Command): Promise<void> {
  const resolved = readConfig({ file: command.config, port: command.port, dataDir: command.dataDir });
  switch (command.command) {
    case "bridge":
      return runBridgeCommand(command, resolved);
    case "hub":
    case "serve":
    case "demo-serve":
      return runHubCommand(command, resolved);
  }
}

async function runHubCommand(command: Command, resolved: ResolvedConfig): Promise<void> {
  // Only what is asked for is loaded: a bridge needs neither Next nor SQLite, and starts in a fraction of the time.
  const [{ startHub }, { LocalBridge, startDetachedBridge }, { prepareWeb }, { refuseDemo }, { systemClock }] = await Promise.all([
    import("./hub/compose.ts"),
    import("./hub/bridges/local-bridge.ts"),
    import("./hub/web.ts"),
    import("./hub/demo-guard.ts"),
    import("./hub/clock.ts"),
  ]);
  const isDemo = command.command === "demo-serve";
  const refusal = isDemo ? refuseDemo(resolved) : undefined;
  if (refusal !== undefined) throw new UsageError(`demo-serve goes without an access token and refuses this config: ${refusal}`);
  const { config, dataDir, bridgeId } = resolved;
  const log = createLog({ name: "hub", file: join(dataDir, "log", "hub.log") });
  const hub = await startHub({
    resolved,
    log,
    version: readVersion(),
    isOpen: isDemo,
    isSimulated: command.demo === "simulated",
    hasLocalBridge: command.command !== "hub",
    prepareWeb: (server) =>
      prepareWeb(server, { root: ROOT, host: config.listen.host, port: config.listen.port, isDevelopment: command.isDevelopment }),
  });
  const bridgeArguments = [
    "--data-dir",
    dataDir,
    "--hub-url",
    hub.url,
    ...(resolved.file === undefined ? [] : ["--config", resolved.file]),
    ...(command.demo === "simulated" ? ["--simulated"] : []),
  ];
  const localBridge = new LocalBridge({
    dataDir,
    hubUrl: hub.url,
    ...(command.command === "hub" ? {} : { start: () => startDetachedBridge(import.meta.filename, bridgeArguments, dataDir) }),
    clock: systemClock,
    log,
    onNotice: (text) => hub.fleet.noteBridge(bridgeId, "local-bridge", text),
  });
  process.on("SIGHUP", () => {
    localBridge.reload().then(
      (reply) => log.info({ reply }, "passed the reload on to the bridge"),
      (error: unknown) => log.error({ error: String(error) }, "the bridge could not be told to reload"),
    );
    hub
      .noteReload(readAgain(command))
      .catch((error: unknown) => log.error({ error: String(error) }, "the configuration could not be put into the record"));
  });
  onStop(log, async (isInterrupt) => {
    // The demo's own runner ends it with SIGTERM, and its bridge has no reason to stay.
    const endsBridge = command.command !== "hub" && (isInterrupt || isDemo);
    await (endsBridge ? localBridge.stop() : localBridge.release());
    await hub.close();
  });
  process.stdout.write(`ripcord: ready ${hub.openUrl}\n`);
}

/** What stands in the file now, for the record: the bridge reads it for itself. */
function readAgain(command: Command): ResolvedConfig | { refused: string } {
  try {
    return readConfig({ file: command.config, port: command.port, dataDir: command.dataDir });
  } catch (error) {
    return { refused: explain(error) };
  }
}

async function runBridgeCommand(command: Command, resolved: ResolvedConfig): Promise<void> {
  const { runBridge } = await import("./bridge/run-bridge.ts");
  const logFile = join(resolved.dataDir, "log", "bridge.log");
  await runBridge({
    config: resolved.config,
    dataDir: resolved.dataDir,
    hubUrl: command.hubUrl,
    isSimulated: command.isSimulated,
    // A hub that starts its bridge gives it this file; then it is kept small. Elsewhere a service manager keeps what is said.
    logger: createLog({ name: "bridge", ...(isStderr(logFile) ? { file: logFile, isQuiet: true } : {}) }),
    reloadConfig: () => readConfig({ file: command.config, dataDir: command.dataDir }).config,
  });
  // What is left open by then is nobody's: a bridge that was told to end has ended.
  process.exit(EXIT.ok);
}

/** The first signal ends in order and in time; the second at once. */
function onStop(log: Log, stop: Stop): void {
  let isStopping = false;
  const handle = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(EXIT.interrupted);
    isStopping = true;
    log.info({ signal }, "stopping");
    const timer = setTimeout(() => process.exit(EXIT.failed), CLOSE_WITHIN_MS);
    stop(signal === "SIGINT").then(
      () => {
        clearTimeout(timer);
        process.exit(EXIT.ok);
      },
      (error: unknown) => {
        log.error({ error: String(error) }, "it did not stop in order");
        process.exit(EXIT.failed);
      },
    );
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE") {
    const port = "port" in error ? String(error.port) : "";
    return `port ${port} is taken, perhaps by another ripcord: choose another with --port, or 0 for any free one`;
  }
  if ("code" in error && error.code === "EACCES" && "path" in error)
    return `no permission for ${String(error.path)}: choose another folder with --data-dir`;
  if (error instanceof UsageError || error.name === "FolderInUseError") return error.message;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
