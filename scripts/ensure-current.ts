/**
 * Brings the checkout up to date: `npm ci` where node_modules is not what package-lock.json says, and `next build` where
 * a source that Next reads differs from what was built. Both are decided by content, never by time stamps: a fresh clone,
 * another branch and a copied folder all have misleading ones. It runs before the dependencies are there, and on every
 * Node that package.json allows, so it imports nothing but Node and uses no syntax newer than that.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { lockMatchesInstalled, lockStamp, webSourcesStamp } from "./checkout-stamps.ts";
import { holdSetupLock } from "./setup-lock.ts";

const root = join(import.meta.dirname, "..");
const INSTALLED_STAMP = "node_modules/.ripcord-lock";
const BUILT_STAMP = ".next/ripcord-sources";

/** A step (install, build) that ended badly; its own output has been shown already. */
export class StepError extends Error {
  readonly exitCode: number;
  constructor(message: string, signal?: NodeJS.Signals | null) {
    super(message);
    this.exitCode = signal ? 128 + constants.signals[signal] : 1;
  }
}

/** Makes node_modules what package-lock.json says; says so only when it has to install. @throws StepError */
export async function ensureInstalled(): Promise<void> {
  if (areDependenciesCurrent()) return;
  const lock = holdSetupLock(root, say);
  try {
    // Another launch may have done it while we waited for the lock.
    if (areDependenciesCurrent()) return;
    say("installing the dependencies (npm ci, about half a minute)");
    // Development packages included whatever NODE_ENV says: TypeScript and the checks are among them.
    await run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]);
    writeFileSync(join(root, INSTALLED_STAMP), lockStamp(root));
  } finally {
    lock.release();
  }
}

/** Builds the web app where its sources differ from the built ones; says so only when it has to build. @throws StepError */
export async function ensureWebAppBuilt(): Promise<void> {
  if (isWebAppCurrent()) return;
  const lock = holdSetupLock(root, say);
  try {
    if (isWebAppCurrent()) return;
    say("building the web app (next build, some 15 seconds)");
    // Taken before the build, so that an edit made while it runs leads to another build rather than being lost.
    const stamp = webSourcesStamp(root);
    await run(process.execPath, ["node_modules/next/dist/bin/next", "build"], { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" });
    writeFileSync(join(root, BUILT_STAMP), stamp);
  } finally {
    lock.release();
  }
}

function areDependenciesCurrent(): boolean {
  const stamp = lockStamp(root);
  if (readIfThere(INSTALLED_STAMP) === stamp) return true;
  // Installed by hand ("npm ci"): npm's own record says what is there, so nothing needs doing twice.
  const installed = readIfThere("node_modules/.package-lock.json");
  if (installed === undefined || !lockMatchesInstalled(readFileSync(join(root, "package-lock.json"), "utf8"), installed)) return false;
  writeFileSync(join(root, INSTALLED_STAMP), stamp);
  return true;
}

function isWebAppCurrent(): boolean {
  // Next writes BUILD_ID last, so a build that was cut short has none.
  return readIfThere(".next/BUILD_ID") !== undefined && readIfThere(BUILT_STAMP) === webSourcesStamp(root);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

function say(message: string): void {
  process.stderr.write(`ripcord: ${message}\n`);
}

/** Runs a step with all its output on our standard error: standard output belongs to the command that follows. */
function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", 2, 2], env: { ...process.env, ...env } });
    child.once("error", (error) => reject(new StepError(`could not start ${command}: ${error.message}`)));
    child.once("exit", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new StepError(`${args.includes("build") ? "next build" : "npm ci"} failed (${signal ?? `exit code ${code}`}), see above`, signal),
        );
    });
  });
}
