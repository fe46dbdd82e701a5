import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** A file that is, or is about to be, under version control. */
export interface RepositoryFile {
  /** From the root, with forward slashes. */
  path: string;
  sizeBytes: number;
  isExecutable: boolean;
  /** Undefined where it is not text. */
  text: string | undefined;
}

export interface Finding {
  path: string;
  /** From 1; absent where the file as a whole is meant. */
  line?: number;
  message: string;
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_LISTING_BYTES = 16 * 1024 * 1024;
const PICTURE = /\.(png|jpe?g|svg|webp|ico|woff2)$/;

const FORBIDDEN_PATHS: readonly [RegExp, string][] = [
  [/(^|\/)(node_modules|\.next|\.node|test-results|playwright-report)\//, "is generated or installed"],
  [/\.(log|tsbuildinfo|orig|rej|swp|pid|sock|qcow2|img|iso)$|(^|\/)(\.DS_Store|core)$/, "is left over from a run"],
  [/\.(sqlite3?|db)(-wal|-shm)?$/, "is a database"],
  [/(^|\/)\.env(\.|$)|\.(pem|key|p12)$|(^|\/)(id_rsa|id_ed25519|access-token)$/, "may hold a secret"],
];

const CODE = /\.(ts|tsx|js|mjs|cjs)$/;
const TEST = /\.(test|spec)\.tsx?$/;
/** Each looks at single lines of the files whose path it names. */
const FORBIDDEN_LINES: readonly { in: RegExp; pattern: RegExp; message: string }[] = [
  { in: /./, pattern: /(?<![\w.~-])\/(work|home\/\w+|Users\/\w+)\//, message: "names a folder of one machine" },
  { in: /./, pattern: /^(<{7}|>{7}) /, message: "is left over from a merge" },
  { in: /./, pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, message: "is a private key" },
  { in: CODE, pattern: /@ts-(ignore|nocheck|expect-error)/, message: "silences the type checker" },
  { in: CODE, pattern: /(?:ox|es)lint-disable/, message: "silences the linter" },
  { in: CODE, pattern: /\bas any\b/, message: "silences the type checker" },
  { in: TEST, pattern: /\b(test|it|describe)\.(skip|only|fixme)\(/, message: "leaves tests out" },
  { in: TEST, pattern: /\.waitForTimeout\(/, message: "sleeps instead of waiting for a fact" },
];

/** Reads what git knows of and what it would add. @throws Error where this is no git checkout. */
export function readRepository(root: string): RepositoryFile[] {
  // Root in a container reads a checkout that belongs to somebody else, which git refuses unless told that it is meant.
  const args = ["-c", `safe.directory=${root}`, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: MAX_LISTING_BYTES });
  const files: RepositoryFile[] = [];
  for (const path of new Set(listed.split("\0"))) {
    const stat = path === "" ? undefined : statSync(join(root, path), { throwIfNoEntry: false });
    if (!stat?.isFile()) continue;
    const bytes = readFileSync(join(root, path));
    const text = bytes.includes(0) ? undefined : bytes.toString("utf8");
    files.push({ path, sizeBytes: stat.size, isExecutable: (stat.mode & 0o111) !== 0, text });
  }
  return files;
}

/** Everything that does not belong into the repository, or that no longer fits together there. */
export function checkRepository(files: readonly RepositoryFile[]): Finding[] {
  return [...files.flatMap(checkFile), ...files.flatMap((file) => checkLines(file)), ...checkLinks(files), ...checkDependencies(files)];
}

function checkFile({ path, sizeBytes, isExecutable, text }: RepositoryFile): Finding[] {
  const findings = FORBIDDEN_PATHS.filter(([pattern]) => pattern.test(path)).map(([, message]) => ({ path, message }));
  if (sizeBytes > MAX_FILE_BYTES && !PICTURE.test(path)) findings.push({ path, message: `is larger than ${MAX_FILE_BYTES / 1024} KiB` });
  const isScript = text?.startsWith("#!") ?? false;
  if (isScript && !isExecutable) findings.push({ path, message: "begins with #! and is not executable" });
  if (isExecutable && !isScript) findings.push({ path, message: "is executable and does not begin with #!" });
  return findings;
}

function checkLines({ path, text }: RepositoryFile): Finding[] {
  if (text === undefined || path === "package-lock.json") return [];
  const rules = FORBIDDEN_LINES.filter((rule) => rule.in.test(path));
  const findings: Finding[] = [];
  if (text.includes("\r\n")) findings.push({ path, message: "has Windows line ends" });
  for (const [index, line] of text.split("\n").entries()) {
    for (const { pattern, message } of rules) if (pattern.test(line)) findings.push({ path, line: index + 1, message });
  }
  return findings;
}

/** Links between our own pages that lead nowhere. */
function checkLinks(files: readonly RepositoryFile[]): Finding[] {
  const known = new Set(files.flatMap(({ path }) => [path, ...parents(path)]));
  const findings: Finding[] = [];
  for (const { path, text } of files) {
    if (!path.endsWith(".md") || text === undefined) continue;
    for (const [index, line] of text.split("\n").entries()) {
      for (const match of line.matchAll(/\]\(([^)\s#]+)(#[^)\s]*)?\)/g)) {
        const target = match[1] ?? "";
        if (/^[a-z]+:/.test(target)) continue;
        const resolved = normalize(join(dirname(path), target)).replace(/\/$/, "");
        if (!known.has(resolved)) findings.push({ path, line: index + 1, message: `links to ${target}, which is not there` });
      }
    }
  }
  return findings;
}

function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === "." ? [] : [parent, ...parents(parent)];
}

/** Every direct dependency is pinned, and docs/dependencies.md says why it is there, one by one. */
function checkDependencies(files: readonly RepositoryFile[]): Finding[] {
  const manifest = files.find(({ path }) => path === "package.json")?.text;
  if (manifest === undefined) return [];
  const parsed = JSON.parse(manifest) as { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
  const dependencies = { ...parsed.dependencies, ...parsed.devDependencies };
  const page = "docs/dependencies.md";
  const explained = new Set(
    [...(files.find(({ path }) => path === page)?.text ?? "").matchAll(/^[-|] *`([^`]+)`/gm)].map((match) => match[1] ?? ""),
  );
  const findings: Finding[] = [];
  for (const [name, version] of Object.entries(dependencies)) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) findings.push({ path: "package.json", message: `${name} is not pinned to one version` });
    if (!explained.has(name)) findings.push({ path: page, message: `does not say what ${name} is for` });
  }
  for (const name of explained) {
    if (!(name in dependencies)) findings.push({ path: page, message: `explains ${name}, which is no dependency` });
  }
  return findings;
}
