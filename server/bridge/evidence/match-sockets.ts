import type { HostSocket } from "../proc/host-reading.ts";
import type { Endpoint } from "./endpoints.ts";

export interface Matchable {
  readonly key: string;
  readonly endpoint: Endpoint | undefined;
  readonly isMigration: boolean;
}

/** The connections that are, or may be, an instance's. */
export interface Match {
  readonly sockets: readonly HostSocket[];
  /** `elimination`: it is the only thing left that this connection can belong to. */
  readonly by: "address" | "elimination";
  /** How many instances lead to that same address, so that it is not told which of the connections is whose. */
  readonly sharedBy: number;
  /** A connection is there that was shut down: by a yank, or because the far side went away. */
  readonly isShut: boolean;
  /** It listens there, whether or not anybody is connected. */
  readonly isListening: boolean;
}

export interface Matching {
  readonly byKey: ReadonlyMap<string, Match>;
  /** Connections that may be the migration's or may be something else's (a display, a network device, another disk). */
  readonly unexplained: readonly HostSocket[];
}

const STDIO = 2;
const LOOPBACKS: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "::1", "localhost"]);

/**
 * Tells which of a process's sockets belongs to which instance: by the address that it leads to or listens at, and of a
 * migration, whose destination QEMU does not tell, also by elimination. Where several could be it, none is. Pure.
 */
export function matchSockets(instances: readonly Matchable[], sockets: readonly HostSocket[], isMigrating: boolean): Matching {
  const byKey = new Map<string, Match>();
  const explained = new Set<HostSocket>();
  for (const group of groupByAddress(instances)) {
    const found = sockets.filter((socket) => leadsTo(socket, group.endpoint));
    for (const socket of found) explained.add(socket);
    const match: Match = {
      sockets: found.filter((socket) => socket.state !== "LISTEN" && !socket.isShut),
      by: "address",
      sharedBy: group.keys.length,
      isListening: found.some((socket) => socket.state === "LISTEN"),
      isShut: found.some((socket) => socket.isShut),
    };
    for (const key of group.keys) byKey.set(key, match);
  }
  const unexplained = sockets.filter((socket) => !explained.has(socket) && mayBeAnInstances(socket, sockets));
  assignPending(instances, byKey, unexplained);
  if (!isMigrating) assignLast(instances, byKey, unexplained);
  const migration = instances.find((each) => each.isMigration);
  if (isMigrating && migration && (byKey.get(migration.key)?.sockets.length ?? 0) === 0) {
    // One without a name may also be of an instance whose address was not read.
    const areOthersKnown = instances.every((each) => each === migration || each.endpoint !== undefined);
    const own = unexplained.filter((socket) => socket.peer !== undefined || areOthersKnown);
    // Several to one peer are the channels of one migration.
    const peers = new Set(own.map((socket) => socket.peer ?? `inode ${socket.inode}`));
    if (peers.size === 1) byKey.set(migration.key, { sockets: own, by: "elimination", sharedBy: 1, isListening: false, isShut: false });
  }
  const taken = new Set([...byKey.values()].flatMap((match) => match.sockets));
  return { byKey, unexplained: unexplained.filter((socket) => !taken.has(socket)) };
}

/**
 * A unix client that nobody has accepted does not tell where it leads. Where exactly one instance has no connection and
 * exactly one such client is there, it is that instance's.
 */
function assignPending(instances: readonly Matchable[], byKey: Map<string, Match>, unexplained: readonly HostSocket[]): void {
  const pending = unexplained.filter((socket) => socket.isUnaccepted === true && socket.local === undefined);
  const [socket] = pending;
  if (pending.length !== 1 || socket === undefined) return;
  const unconnected = instances.filter(
    ({ key, endpoint, isMigration }) =>
      !isMigration && endpoint?.role !== "server" && endpoint?.kind !== "tcp" && (byKey.get(key)?.sockets.length ?? 0) === 0,
  );
  const [instance] = unconnected;
  if (unconnected.length === 1 && instance !== undefined) {
    byKey.set(instance.key, { sockets: [socket], by: "elimination", sharedBy: 1, isListening: false, isShut: false });
  }
}

/**
 * Where of one block node alone it was not read where it leads, and one connection alone belongs to nothing else, it is that
 * node's: a mirror's target that was added right before the hang.
 */
function assignLast(instances: readonly Matchable[], byKey: Map<string, Match>, unexplained: readonly HostSocket[]): void {
  const unread = instances.filter(({ key, endpoint }) => endpoint === undefined && !byKey.has(key));
  const [instance] = unread;
  const [socket] = unexplained;
  if (unread.length !== 1 || !instance?.key.startsWith("block-node:")) return;
  if (unexplained.length !== 1 || socket?.peer === undefined) return;
  byKey.set(instance.key, { sockets: [socket], by: "elimination", sharedBy: 1, isListening: false, isShut: false });
}

function groupByAddress(instances: readonly Matchable[]): { endpoint: Endpoint; keys: string[] }[] {
  const groups = new Map<string, { endpoint: Endpoint; keys: string[] }>();
  for (const { key, endpoint } of instances) {
    if (!endpoint) continue;
    const address = endpoint.kind === "unix" ? plainPath(endpoint.path) : `${bareHost(endpoint.host)}:${endpoint.port}`;
    const id = `${endpoint.role} ${endpoint.kind} ${address}`;
    const group = groups.get(id) ?? { endpoint, keys: [] };
    group.keys.push(key);
    groups.set(id, group);
  }
  return [...groups.values()];
}

function leadsTo(socket: HostSocket, endpoint: Endpoint): boolean {
  const address = endpoint.role === "server" ? socket.local : socket.peer;
  if (address === undefined || socket.transport !== endpoint.kind) return false;
  if (endpoint.kind === "unix") return isSamePath(address, endpoint.path);
  const at = address.lastIndexOf(":");
  if (address.slice(at + 1) !== endpoint.port) return false;
  return isSameHost(address.slice(0, at), endpoint.host, endpoint.role);
}

function isSameHost(seen: string, named: string, role: Endpoint["role"]): boolean {
  const [one, other] = [bareHost(seen), bareHost(named)];
  if (one === other || other === "") return true;
  if (LOOPBACKS.has(one) && LOOPBACKS.has(other)) return true;
  // A listener at "all addresses" shows its connections with the address that was dialled.
  if (role === "server" && (other === "0.0.0.0" || other === "::" || one === "0.0.0.0" || one === "*" || one === "::")) return true;
  // A name: the port alone has to do.
  return !isIpAddress(other) && other !== "localhost";
}

function isIpAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(":");
}

function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, "").toLowerCase();
}

/** QEMU may have been told a relative path, and the server another way to the same file. */
function isSamePath(seen: string, named: string): boolean {
  const [one, other] = [plainPath(seen), plainPath(named)];
  if (one === other) return true;
  if (one.startsWith("/") === other.startsWith("/")) return false;
  return one.startsWith("/") ? one.endsWith(`/${other}`) : other.endsWith(`/${one}`);
}

function plainPath(path: string): string {
  return path.replace(/^\/var\/run\//, "/run/").replace(/^(?:\.\/)+/, "");
}

/** Not its standard streams, not a listener, not what somebody opened to a listener of its own, not its own two ends. */
function mayBeAnInstances(socket: HostSocket, all: readonly HostSocket[]): boolean {
  if (socket.fd <= STDIO || socket.state === "LISTEN" || socket.isShut) return false;
  const { local } = socket;
  if (local === undefined) return true;
  if (socket.transport === "unix") return false;
  const port = local.slice(local.lastIndexOf(":"));
  return !all.some((each) => each.state === "LISTEN" && each.transport === "tcp" && each.local?.endsWith(port) === true);
}
