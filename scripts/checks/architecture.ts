import { dirname, posix } from "node:path";

/**
 * The import arrows of docs/architecture.md, read from the sources themselves. `.oxlintrc.json` says the same to the
 * editor and the linter by patterns of what stands between the quotes; this one follows every import to its file.
 */
export type Layer =
  | "lib"
  | "app"
  | "components"
  | "server/main"
  | "server/shared"
  | "server/qmp"
  | "server/simulator"
  | "server/bridge"
  | "server/hub"
  | "lab/raw-monitor"
  | "lab"
  | "bench"
  | "e2e"
  | "tests"
  | "scripts";

export interface SourceFile {
  /** From the root, with forward slashes. */
  path: string;
  text: string;
}

export interface ForbiddenImport {
  path: string;
  specifier: string;
  /** The arrow that it breaks, as "server/hub may not import server/qmp". */
  arrow: string;
}

/** Packages that lib may import: it runs in the browser and on both servers. */
const LIB_PACKAGES = new Set(["zod"]);
/** What bridge and hub both use of the server. Whoever adds to it decides that both processes carry it. */
const SHARED_BY_THE_SERVER = /^server\/(log\.ts$|config\/)/;

const SERVERS: readonly Layer[] = ["server/main", "server/shared", "server/qmp", "server/simulator", "server/bridge", "server/hub"];
const SCREEN: readonly Layer[] = ["app", "components"];
const NOT_SHIPPED: readonly Layer[] = ["lab/raw-monitor", "lab", "bench", "e2e", "tests", "scripts"];

/** What each layer may not import. Its own files are always allowed, and so is lib. */
const FORBIDDEN: Readonly<Record<Layer, readonly Layer[]>> = {
  lib: [...SCREEN, ...SERVERS, ...NOT_SHIPPED],
  app: [...SERVERS, ...NOT_SHIPPED],
  components: [...SERVERS, ...NOT_SHIPPED],
  "server/main": [...SCREEN, ...NOT_SHIPPED, "server/simulator"],
  "server/shared": [...SCREEN, ...NOT_SHIPPED, ...SERVERS],
  "server/qmp": [...SCREEN, ...NOT_SHIPPED, ...SERVERS],
  "server/simulator": [...SCREEN, ...NOT_SHIPPED, ...SERVERS],
  "server/bridge": [...SCREEN, ...NOT_SHIPPED, "server/main", "server/hub", "server/simulator"],
  "server/hub": [...SCREEN, ...NOT_SHIPPED, "server/main", "server/bridge", "server/qmp", "server/simulator"],
  "lab/raw-monitor": [...SCREEN, "server/main", "server/bridge", "server/hub"],
  lab: [...SCREEN, "server/main", "server/bridge", "server/hub"],
  bench: ["server/main"],
  e2e: ["server/main"],
  tests: ["server/main"],
  scripts: ["server/main", "lab/raw-monitor"],
};

/** Unit tests lie beside their sources and may also use the simulator and what the tests share. */
const ALLOWED_IN_TESTS: readonly Layer[] = ["server/simulator", "tests"];
const NEVER_IN_TESTS_OF: readonly Layer[] = ["lib", "app", "components", "server/simulator"];

/** The layer of a file by its path from the root; undefined for what lies outside of all of them. */
export function layerOf(path: string): Layer | undefined {
  if (/^lab\/raw-monitor(\.ts|\/)/.test(path)) return "lab/raw-monitor";
  const [first = "", second = ""] = path.split("/");
  if (SHARED_BY_THE_SERVER.test(path)) return "server/shared";
  if (first === "server") {
    const part = `server/${second}`;
    return isLayer(part) ? part : "server/main";
  }
  return isLayer(first) ? first : undefined;
}

function isLayer(name: string): name is Layer {
  return name in FORBIDDEN;
}

/**
 * What a source imports, exports from or loads, type imports included. Reads text, not syntax: comments are taken out, and
 * an import quoted inside a string would count too, which errs on the side of noise.
 */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const statements = /(?:^|[\s;}])(?:import|export)\s*(?:type\s)?(?:[\w*{}\s,$]+?\bfrom\s*)?["']([^"'\n]+)["']/g;
  const calls = /\b(?:import|require)(?:\.meta\.resolve)?\(\s*["']([^"'\n]+)["']/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map((match) => match[1] ?? "");
}

/** Every import against an arrow, over all given files. */
export function findForbiddenImports(files: readonly SourceFile[]): ForbiddenImport[] {
  const found: ForbiddenImport[] = [];
  for (const { path, text } of files) {
    const from = layerOf(path);
    if (from === undefined) continue;
    for (const specifier of importsOf(text)) {
      const target = resolve(path, specifier);
      const to = target === undefined ? undefined : layerOf(target);
      if (target === undefined) {
        if (from === "lib" && !isTest(path) && !LIB_PACKAGES.has(specifier.split("/")[0] ?? "")) {
          found.push({ path, specifier, arrow: `lib may not import ${specifier}` });
        }
      } else if (to !== undefined && to !== from && isForbidden(path, from, to)) {
        found.push({ path, specifier, arrow: `${from} may not import ${to}` });
      } else if (/^server\/main\.ts$/.test(target)) {
        found.push({ path, specifier, arrow: "nothing may import server/main" });
      }
    }
  }
  return found;
}

function isForbidden(path: string, from: Layer, to: Layer): boolean {
  if (isTest(path)) {
    if (to === "tests") return false;
    if (ALLOWED_IN_TESTS.includes(to) && !NEVER_IN_TESTS_OF.includes(from)) return false;
  }
  return FORBIDDEN[from].includes(to);
}

function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

/** The file that an import means, from the root; undefined for a package. */
function resolve(path: string, specifier: string): string | undefined {
  const mapped = /^#(lib|server|lab)\/(.+)$/.exec(specifier);
  if (mapped) return `${mapped[1]}/${mapped[2]}.ts`;
  if (specifier.startsWith(".")) return posix.normalize(posix.join(dirname(path), specifier));
  return undefined;
}
