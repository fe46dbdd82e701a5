import { parseNbdFileName } from "./nbd-source.ts";
import type { NbdSource } from "./nbd-source.ts";
import { flattenJson, numberOf, secondsToMs } from "./option-text.ts";
import type { OptionText } from "./option-text.ts";
import type { ErrorPolicy } from "./topology.ts";

/** An NBD node as the command line made it. */
export interface CommandLineNbd {
  readonly source?: NbdSource;
  /** How long requests wait for a lost server before they fail; 0: they fail at once. */
  readonly reconnectDelayMs: number;
}

/** A `-drive` with an id: its nodes have names that QEMU makes up, so that its id is all that ties them to it. */
export interface CommandLineDrive {
  readonly nbd?: CommandLineNbd;
  /** What `auto` stands for at its device, where the drive says. */
  readonly werror?: ErrorPolicy;
  readonly rerror?: ErrorPolicy;
  /** Format and protocol; undefined where QEMU had to guess one of them from the image. */
  readonly drivers?: readonly string[];
}

export interface CommandLineBlock {
  readonly nbdNodes: Map<string, CommandLineNbd>;
  readonly drives: Map<string, CommandLineDrive>;
  /** Driver by node name. */
  readonly nodeDrivers: Map<string, string>;
}

/** `-blockdev`: each part of it that has a node name, inline children included. */
export function addBlockdev(block: CommandLineBlock, options: OptionText): void {
  for (const key of options.keys()) {
    if (key !== "node-name" && !key.endsWith(".node-name")) continue;
    const prefix = key.slice(0, -"node-name".length);
    const node = options.get(key);
    const driver = options.get(`${prefix}driver`) ?? (prefix === "" ? options.get("") : undefined);
    if (node === undefined || driver === undefined) continue;
    block.nodeDrivers.set(node, driver);
    if (driver === "nbd") block.nbdNodes.set(node, nbdAt(options, prefix));
  }
}

/** `-drive`: with an id, or a node name of its own. */
export function addDrive(block: CommandLineBlock, options: OptionText): void {
  const all = withFileOptions(options);
  const id = all.get("id");
  const format = all.get("format") ?? all.get("driver");
  const nbdPrefix = format === "nbd" ? "" : "file.";
  const protocol = format === "nbd" ? "nbd" : protocolOf(all);
  const nbd = protocol === "nbd" ? nbdAt(all, nbdPrefix) : undefined;
  const [node, fileNode] = [all.get("node-name"), all.get("file.node-name")];
  if (node !== undefined && format !== undefined) block.nodeDrivers.set(node, format);
  if (fileNode !== undefined && protocol !== undefined) block.nodeDrivers.set(fileNode, protocol);
  const nbdNode = nbdPrefix === "" ? node : fileNode;
  if (nbd && nbdNode !== undefined) block.nbdNodes.set(nbdNode, nbd);
  if (id === undefined) return;
  const isWholly = format !== undefined && protocol !== undefined && !all.has("backing") && !hasBacking(all);
  block.drives.set(id, {
    nbd,
    werror: policyOf(all.get("werror")),
    rerror: policyOf(all.get("rerror")),
    drivers: isWholly ? [format, protocol] : undefined,
  });
}

/** `file=` may hold a whole description: `json:{…}`, or the uri of an NBD export. */
function withFileOptions(options: OptionText): OptionText {
  const file = options.get("file") ?? options.get("file.filename");
  if (file === undefined || !file.startsWith("json:")) return options;
  const all = new Map(options);
  const inner = new Map<string, string>();
  flattenJson(file.slice("json:".length), "", inner);
  // The description may be of the format with its file below, or of the file alone.
  const hasOwnFile = [...inner.keys()].some((key) => key.startsWith("file."));
  for (const [key, value] of inner) all.set(hasOwnFile || key.startsWith("file.") ? key : `file.${key}`, value);
  return all;
}

function protocolOf(options: OptionText): string | undefined {
  const driver = options.get("file.driver");
  if (driver !== undefined) return driver;
  const file = options.get("file") ?? options.get("file.filename");
  if (file === undefined || file.startsWith("json:")) return undefined;
  const scheme = /^([a-z][a-z0-9+-]*):/.exec(file)?.[1];
  if (scheme === undefined) return "file";
  return scheme.startsWith("nbd") ? "nbd" : scheme;
}

function nbdAt(options: OptionText, prefix: string): CommandLineNbd {
  const of = (name: string): string | undefined => options.get(`${prefix}${name}`);
  const reconnectDelayMs = secondsToMs(numberOf(of("reconnect-delay"))) ?? 0;
  const exportName = of("export") ?? "";
  const path = of("server.path") ?? of("path");
  const [host, port] = [of("server.host") ?? of("host"), of("server.port") ?? of("port") ?? "10809"];
  if (path !== undefined) return { source: { path, exportName }, reconnectDelayMs };
  if (host !== undefined) return { source: { host, port, exportName }, reconnectDelayMs };
  const file = options.get("file") ?? options.get("file.filename");
  return { source: file === undefined ? undefined : parseNbdFileName(file), reconnectDelayMs };
}

function hasBacking(options: OptionText): boolean {
  return [...options.keys()].some((key) => key.startsWith("backing."));
}

function policyOf(value: string | undefined): ErrorPolicy | undefined {
  return value === "report" || value === "ignore" || value === "enospc" || value === "stop" ? value : undefined;
}
