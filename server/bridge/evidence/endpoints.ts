import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import { nbdNode } from "../topology/nbd-node.ts";
import type { Topology } from "../topology/topology.ts";

/** Where an instance's connection leads, or where it listens, as far as it was read; for telling its socket from others. */
export type Endpoint = { readonly role: "client" | "server" } & (
  { readonly kind: "unix"; readonly path: string } | { readonly kind: "tcp"; readonly host: string; readonly port: string }
);

export interface EndpointSources {
  readonly topology: Topology | undefined;
  readonly commandLine: readonly string[] | undefined;
  readonly migrationUri: string | undefined;
  readonly isMigrationIncoming: boolean;
}

/** Undefined where it was not read, and where the instance has no address (`fd:`, `exec:`). */
export function endpointOf(instance: YankInstance, sources: EndpointSources): Endpoint | undefined {
  if (!isKnownYankInstance(instance)) return undefined;
  switch (instance.type) {
    case "block-node":
      return nbdEndpoint(instance["node-name"], sources);
    case "chardev": {
      const reading = sources.topology?.chardevs?.get(instance.id);
      return reading?.address === undefined ? undefined : parseAddress(reading.address, reading.isServer ? "server" : "client");
    }
    case "migration":
      return sources.migrationUri === undefined
        ? undefined
        : parseAddress(sources.migrationUri, sources.isMigrationIncoming ? "server" : "client");
  }
}

/** For how long the requests of an NBD node wait for a lost server; 0: not at all; undefined where that was not read. */
export function reconnectDelayOf(instance: YankInstance, { topology, commandLine }: EndpointSources): number | undefined {
  if (!isKnownYankInstance(instance) || instance.type !== "block-node") return undefined;
  return nbdNode(instance["node-name"], topology, commandLine).reconnectDelayMs;
}

function nbdEndpoint(node: string, { topology, commandLine }: EndpointSources): Endpoint | undefined {
  const { source } = nbdNode(node, topology, commandLine);
  if (!source) return undefined;
  return "path" in source
    ? { kind: "unix", path: source.path, role: "client" }
    : { kind: "tcp", host: source.host, port: source.port, role: "client" };
}

/** @param address `unix:/path` or `tcp:host:port` */
function parseAddress(address: string, role: Endpoint["role"]): Endpoint | undefined {
  if (address.startsWith("unix:")) return { kind: "unix", path: address.slice(5), role };
  const [, host, port] = /^tcp:(.*):(\d+)(?:,|$)/.exec(address) ?? [];
  return host === undefined || port === undefined ? undefined : { kind: "tcp", host, port, role };
}
