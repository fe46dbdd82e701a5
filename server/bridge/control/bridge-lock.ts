import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SQLITE_BUSY = 5;

/**
 * Makes this process the only bridge of a data folder, if none is. The lock is SQLite's own on an empty file that this
 * account alone may open: nobody else can take it, and the kernel frees it with its process, however that ends.
 * @returns the way to let go, safe to call twice; undefined while another process has it.
 * @throws the system's error where the file cannot be made or is another account's.
 */
export function tryLockBridge(dataDir: string): (() => void) | undefined {
  const file = join(dataDir, "bridge.lock");
  makeFile(file);
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return () => {
    if (database.isOpen) database.close();
  };
}

/** Opens no file that exists: closing it again would drop this process's own lock on it. @see fcntl(2), advisory locks */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, "ax", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}
