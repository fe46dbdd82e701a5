import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * The secret kept in `file` (mode 0600), made on first use. Two processes that start together get the same one: the file
 * appears whole or not at all, and whoever comes second reads what the first wrote.
 * @param onMade called where this process made it
 */
export function ensureSecret(file: string, onMade?: () => void): string {
  const existing = readSecret(file);
  if (existing !== undefined) return existing;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, file);
    onMade?.();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(draft);
  }
  const made = readSecret(file);
  if (made === undefined) throw new Error(`${file} is empty`);
  return made;
}

/** The first line of a secret's file; undefined where there is none. */
export function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").split("\n")[0]?.trim() || undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether both are the same, in a time that does not tell where they differ. */
export function isSameSecret(offered: string, expected: string): boolean {
  return timingSafeEqual(digest(offered), digest(expected));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
