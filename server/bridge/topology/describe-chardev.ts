import type { ConnectionState, FarSide, InstanceReport, NotYankable, Serves, ServesKind } from "#lib/vm/instance";
import type { ChardevOwner } from "./chardev-owner.ts";
import { readCommandLineFacts } from "./command-line.ts";
import type { CommandLineChardev, CommandLineFacts } from "./command-line.ts";
import type { DescribeContext } from "./describe-instances.ts";
import { chardevFarSide } from "./far-side.ts";
import { isWellKnownMonitor, wellKnownMonitorText } from "./monitor-names.ts";
import { findOwnChardev } from "./own-chardev.ts";
import type { ChardevReading, Topology } from "./topology.ts";

const BY_COMMAND_LINE = ", by QEMU's command line";
const GUEST_AGENT_PORT = "org.qemu.guest_agent.0";
const CONNECTION_TEXTS: Readonly<Record<Exclude<ConnectionState, "unknown">, string>> = {
  connected: "QEMU says that it is connected",
  connecting: "QEMU says that it is not connected yet",
  listening: "QEMU says that nobody is connected; it listens",
  disconnected: "QEMU says that it is not connected",
  reconnecting: "QEMU says that it is not connected, and was started to try again",
  "given-up": "QEMU says that it is not connected, and was not started to try again",
};

/**
 * One socket chardev. A monitor is never yanked: ours because the reply would be lost, another tool's because that tool
 * may stop the guest. No QMP command below 11.1 says which chardevs are monitors, so whatever has no positively read
 * owner may be one.
 * @param id as in `query-yank`: a multiplexed one has `-base` at its end, while devices and monitors name it without.
 */
export function describeChardev(id: string, topology: Topology | undefined, context: DescribeContext): Omit<InstanceReport, "instance"> {
  const facts = context.commandLine && readCommandLineFacts(context.commandLine);
  const mux = id.endsWith("-base") ? id.slice(0, -"-base".length) : undefined;
  const isMuxed = mux !== undefined && (topology?.chardevs?.get(mux)?.isMux ?? topology === undefined);
  const name = isMuxed ? mux : id;
  const reading = topology?.chardevs?.get(id);
  const options = facts?.chardevs.get(id) ?? facts?.chardevs.get(name);
  const isServer = reading?.isServer ?? options?.isServer;
  const common = {
    farSide: farSideOf(reading, options, context.hostKey ?? ""),
    ...connectionOf(reading, options),
    isServer,
    reconnectMs: isServer === true ? undefined : options?.reconnectMs,
  };
  const monitor = monitorText(id, name, topology, facts, context);
  if (monitor !== undefined) {
    return { ...common, serves: { kind: "monitor", how: monitor }, isMonitor: true, yankable: { code: "is-monitor", text: monitor } };
  }
  const owner = topology?.owners.get(name) ?? topology?.owners.get(id);
  if (!topology?.chardevs || !reading) {
    const start = topology === undefined && !isMuxed ? startingOwner(id, facts) : undefined;
    if (start) return { ...common, serves: servesOf(start, BY_COMMAND_LINE), isMonitor: false, yankable: true };
    const text = "what uses this connection has not been read yet, so it may be a monitor";
    const serves: Serves = owner ? servesOf(owner) : { kind: "unknown" };
    return { ...common, serves, isMonitor: "possible", yankable: { code: "topology-unread", text } };
  }
  const lasting = lastingOwner(name, facts);
  const serves = owner ? servesOf(owner) : lasting && servesOf(lasting, BY_COMMAND_LINE);
  if (!serves) return { ...common, serves: { kind: "unknown" }, isMonitor: "possible", yankable: unowned(topology) };
  if (isMuxed && !topology.areMonitorsObjects && (!facts || facts.mayHideMonitors)) {
    const text = "it is multiplexed, and a monitor may share it with its device: QEMU's command line, which would tell, could not be read";
    return { ...common, serves, isMonitor: "possible", yankable: { code: "possible-monitor", text } };
  }
  return { ...common, serves, isMonitor: false, yankable: true };
}

/**
 * Who was given this chardev when QEMU was started. Of a VM that hung before anything could be asked it is the only
 * reading there will be, and a positive one: a chardev without a multiplexer has one front end, and this is it. Not where
 * a config file may have changed what stands on the line.
 */
function startingOwner(id: string, facts: CommandLineFacts | undefined): ChardevOwner | undefined {
  if (!facts || facts.mayHideMonitors || facts.chardevs.get(id)?.isMux !== false) return undefined;
  return facts.owners.get(id);
}

/** What QOM does not show, and what cannot be unplugged: the command line's word then stands as long as the chardev does. */
function lastingOwner(name: string, facts: CommandLineFacts | undefined): ChardevOwner | undefined {
  const owner = facts?.owners.get(name);
  return owner?.kind === "netdev" || owner?.kind === "tpm" || owner?.kind === "board" ? owner : undefined;
}

/** Why it is a monitor; undefined where nothing proves that it is. */
function monitorText(
  id: string,
  name: string,
  topology: Topology | undefined,
  facts: CommandLineFacts | undefined,
  context: DescribeContext,
): string | undefined {
  const own =
    context.ownChardevId ?? (context.monitorAddress && findOwnChardev(context.monitorAddress, topology?.chardevs, context.commandLine));
  if (own === id || own === name) return "Ripcord's own line to this VM: the reply would be lost with it";
  if (isWellKnownMonitor(id)) return wellKnownMonitorText(id);
  const owner = topology?.owners.get(name) ?? topology?.owners.get(id);
  if (owner?.kind === "monitor") return `a monitor: QEMU lists it as object ${owner.id} (${owner.type})`;
  if (facts?.monitorChardevs.has(name) || facts?.monitorChardevs.has(id)) return "a monitor by QEMU's own command line";
  return undefined;
}

function unowned(topology: Topology): NotYankable {
  if (topology.areMonitorsObjects)
    return { code: "unknown-owner", text: "no device was found that uses it, so what a cut would do is not known" };
  return { code: "possible-monitor", text: "no device was found that uses it, so it may be a monitor" };
}

function servesOf(owner: ChardevOwner, by = ""): Serves {
  const { id, type, portName } = owner;
  return {
    kind: kindOfOwner(owner),
    owner: id,
    how: `${howOfOwner(owner)}${by}`,
    ...(owner.kind === "device" || owner.kind === "object" ? { deviceType: type } : {}),
    ...(portName === undefined ? {} : { portName }),
  };
}

function howOfOwner({ kind, id, type, portName }: ChardevOwner): string {
  switch (kind) {
    case "board":
      return `the board's own device, from ${id}`;
    case "netdev":
      return `${type} netdev ${id}`;
    case "tpm":
      return `TPM emulator ${id}`;
    case "device":
    case "object":
    case "monitor":
      return `${id.startsWith(`${type} `) ? id : `${type} ${id}`}${portName === undefined ? "" : `, port ${portName}`}`;
  }
}

function kindOfOwner({ kind, type, portName }: ChardevOwner): ServesKind {
  switch (kind) {
    case "monitor":
      return "monitor";
    case "tpm":
      return "tpm";
    case "netdev":
      return type === "vhost-user" ? "vhost-user" : "netdev";
    case "object":
      if (type === "rng-egd") return "rng";
      if (type.startsWith("filter-") || type === "colo-compare") return "filter";
      return type.includes("vhost-user") ? "vhost-user" : "other-device";
    case "board":
      if (type === "serial") return "serial-console";
      return type === "isa-debugcon" ? "debug-console" : "other-device";
    case "device":
      if (type === "virtserialport") return portName === GUEST_AGENT_PORT ? "guest-agent" : "virtio-port";
      if (type === "isa-debugcon" || type === "debugcon") return "debug-console";
      if (type.startsWith("vhost-user")) return "vhost-user";
      return /serial|console|uart|pl011|spapr-vty|sclp|terminal3270/.test(type) ? "serial-console" : "other-device";
  }
}

/** Where it leads: as QEMU tells, else as it was told when it was started. */
function farSideOf(reading: ChardevReading | undefined, options: CommandLineChardev | undefined, host: string): FarSide | undefined {
  if (reading?.address !== undefined) return chardevFarSide(reading.address, reading.isServer, host);
  if (!options) return undefined;
  const { path, host: peer, port } = options;
  if (path !== undefined) return chardevFarSide(`unix:${path}`, options.isServer, host);
  return port === undefined ? undefined : chardevFarSide(`tcp:${peer ?? ""}:${port}`, options.isServer, host);
}

function connectionOf(
  reading: ChardevReading | undefined,
  options: CommandLineChardev | undefined,
): Pick<InstanceReport, "connection" | "connectionHow"> {
  const state = ((): ConnectionState => {
    if (!reading) return "unknown";
    if (reading.isConnected) return "connected";
    if (reading.isServer) return "listening";
    // A client that was added later may have been told to reconnect: QEMU does not say so.
    if (!options) return "disconnected";
    return (options.reconnectMs ?? 0) > 0 ? "reconnecting" : "given-up";
  })();
  return state === "unknown" ? { connection: state } : { connection: state, connectionHow: CONNECTION_TEXTS[state] };
}
