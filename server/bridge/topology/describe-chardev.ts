import type { ConnectionState, InstanceReport, NotYankable, Serves, ServesKind } from "#lib/vm/instance";
import { readCommandLineFacts } from "./command-line.ts";
import type { CommandLineFacts } from "./command-line.ts";
import type { DescribeContext } from "./describe-instances.ts";
import { chardevFarSide } from "./far-side.ts";
import { isWellKnownMonitor, wellKnownMonitorText } from "./monitor-names.ts";
import { findOwnChardev } from "./own-chardev.ts";
import type { ChardevOwner, ChardevReading, Topology } from "./topology.ts";

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
    farSide: reading?.address === undefined ? undefined : chardevFarSide(reading.address, reading.isServer, context.hostKey ?? ""),
    connection: connectionOf(reading, options?.reconnectMs),
    isServer,
    reconnectMs: isServer === true ? undefined : options?.reconnectMs,
  };
  const monitor = monitorText(id, name, topology, facts, context);
  if (monitor !== undefined) {
    return { ...common, serves: { kind: "monitor", how: monitor }, isMonitor: true, yankable: { code: "is-monitor", text: monitor } };
  }
  const serves = servesOf(name, topology, facts);
  if (!topology?.chardevs || !reading) {
    const text = "what uses this connection has not been read yet, so it may be a monitor";
    return { ...common, serves: serves ?? { kind: "unknown" }, isMonitor: "possible", yankable: { code: "topology-unread", text } };
  }
  if (!serves) {
    return { ...common, serves: { kind: "unknown" }, isMonitor: "possible", yankable: unowned(topology) };
  }
  if (isMuxed && !topology.areMonitorsObjects && (!facts || facts.mayHideMonitors)) {
    const text = "it is multiplexed, and a monitor may share it with its device: QEMU's command line, which would tell, could not be read";
    return { ...common, serves, isMonitor: "possible", yankable: { code: "possible-monitor", text } };
  }
  return { ...common, serves, isMonitor: false, yankable: true };
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

/** Undefined where no positive reading names an owner. */
function servesOf(name: string, topology: Topology | undefined, facts: CommandLineFacts | undefined): Serves | undefined {
  const owner = topology?.owners.get(name);
  if (owner) return { kind: kindOfOwner(owner), owner: owner.id, how: howOfOwner(owner) };
  const netdev = facts?.netdevChardevs.get(name);
  if (netdev !== undefined) return { kind: "vhost-user", owner: netdev, how: `vhost-user netdev ${netdev}, by QEMU's command line` };
  const tpm = facts?.tpmChardevs.get(name);
  if (tpm !== undefined) return { kind: "tpm", owner: tpm, how: `TPM emulator ${tpm}, by QEMU's command line` };
  return undefined;
}

function howOfOwner(owner: ChardevOwner): string {
  return owner.portName === undefined ? `${owner.type} ${owner.id}` : `${owner.type} ${owner.id}, port ${owner.portName}`;
}

function kindOfOwner(owner: ChardevOwner): ServesKind {
  if (owner.kind === "monitor") return "monitor";
  if (owner.kind === "tpm") return "tpm";
  const { type } = owner;
  if (owner.kind === "object") {
    if (type === "rng-egd") return "rng";
    if (type.startsWith("filter-") || type === "colo-compare") return "filter";
    return type.includes("vhost-user") ? "vhost-user" : "other-device";
  }
  if (type === "virtserialport") return owner.portName === "org.qemu.guest_agent.0" ? "guest-agent" : "virtio-port";
  if (type === "isa-debugcon" || type === "debugcon") return "debug-console";
  if (type.startsWith("vhost-user")) return "vhost-user";
  if (/serial|console|uart|pl011|spapr-vty|terminal3270/.test(type)) return "serial-console";
  return "other-device";
}

function connectionOf(reading: ChardevReading | undefined, reconnectMs: number | undefined): ConnectionState {
  if (!reading) return "unknown";
  if (reading.isConnected) return "connected";
  if (reading.isServer) return "listening";
  return (reconnectMs ?? 0) > 0 ? "reconnecting" : "disconnected";
}
