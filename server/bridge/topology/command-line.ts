import type { ChardevOwner } from "./chardev-owner.ts";
import { addBlockdev, addDrive } from "./command-line-block.ts";
import type { CommandLineDrive, CommandLineNbd } from "./command-line-block.ts";
import { diskDevice, nodeEdges } from "./command-line-disks.ts";
import type { CommandLineDisk, CommandLineEdge } from "./command-line-disks.ts";
import { addBoardOwner, addDeviceOwner, addNetdevOwner, addObjectOwner, addTpmOwner } from "./command-line-owners.ts";
import { isOn, numberOf, parseOption, secondsToMs } from "./option-text.ts";
import type { OptionText } from "./option-text.ts";

/**
 * What a QEMU command line says about its chardevs, monitors and NBD nodes. It tells how the process was started, not
 * what became of it since: a thing named here counts only while QEMU itself still lists it.
 * @see QEMU qemu-options.hx
 */
export interface CommandLineFacts {
  /** Chardev ids that carry a monitor, mux ids without `-base`. */
  readonly monitorChardevs: ReadonlySet<string>;
  /**
   * A config file or `-set` may change what stands on the line and name monitors that do not; and a line that is not
   * QEMU's says nothing at all.
   */
  readonly mayHideMonitors: boolean;
  readonly chardevs: ReadonlyMap<string, CommandLineChardev>;
  /** Chardev id → the device, netdev, object or TPM that was given it. */
  readonly owners: ReadonlyMap<string, ChardevOwner>;
  readonly nbdNodes: ReadonlyMap<string, CommandLineNbd>;
  /** By the id of a `-drive`. */
  readonly drives: ReadonlyMap<string, CommandLineDrive>;
  /** Driver by node name. */
  readonly nodeDrivers: ReadonlyMap<string, string>;
  readonly edges: readonly CommandLineEdge[];
  readonly disks: readonly CommandLineDisk[];
}

export interface CommandLineChardev {
  readonly path?: string;
  readonly host?: string;
  readonly port?: string;
  readonly isServer: boolean;
  /** Several front ends may share it. */
  readonly isMux: boolean;
  readonly reconnectMs?: number;
}

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

interface Builder {
  monitorChardevs: Set<string>;
  mayHideMonitors: boolean;
  chardevs: Map<string, CommandLineChardev>;
  owners: Map<string, ChardevOwner>;
  nbdNodes: Map<string, CommandLineNbd>;
  drives: Map<string, CommandLineDrive>;
  nodeDrivers: Map<string, string>;
  edges: CommandLineEdge[];
  disks: CommandLineDisk[];
  compatMonitors: number;
  /** How many `-serial`, `-parallel` came so far: they number their chardevs. */
  counts: Map<string, number>;
}

function parse(commandLine: readonly string[]): CommandLineFacts {
  const builder: Builder = {
    monitorChardevs: new Set(),
    mayHideMonitors: !isQemuCommandLine(commandLine),
    chardevs: new Map(),
    owners: new Map(),
    nbdNodes: new Map(),
    drives: new Map(),
    nodeDrivers: new Map(),
    edges: [],
    disks: [],
    compatMonitors: 0,
    counts: new Map(),
  };
  if (builder.mayHideMonitors) return builder;
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
      addConsoleShortcut(builder, option, value);
      return true;
    case "device":
      addDevice(builder, parseOption(value));
      return true;
    case "object":
      addObject(builder, parseOption(value));
      return true;
    case "netdev":
      addNetdevOwner(builder.owners, parseOption(value));
      return true;
    case "tpmdev":
      addTpmOwner(builder.owners, parseOption(value));
      return true;
    case "blockdev":
      addNodes(builder, parseOption(value));
      return true;
    case "drive":
      addDrive(builder, parseOption(value));
      return true;
    case "readconfig":
    case "set":
      builder.mayHideMonitors = true;
      return true;
    default:
      return false;
  }
}

function addChardev(builder: Builder, options: OptionText): void {
  const id = options.get("id");
  if (id === undefined || (options.get("") ?? options.get("backend")) !== "socket") return;
  builder.chardevs.set(id, socketOptions(options));
}

function socketOptions(options: OptionText): CommandLineChardev {
  const reconnectMs = numberOf(options.get("reconnect-ms")) ?? secondsToMs(numberOf(options.get("reconnect")));
  return {
    path: options.get("path"),
    host: options.get("host"),
    port: options.get("port"),
    isServer: isOn(options.get("server")),
    isMux: isOn(options.get("mux")),
    reconnectMs,
  };
}

function addMonitorOption(builder: Builder, options: OptionText): void {
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

/** `-serial unix:PATH` makes a chardev `serialN`, `-serial chardev:ID` uses one that stands elsewhere; `-debugcon` has one. */
function addConsoleShortcut(builder: Builder, option: string, value: string): void {
  if (value === "none") return;
  const count = builder.counts.get(option) ?? 0;
  builder.counts.set(option, count + 1);
  if (value.startsWith("chardev:")) {
    addBoardOwner(builder.owners, option, value.slice("chardev:".length));
    return;
  }
  const id = option === "debugcon" ? option : `${option}${count}`;
  // `mon:` puts the human monitor and the console on one multiplexed line.
  const isMonitorToo = value.startsWith("mon:");
  if (isMonitorToo) builder.monitorChardevs.add(id);
  const socket = shortcutSocket(isMonitorToo ? value.slice("mon:".length) : value);
  if (!socket) return;
  builder.chardevs.set(isMonitorToo ? `${id}-base` : id, { ...socket, isMux: socket.isMux || isMonitorToo });
  addBoardOwner(builder.owners, option, id);
}

function shortcutSocket(value: string): CommandLineChardev | undefined {
  const options = parseOption(value);
  const first = options.get("") ?? "";
  if (first.startsWith("unix:")) return { ...socketOptions(options), path: first.slice("unix:".length) };
  const tcp = /^(?:tcp|telnet|websocket):(.*):([^:]*)$/.exec(first);
  return tcp ? { ...socketOptions(options), host: tcp[1], port: tcp[2] } : undefined;
}

function addDevice(builder: Builder, options: OptionText): void {
  addDeviceOwner(builder.owners, options);
  const disk = diskDevice(options);
  if (disk) builder.disks.push(disk);
}

function addNodes(builder: Builder, options: OptionText): void {
  addBlockdev(builder, options);
  builder.edges.push(...nodeEdges(options));
}

function addObject(builder: Builder, options: OptionText): void {
  const type = options.get("qom-type") ?? options.get("");
  const chardev = options.get("chardev");
  if (chardev !== undefined && type?.startsWith("monitor-")) builder.monitorChardevs.add(chardev);
  else addObjectOwner(builder.owners, options);
}
