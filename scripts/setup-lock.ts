import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";

/** Longer than any install or build; who waits longer than this waits for something that hangs. */
const MAX_WAIT_MS = 15 * 60_000;

/** Held by one launch at a time, while it installs or builds. */
export interface SetupLock {
  /** Lets the next one in; safe to call twice. */
  release(): void;
}

/**
 * Waits until no other launch in this checkout installs or builds. The lock is SQLite's on an otherwise empty file: the
 * one lock that Node can take on every platform and that the kernel drops when its holder dies, so that no killed launch
 * leaves one behind.
 * @param say told once, when there is somebody to wait for.
 * @throws Error when the other one has not finished within a quarter of an hour.
 */
export function holdSetupLock(root: string, say: (message: string) => void): SetupLock {
  const folder = join(root, ".ripcord-setup");
  mkdirSync(folder, { recursive: true });
  // Only now, because Node 22 prints a warning about it, and most launches have nothing to install or build.
  const sqlite = process.getBuiltinModule("node:sqlite");
  const database = new sqlite.DatabaseSync(join(folder, "lock"));
  if (!tryLock(database, 0)) {
    say("another launch is installing or building here, waiting for it");
    if (!tryLock(database, MAX_WAIT_MS)) {
      database.close();
      throw new Error(`Another launch in ${root} has been installing or building for ${MAX_WAIT_MS / 60_000} minutes`);
    }
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function tryLock(database: DatabaseSync, waitMs: number): boolean {
  database.exec(`PRAGMA busy_timeout = ${waitMs}`);
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    const SQLITE_BUSY = 5;
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
