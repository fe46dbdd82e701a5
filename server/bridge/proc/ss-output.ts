import type { TcpInfo } from "./host-reading.ts";

/** What `ss -tnaieOH` and `ss -xnaeH` say of one socket. @see ss(8) */
export interface SsSocket {
  readonly state: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  /** Undefined where it has no name (`*`). */
  readonly local: string | undefined;
  readonly peer: string | undefined;
}
export interface SsTcpSocket extends SsSocket {
  readonly info: TcpInfo;
}
export interface SsUnixSocket extends SsSocket {
  /** "0" where there is no other end: a listener, or a connection that nobody has accepted or that the other end has left. */
  readonly peerInode: string;
  /** It was shut down, by us or by the other end. */
  readonly isShut: boolean;
}

const TCP_ROW = /^(\S+) +(\d+) +(\d+) +(\S+) +(\S+) /;
/** A path may hold blanks: the inode behind it is the last thing that looks like one. */
const UNIX_ROW = /^u_\w+ +(\S+) +(\d+) +(\d+) +(.+) (\d+) +(\S+) +(\d+) +(<->|<--|-->|---) /;

/** All TCP sockets of a network namespace; a row is taken apart when somebody asks for it. */
export class SsTcpTable {
  readonly #byInode = new Map<string, string>();
  readonly #byEnds = new Map<string, string>();

  constructor(output: string) {
    for (const line of output.split("\n")) {
      const inode = / ino:(\d+) /.exec(line)?.[1];
      // TIME-WAIT has no owner any more.
      if (inode === undefined || inode === "0") continue;
      this.#byInode.set(inode, line);
      const [, , , , local = "", peer = ""] = TCP_ROW.exec(line) ?? [];
      this.#byEnds.set(`${plainAddress(local)} ${plainAddress(peer)}`, inode);
    }
  }

  get(inode: string): SsTcpSocket | undefined {
    const line = this.#byInode.get(inode);
    const row = line === undefined ? undefined : TCP_ROW.exec(line);
    if (line === undefined || !row) return undefined;
    const [, state = "", receive = "0", send = "0", local = "", peer = ""] = row;
    return {
      state,
      receiveQueue: Number(receive),
      sendQueue: Number(send),
      local: plainAddress(local),
      peer: peer.endsWith(":*") ? undefined : plainAddress(peer),
      info: parseTcpInfo(line),
    };
  }

  /** The inode of the other end of a connection within this host. */
  otherEnd(local: string, peer: string): string | undefined {
    return this.#byEnds.get(`${peer} ${local}`);
  }
}

/** All unix sockets of a network namespace. */
export class SsUnixTable {
  readonly #byInode = new Map<string, string>();

  constructor(output: string) {
    for (const line of output.split("\n")) {
      const inode = UNIX_ROW.exec(line)?.[5];
      if (inode !== undefined && inode !== "0") this.#byInode.set(inode, line);
    }
  }

  get(inode: string): SsUnixSocket | undefined {
    const row = UNIX_ROW.exec(this.#byInode.get(inode) ?? "");
    if (!row) return undefined;
    const [, state = "", receive = "0", send = "0", local = "", , peer = "", peerInode = "0", ways] = row;
    return {
      state,
      receiveQueue: Number(receive),
      sendQueue: Number(send),
      local: named(local),
      peer: named(peer),
      peerInode,
      isShut: ways !== "<->",
    };
  }
}

function parseTcpInfo(line: string): TcpInfo {
  const number = (name: string): number | undefined => {
    const text = new RegExp(`[ \\t]${name}:(\\d+)(?:[ \\t]|$)`).exec(line)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  // Left out by ss where they are zero.
  const bytesSent = number("bytes_sent") ?? 0;
  const bytesReceived = number("bytes_received") ?? 0;
  return {
    // Where nothing was sent or received yet, Linux counts from something else.
    lastSentAgeMs: bytesSent === 0 ? undefined : number("lastsnd"),
    lastReceivedAgeMs: bytesReceived === 0 ? undefined : number("lastrcv"),
    lastAckAgeMs: number("lastack"),
    bytesSent,
    bytesAcked: number("bytes_acked") ?? 0,
    bytesReceived,
    unackedSegments: number("unacked") ?? 0,
  };
}

/** `[::ffff:10.0.0.9]:80` is `10.0.0.9:80`, and a zone says nothing to us: `[fe80::1%eth0]:80`. */
export function plainAddress(address: string): string {
  return address
    .replace(/^\[::ffff:(\d+\.\d+\.\d+\.\d+)\]/, "$1")
    .replace(/^\[([^\]%]*)%[^\]]*\]/, "[$1]")
    .replace(/^([^[\]%]*)%[^:]*:/, "$1:");
}

function named(text: string): string | undefined {
  const path = text.trim();
  return path === "*" || path === "" ? undefined : path;
}
