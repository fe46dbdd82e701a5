import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What `next build` reads, as files and folders from the root; a build is current while none of it has changed. */
const WEB_SOURCES = [
  "app",
  "components",
  "lib",
  "public",
  "next.config.js",
  "postcss.config.mjs",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
];
/** Tests lie beside their sources and are in no bundle. */
const TEST_FILE = /\.test\.tsx?$/;

/** Names one state of the lock file on one platform: node_modules of another platform holds other binaries. */
export function lockStamp(root: string): string {
  const digest = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  return `${digest} ${process.platform}-${process.arch}\n`;
}

/** Names one state of everything that the built web app depends on, by content and path. */
export function webSourcesStamp(root: string): string {
  const hash = createHash("sha256");
  for (const path of listSources(root))
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return `${hash.digest("hex")}\n`;
}

function listSources(root: string): string[] {
  const paths: string[] = [];
  function visit(path: string): void {
    let entries;
    try {
      entries = readdirSync(join(root, path), { withFileTypes: true });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "ENOTDIR") paths.push(path);
      else if (code !== "ENOENT") throw error;
      return;
    }
    for (const entry of entries) {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory()) visit(child);
      else if (entry.isFile() && !TEST_FILE.test(entry.name)) paths.push(child);
    }
  }
  for (const source of WEB_SOURCES) visit(source);
  return paths.sort();
}

interface LockedPackage {
  version?: string;
  integrity?: string;
  optional?: boolean;
}

/**
 * Whether an installation is exactly what the lock file asks for.
 * @param lockJson package-lock.json
 * @param installedJson node_modules/.package-lock.json, in which npm records, last of all, what it has installed.
 */
export function lockMatchesInstalled(lockJson: string, installedJson: string): boolean {
  const locked = readPackages(lockJson);
  const installed = readPackages(installedJson);
  if (!locked || !installed) return false;
  for (const [path, entry] of Object.entries(installed)) {
    const wanted = locked[path];
    if (wanted?.version !== entry.version || wanted?.integrity !== entry.integrity) return false;
  }
  // The root's own entry is "" in the lock file and absent among the installed; optional ones may be for other platforms.
  return Object.entries(locked).every(([path, entry]) => path === "" || path in installed || entry.optional === true);
}

function readPackages(json: string): Record<string, LockedPackage> | undefined {
  try {
    const packages: unknown = JSON.parse(json).packages;
    return typeof packages === "object" && packages !== null ? (packages as Record<string, LockedPackage>) : undefined;
  } catch {
    return undefined;
  }
}
