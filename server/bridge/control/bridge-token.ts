import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The secret that binds this host's bridge to its hub. Whoever of the two comes first makes it: written aside and linked
 * into place, so that nobody ever reads half of it and only one of two wins.
 */
export function readOrMakeBridgeToken(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "bridge-token");
  const known = readToken(path);
  if (known !== undefined) return known;
  const aside = join(dataDir, `.bridge-token.${process.pid}.${randomBytes(4).toString("hex")}`);
  writeFileSync(aside, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
  const token = readToken(path);
  if (token === undefined) throw new Error(`The bridge's token cannot be read from ${path}`);
  return token;
}

function readToken(path: string): string | undefined {
  try {
    const token = readFileSync(path, "utf8").trim();
    return token === "" ? undefined : token;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
