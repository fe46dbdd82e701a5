import type { ConnectionState } from "#lib/vm/instance";
import type { Endpoint } from "./endpoints.ts";
import type { Match } from "./match-sockets.ts";
import type { SocketTrack } from "./socket-track.ts";

/** How one instance's connection stands, as far as sockets tell. */
export interface ConnectionSight {
  /** Undefined where they tell nothing that is better than what QEMU told. */
  readonly connection: ConnectionState | undefined;
  readonly how: string | undefined;
  /** Until when, at most, requests wait for a lost server. */
  readonly waitUntilMonoMs: number | undefined;
  /** When a connection was there last; undefined where none was ever seen. */
  readonly seenMonoMs: number | undefined;
  /** Since when none is there. */
  readonly goneMonoMs: number | undefined;
}

export interface SightInput {
  readonly endpoint: Endpoint | undefined;
  readonly isMigration: boolean;
  readonly reconnectDelayMs: number | undefined;
  readonly key: string;
  readonly match: Match | undefined;
  readonly tracks: readonly SocketTrack[];
}

/** @param former what the reading before showed. Pure. */
export function connectionSight(former: ConnectionSight | undefined, input: SightInput, atMonoMs: number): ConnectionSight {
  const { match, tracks } = input;
  const isEnough = tracks.length >= (match?.sharedBy ?? 1);
  if (match !== undefined && tracks.length > 0 && !isEnough) {
    const how = `${match.sharedBy} of its connections lead to ${addressText(input.endpoint)}, and ${tracks.length} are there: which are missing is not told`;
    return { connection: "unknown", how, waitUntilMonoMs: undefined, seenMonoMs: atMonoMs, goneMonoMs: undefined };
  }
  if (tracks.length > 0) return connected(input, atMonoMs);
  const goneMonoMs = former?.goneMonoMs ?? atMonoMs;
  const seenMonoMs = former?.seenMonoMs;
  const none = { waitUntilMonoMs: undefined, seenMonoMs, goneMonoMs };
  if (!input.endpoint || input.isMigration) return { ...none, connection: undefined, how: undefined };
  if (input.key.startsWith("block-node:")) return { ...lostServer(input, seenMonoMs, goneMonoMs, atMonoMs), seenMonoMs, goneMonoMs };
  if (match?.isListening)
    return { ...none, connection: "listening", how: `its process listens at ${addressText(input.endpoint)}, and nobody is connected` };
  // A chardev that QEMU said to be connected a while ago: it is not, and whether it comes back QEMU's own reading tells.
  return { ...none, connection: undefined, how: `its process has no connection to ${addressText(input.endpoint)}` };
}

function connected({ endpoint, match, tracks, key }: SightInput, atMonoMs: number): ConnectionSight {
  const seen = { waitUntilMonoMs: undefined, seenMonoMs: atMonoMs, goneMonoMs: undefined };
  const [first] = tracks;
  if (tracks.some(isBeingConnected)) {
    return { ...seen, connection: "connecting", how: first === undefined ? undefined : connectingText(first) };
  }
  // A server speaks first in NBD: one that has not said a word has not taken us in.
  if (key.startsWith("block-node:") && tracks.some(({ socket }) => socket.tcp?.bytesReceived === 0)) {
    return { ...seen, connection: "connecting", how: "connected, and the far side has not said a word yet" };
  }
  if (match?.by === "elimination") {
    const peer = first?.socket.peer ?? "a far side without a name";
    const how = `its process has one connection that belongs to nothing else known: to ${peer}`;
    return { ...seen, connection: "connected", how };
  }
  const kind = endpoint?.kind === "tcp" ? "TCP" : "unix";
  const where = endpoint?.role === "server" ? `from its socket ${addressText(endpoint)}` : `to ${addressText(endpoint)}`;
  return { ...seen, connection: "connected", how: `its process has a ${kind} connection ${where}` };
}

/** An NBD node without a connection: it waits for its server, or it has given up. */
function lostServer(
  { endpoint, reconnectDelayMs, match }: SightInput,
  seenMonoMs: number | undefined,
  goneMonoMs: number,
  atMonoMs: number,
): Pick<ConnectionSight, "connection" | "how" | "waitUntilMonoMs"> {
  const none = `its process has no connection to ${addressText(endpoint)}`;
  const isOver = reconnectDelayMs !== undefined && atMonoMs - goneMonoMs >= reconnectDelayMs;
  if (reconnectDelayMs === 0) {
    return { connection: "given-up", how: `${none}, and it has no reconnect-delay: its requests fail`, waitUntilMonoMs: undefined };
  }
  // A lost connection is closed before it is made again; one that stays open so was cut for good. @see facts sheet 1.1
  if (match?.isShut && reconnectDelayMs === undefined) {
    return { connection: "given-up", how: `its connection to ${addressText(endpoint)} was shut down`, waitUntilMonoMs: undefined };
  }
  if (reconnectDelayMs === undefined) {
    return { connection: "unknown", how: `${none}; whether it waits for its server was not read`, waitUntilMonoMs: undefined };
  }
  const delay = `reconnect-delay of ${Math.round(reconnectDelayMs / 1_000)} s`;
  if (isOver) return { connection: "given-up", how: `${none}, and its ${delay} is over: its requests fail`, waitUntilMonoMs: undefined };
  const since =
    seenMonoMs === undefined ? "it was gone before anybody looked, so that it waits no longer than this" : "it was seen to vanish";
  return { connection: "reconnecting", how: `${none}; ${delay}, ${since}`, waitUntilMonoMs: goneMonoMs + reconnectDelayMs };
}

export function isBeingConnected({ socket }: SocketTrack): boolean {
  return socket.isUnaccepted === true || socket.state.startsWith("SYN-");
}

function connectingText({ socket }: SocketTrack): string {
  if (socket.isUnaccepted === true) return "its process has dialled, and nobody has accepted the connection yet";
  return `its process is dialling ${socket.peer ?? "the far side"} (${socket.state})`;
}

function addressText(endpoint: Endpoint | undefined): string {
  if (!endpoint) return "an address that was not read";
  return endpoint.kind === "unix" ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
}
