/** What the launcher runs before it starts anything: the dependencies, and with `--web` also the web app, made current. */
import { ensureInstalled, ensureWebAppBuilt, StepError } from "./ensure-current.ts";

try {
  await ensureInstalled();
  if (process.argv.includes("--web")) await ensureWebAppBuilt();
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  process.stderr.write(`ripcord: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
