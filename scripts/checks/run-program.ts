import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** Between asking a program to end and ending it. */
const GRACE_MS = 10_000;

export interface RunOptions {
  cwd: string;
  /** Added to the environment. */
  env?: Record<string, string>;
  /** After this long the program and all that it started in its process group are ended. */
  limitMs: number;
  /** "show" passes the output on as it comes; "keep" gathers it for the caller. */
  output: "show" | "keep";
}

export interface ProgramEnd {
  /** Null when it was ended by a signal or could not be started. */
  exitCode: number | null;
  /** Why there is no exit code of its own. */
  problem?: string;
  /** Standard output and standard error as they came; empty with `output: "show"`. */
  output: string;
}

/** Ends what is still running; called when this process itself is told to end. */
const running = new Set<(signal: NodeJS.Signals) => void>();
export function endRunningPrograms(signal: NodeJS.Signals): void {
  for (const end of running) end(signal);
}

/** Runs one program without standard input, in a process group of its own, within a time limit. Never rejects. */
export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: childEnvironment(options.cwd, options.env),
      stdio: options.output === "show" ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const chunks: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
    let problem: string | undefined;

    function endGroup(signal: NodeJS.Signals): void {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // Gone already.
      }
    }
    running.add(endGroup);
    let graceTimer: NodeJS.Timeout | undefined;
    const limitTimer = setTimeout(() => {
      problem = `not finished after ${Math.round(options.limitMs / 1000)} s`;
      endGroup("SIGTERM");
      graceTimer = setTimeout(() => endGroup("SIGKILL"), GRACE_MS);
    }, options.limitMs);

    function settle(exitCode: number | null): void {
      clearTimeout(limitTimer);
      clearTimeout(graceTimer);
      running.delete(endGroup);
      resolve({ exitCode: problem === undefined ? exitCode : null, problem, output: Buffer.concat(chunks).toString("utf8") });
    }
    child.once("error", (error) => {
      problem = `could not start ${command}: ${error.message}`;
      settle(null);
    });
    child.once("close", (exitCode, signal) => {
      if (signal !== null) problem ??= `ended by ${signal}`;
      settle(exitCode);
    });
  });
}

/** Whether a program of this name is on the PATH (or in one of the places where administrators' programs lie). */
export function hasProgram(name: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  return folders.some((folder) => isExecutable(join(folder, name)));
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Our own tools first, and under the Node that runs us, whichever one else is on the PATH. */
function childEnvironment(root: string, added: Record<string, string> = {}): NodeJS.ProcessEnv {
  const path = [join(root, "node_modules/.bin"), dirname(process.execPath), process.env.PATH ?? ""].join(delimiter);
  return { ...process.env, NEXT_TELEMETRY_DISABLED: "1", ...added, PATH: path };
}
