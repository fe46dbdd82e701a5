/**
 * What a QEMU command line says about its chardevs, monitors and NBD nodes. It tells how the process was started, not
 * what became of it since: a thing named here counts only while QEMU itself still lists it.
 * @see QEMU qemu-options.hx; util/keyval.c for the doubled comma
 */
export interface CommandLineFacts {
  /** Chardev ids that carry a monitor, mux ids without `-base`. */
  readonly monitorChardevs: ReadonlySet<string>;
  /** A config file may name monitors that stand nowhere on the line; and a line that is not QEMU's names none. */
  readonly mayHideMonitors: boolean;
  readonly chardevs: ReadonlyMap<string, CommandLineChardev>;
  /** Chardev id → the netdev that uses it (`-netdev vhost-user`); no QMP command tells. */
  readonly netdevChardevs: ReadonlyMap<string, string>;
  /** Chardev id → tpmdev. */
  readonly tpmChardevs: ReadonlyMap<string, string>;
  readonly nbdNodes: ReadonlyMap<string, CommandLineNbd>;
}

export interface CommandLineChardev {
  readonly path?: string;
  readonly host?: string;
  readonly port?: string;
  readonly isServer: boolean;
  readonly reconnectMs?: number;
}

export type CommandLineNbd =
  { readonly path: string; readonly exportName: string } | { readonly host: string; readonly port: string; readonly exportName: string };

const parsed = new WeakMap<readonly string[], CommandLineFacts>();

/** Reads the arguments of one process. Cheap to call again with the same array. */
export function readCommandLineFacts(commandLine: readonly string[]): CommandLineFacts {
  const known = parsed.get(commandLine);
  if (known) return known;
  const facts = parse(commandLine);
  parsed.set(commandLine, facts);
  return facts;
}

/**
 * Whether these are a QEMU's arguments, by the name it was started with: `qemu-system-x86_64`, `qemu-kvm`, Proxmox's
 * `kvm`. Behind a monitor's socket may also stand a relay, and what a relay was told says nothing of QEMU's monitors.
 */
export function isQemuCommandLine(commandLine: readonly string[]): boolean {
  return /^(qemu|kvm)/.test(commandLine[0]?.split("/").at(-1) ?? "");
}

/** "a=1,b=x,,y" → the implied first value under "" and the rest by key; a doubled comma is a comma. JSON is taken as it is, flattened. */
export function parseOption(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  if (text.startsWith("{")) {
    flattenJson(text, options);
    return options;
  }
  const parts = splitAtCommas(text);
  parts.forEach((part, index) => {
    const equals = part.indexOf("=");
    if (equals > 0) options.set(part.slice(0, equals), part.slice(equals + 1));
    else if (index === 0) options.set("", part);
    else options.set(part, "on");
  });
  return options;
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== ",") part += text[at];
    else if (text[at + 1] === ",") {
      part += ",";
      at += 1;
    } else {
      parts.push(part);
      part = "";
    }
  }
  parts.push(part);
  return parts;
}

function flattenJson(text: string, into: Map<string, string>): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  const visit = (member: unknown, key: string, depth: number): void => {
    if (typeof member === "object" && member !== null) {
      if (depth > 8) return;
      for (const [name, inner] of Object.entries(member)) visit(inner, key === "" ? name : `${key}.${name}`, depth + 1);
    } else if (typeof member === "boolean") into.set(key, member ? "on" : "off");
    else if (typeof member === "string" || typeof member === "number") into.set(key, String(member));
  };
  visit(value, "", 0);
}

interface Builder {
  monitorChardevs: Set<string>;
  mayHideMonitors: boolean;
  chardevs: Map<string, CommandLineChardev>;
  netdevChardevs: Map<string, string>;
  tpmChardevs: Map<string, string>;
  nbdNodes: Map<string, CommandLineNbd>;
  compatMonitors: number;
  serials: number;
}

function parse(commandLine: readonly string[]): CommandLineFacts {
  const builder: Builder = {
    monitorChardevs: new Set(),
    mayHideMonitors: false,
    chardevs: new Map(),
    netdevChardevs: new Map(),
    tpmChardevs: new Map(),
    nbdNodes: new Map(),
    compatMonitors: 0,
    serials: 0,
  };
  if (!isQemuCommandLine(commandLine)) return { ...builder, mayHideMonitors: true };
  for (let at = 1; at < commandLine.length; at += 1) {
    const option = commandLine[at] ?? "";
    if (!option.startsWith("-")) continue;
    const value = commandLine[at + 1];
    if (value === undefined) continue;
    // QEMU takes one dash or two.
    if (readOption(builder, option.replace(/^--?/, ""), value)) at += 1;
  }
  return builder;
}

/** Whether `value` belongs to this option. Options that are not read here are skipped without knowing their arity. */
function readOption(builder: Builder, option: string, value: string): boolean {
  switch (option) {
    case "chardev":
      addChardev(builder, parseOption(value));
      return true;
    case "mon":
      addMonitorOption(builder, parseOption(value));
      return true;
    case "qmp":
    case "qmp-pretty":
    case "monitor":
      addMonitorShortcut(builder, value);
      return true;
    case "serial":
    case "parallel":
    case "debugcon":
      addSerialShortcut(builder, option, value);
      return true;
    case "object":
      addObject(builder, parseOption(value));
      return true;
    case "netdev":
      addNetdev(builder, parseOption(value));
      return true;
    case "tpmdev":
      addTpm(builder, parseOption(value));
      return true;
    case "blockdev":
      addNbdNode(builder, parseOption(value));
      return true;
    case "readconfig":
    case "set":
      builder.mayHideMonitors = true;
      return true;
    default:
      return false;
  }
}

function addChardev(builder: Builder, options: ReadonlyMap<string, string>): void {
  const id = options.get("id");
  if (id === undefined || (options.get("") ?? options.get("backend")) !== "socket") return;
  builder.chardevs.set(id, socketOptions(options));
}

function socketOptions(options: ReadonlyMap<string, string>): CommandLineChardev {
  const reconnectMs = numberOf(options.get("reconnect-ms")) ?? secondsToMs(numberOf(options.get("reconnect")));
  return {
    path: options.get("path"),
    host: options.get("host"),
    port: options.get("port"),
    isServer: isOn(options.get("server")),
    reconnectMs,
  };
}

function addMonitorOption(builder: Builder, options: ReadonlyMap<string, string>): void {
  const chardev = options.get("chardev") ?? options.get("");
  if (chardev !== undefined) builder.monitorChardevs.add(chardev);
}

/** `-qmp unix:PATH,server=on` makes a chardev `compat_monitorN`; `-qmp chardev:ID` uses one that stands elsewhere. */
function addMonitorShortcut(builder: Builder, value: string): void {
  const id = `compat_monitor${builder.compatMonitors}`;
  if (value.startsWith("chardev:")) {
    builder.monitorChardevs.add(value.slice("chardev:".length));
    return;
  }
  if (value === "none") return;
  builder.compatMonitors += 1;
  builder.monitorChardevs.add(id);
  const socket = shortcutSocket(value);
  if (socket) builder.chardevs.set(id, socket);
}

function addSerialShortcut(builder: Builder, option: string, value: string): void {
  const id = option === "serial" ? `serial${builder.serials}` : undefined;
  if (option === "serial") builder.serials += 1;
  if (value.startsWith("chardev:") || id === undefined) return;
  // `mon:` puts the human monitor and the console on one multiplexed line.
  const isMonitorToo = value.startsWith("mon:");
  if (isMonitorToo) builder.monitorChardevs.add(id);
  const socket = shortcutSocket(isMonitorToo ? value.slice("mon:".length) : value);
  if (socket) builder.chardevs.set(isMonitorToo ? `${id}-base` : id, socket);
}

function shortcutSocket(value: string): CommandLineChardev | undefined {
  const options = parseOption(value);
  const first = options.get("") ?? "";
  if (first.startsWith("unix:")) return { ...socketOptions(options), path: first.slice("unix:".length) };
  const tcp = /^(?:tcp|telnet|websocket):(.*):([^:]*)$/.exec(first);
  return tcp ? { ...socketOptions(options), host: tcp[1], port: tcp[2] } : undefined;
}

function addObject(builder: Builder, options: ReadonlyMap<string, string>): void {
  const type = options.get("qom-type") ?? options.get("");
  const chardev = options.get("chardev");
  if (chardev !== undefined && type?.startsWith("monitor-")) builder.monitorChardevs.add(chardev);
}

function addNetdev(builder: Builder, options: ReadonlyMap<string, string>): void {
  const [type, id, chardev] = [options.get("type") ?? options.get(""), options.get("id"), options.get("chardev")];
  if (type === "vhost-user" && id !== undefined && chardev !== undefined) builder.netdevChardevs.set(chardev, id);
}

function addTpm(builder: Builder, options: ReadonlyMap<string, string>): void {
  const [id, chardev] = [options.get("id"), options.get("chardev")];
  if (id !== undefined && chardev !== undefined) builder.tpmChardevs.set(chardev, id);
}

function addNbdNode(builder: Builder, options: ReadonlyMap<string, string>): void {
  const node = options.get("node-name");
  if (node === undefined || (options.get("driver") ?? options.get("")) !== "nbd") return;
  const exportName = options.get("export") ?? "";
  const [path, host, port] = [options.get("server.path"), options.get("server.host"), options.get("server.port")];
  if (path !== undefined) builder.nbdNodes.set(node, { path, exportName });
  else if (host !== undefined && port !== undefined) builder.nbdNodes.set(node, { host, port, exportName });
}

function isOn(value: string | undefined): boolean {
  return value === "on" || value === "yes" || value === "true" || value === "y";
}

function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
