import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Another hub keeps its record in this folder. */
export class FolderInUseError extends Error {
  override readonly name = "FolderInUseError";
  constructor(dataDir: string, options: ErrorOptions) {
    super(`Another hub uses the data folder ${dataDir}: end it first, or choose another with --data-dir`, options);
  }
}

/**
 * Makes this process the only hub of a data folder: a second one would take the acts of the first for left-overs. The lock
 * is SQLite's own on an empty file, so that the kernel frees it with the process, however that ends.
 * @returns the way to let go. @throws FolderInUseError
 */
export function lockFolder(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "hub.lock");
  // Whoever may read it may lock it, too: no other account, also where the folder is open to all.
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new FolderInUseError(dataDir, { cause: error });
  }
  return () => {
    if (database.isOpen) database.close();
  };
}
