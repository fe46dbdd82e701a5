import { existsSync, readFileSync } from "node:fs";
import { hostname, homedir } from "node:os";
import { join, resolve } from "node:path";
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { z } from "zod";
import { configSchema } from "#lib/config/schema";
import type { Config } from "#lib/config/schema";
import { ConfigError } from "./config-error.ts";
import type { ConfigProblem } from "./config-error.ts";
import { isLoopbackHost, LOOPBACK_ONLY } from "./loopback.ts";
import { nearMiss } from "./near-miss.ts";

export { ConfigError } from "./config-error.ts";

const SYSTEM_CONFIG = "/etc/ripcord/ripcord.yaml";

/** A config with every default filled in, so that nobody else has to know them. */
export interface ResolvedConfig {
  config: Config;
  /** The file it was read from; undefined when none was found and the defaults hold. */
  file?: string;
  /** Absolute. */
  dataDir: string;
  bridgeId: string;
  bridgeLabel: string;
}

export interface ConfigSource {
  /** `--config` */
  file?: string;
  /** `--port` */
  port?: number;
  /** `--data-dir` */
  dataDir?: string;
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds and reads the config: `--config`, else RIPCORD_CONFIG, else ./ripcord.yaml, else /etc/ripcord/ripcord.yaml, else
 * the defaults; then the overrides.
 * @throws ConfigError with every problem of the file at once.
 */
export function readConfig(source: ConfigSource = {}): ResolvedConfig {
  const cwd = source.cwd ?? process.cwd();
  const env = source.env ?? process.env;
  const file = findConfig(source.file, env, cwd);
  const config = file === undefined ? configSchema.parse({}) : parseConfig(readText(file), file);
  if (source.port !== undefined) config.listen.port = source.port;
  const dataDir = resolve(cwd, source.dataDir ?? config.dataDir ?? defaultDataDir(env));
  const host = hostname();
  return {
    config,
    ...(file === undefined ? {} : { file }),
    dataDir,
    bridgeId: config.bridge.id ?? asIdentifier(host),
    bridgeLabel: config.bridge.label ?? (host.slice(0, 64) || "this host"),
  };
}

/**
 * Reads the text of a `ripcord.yaml`.
 * @throws ConfigError with file, line, column, key, what was found and what was expected, for every problem.
 */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({ key: "", ...placeOf(lines, error.pos[0]), text: `not YAML: ${error.message}` })),
    );
  }
  const value: unknown = document.toJS();
  // An empty file, or one with nothing but comments, is a config that says nothing.
  const parsed = configSchema.safeParse(value ?? {});
  const problems = parsed.success ? [] : parsed.error.issues.flatMap((issue) => explain(issue, value, document, lines));
  if (parsed.success && !isLoopbackHost(parsed.data.listen.host)) {
    problems.push({
      key: "listen.host",
      ...placeOfPath(document, lines, ["listen", "host"]),
      text: `${LOOPBACK_ONLY}; found ${show(parsed.data.listen.host)}`,
    });
  }
  if (parsed.success && !isLoopbackHost(parsed.data.metrics.host)) {
    problems.push({
      key: "metrics.host",
      ...placeOfPath(document, lines, ["metrics", "host"]),
      text: `must be a loopback address (127.0.0.0/8, ::1 or localhost): this port asks for no token; found ${show(parsed.data.metrics.host)}`,
    });
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(file, problems);
  return parsed.data;
}

function findConfig(named: string | undefined, env: NonNullable<ConfigSource["env"]>, cwd: string): string | undefined {
  const explicit = named ?? env.RIPCORD_CONFIG;
  if (explicit !== undefined && explicit !== "") return resolve(cwd, explicit);
  return [join(cwd, "ripcord.yaml"), SYSTEM_CONFIG].find((candidate) => existsSync(candidate));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ConfigError(file, [{ key: "", text: code === "ENOENT" ? "there is no such file" : `cannot be read (${code})` }]);
  }
}

function defaultDataDir(env: NonNullable<ConfigSource["env"]>): string {
  if (process.getuid?.() === 0) return "/var/lib/ripcord";
  const state = env.XDG_STATE_HOME;
  return state ? join(state, "ripcord") : join(homedir(), ".local", "state", "ripcord");
}

function asIdentifier(host: string): string {
  const cleaned = host
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64);
  return cleaned === "" ? "bridge" : cleaned;
}

type Path = readonly PropertyKey[];

function explain(issue: z.core.$ZodIssue, root: unknown, document: Document, lines: LineCounter): ConfigProblem[] {
  const found = valueAt(root, issue.path);
  const at = (path: Path) => ({ key: keyOf(path), ...placeOfPath(document, lines, path) });
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = knownKeys(issue.path);
      return issue.keys.map((key) => {
        const meant = nearMiss(key, known);
        const hint = meant === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`;
        return { ...at([...issue.path, key]), text: `unknown key; ${hint}` };
      });
    }
    case "invalid_union":
      if ("discriminator" in issue && issue.discriminator !== undefined) {
        return [{ ...at([...issue.path]), text: `found ${show(found)}, expected alertmanager or webhook` }];
      }
      return [explainUnion(issue, found, root, document, lines)].flat();
    case "invalid_type":
      return [{ ...at(issue.path), text: `found ${show(found)}, expected ${article(issue.expected)}` }];
    case "too_small":
      return [{ ...at(issue.path), text: `found ${show(found)}, expected ${bound(issue.origin, "at least", issue.minimum)}` }];
    case "too_big":
      return [{ ...at(issue.path), text: `found ${show(found)}, expected ${bound(issue.origin, "at most", issue.maximum)}` }];
    default:
      // Addresses may hold secrets, and this goes to logs.
      return [{ ...at(issue.path), text: `${issue.path.at(-1) === "url" ? "" : `found ${show(found)}: `}${issue.message}` }];
  }
}

/** A monitor is named by `path` or by `tcp`; the branch that the file took is the one worth explaining. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, found: unknown, root: unknown, document: Document, lines: LineCounter) {
  const branch =
    typeof found === "object" && found !== null && !Array.isArray(found) ? ("tcp" in found ? 1 : "path" in found ? 0 : -1) : -1;
  const taken = issue.errors[branch];
  if (taken === undefined) {
    const place = { key: keyOf(issue.path), ...placeOfPath(document, lines, issue.path) };
    return [{ ...place, text: `found ${show(found)}, expected {path: /absolute/path.sock} or {tcp: "host:port"}` }];
  }
  return taken.flatMap((inner) => explain({ ...inner, path: [...issue.path, ...inner.path] }, root, document, lines));
}

function article(expected: string): string {
  const words: Record<string, string> = {
    int: "a whole number",
    number: "a number",
    string: "a text",
    boolean: "true or false",
    object: "a map of keys",
    array: "a list",
  };
  return words[expected] ?? expected;
}

function bound(origin: string, words: string, limit: number | bigint): string {
  if (origin === "string") return `${words} ${limit} characters`;
  if (origin === "array") return `${words} ${limit} entries`;
  return `${words} ${limit}`;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map of keys";
  return JSON.stringify(value).slice(0, 80);
}

function keyOf(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? String(part) : `${text}.${String(part)}`),
    "",
  );
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The keys that the schema takes at `path`. */
function knownKeys(path: Path): string[] {
  let schema: unknown = configSchema;
  for (const part of path) schema = step(unwrap(schema), part);
  return keysOf(unwrap(schema));
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (hasDef(inner) && "innerType" in inner.def) inner = inner.def.innerType;
  return inner;
}

function step(schema: unknown, part: PropertyKey): unknown {
  if (!hasDef(schema)) return undefined;
  if (typeof part === "number") return schema.def.element;
  const shape = schema.def.shape;
  return typeof shape === "object" && shape !== null ? (shape as Record<PropertyKey, unknown>)[part] : undefined;
}

function keysOf(schema: unknown): string[] {
  if (!hasDef(schema)) return [];
  if (Array.isArray(schema.def.options)) return [...new Set(schema.def.options.flatMap(keysOf))];
  return typeof schema.def.shape === "object" && schema.def.shape !== null ? Object.keys(schema.def.shape) : [];
}

function hasDef(value: unknown): value is { def: Record<string, unknown> } {
  return typeof value === "object" && value !== null && "def" in value && typeof value.def === "object" && value.def !== null;
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Where the value of `path` stands, or where its key does, or the nearest parent that exists. */
function placeOfPath(document: Document, lines: LineCounter, path: Path): { line?: number; column?: number } {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const offset = offsetIn(parent, path[length - 1]);
    if (offset !== undefined) return placeOf(lines, offset);
  }
  return path.length === 0 && isNode(document.contents) && document.contents.range ? placeOf(lines, document.contents.range[0]) : {};
}

function offsetIn(parent: unknown, part: PropertyKey | undefined): number | undefined {
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === part);
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const node: unknown =
    typeof part === "number" && typeof parent === "object" && parent !== null && "items" in parent && Array.isArray(parent.items)
      ? parent.items[part]
      : undefined;
  return isNode(node) ? node.range?.[0] : undefined;
}
