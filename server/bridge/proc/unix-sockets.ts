/** One row of /proc/net/unix that has a path. @see Linux net/unix/af_unix.c, unix_seq_show */
export interface UnixSocket {
  readonly inode: string;
  /** As it was given to bind(2): relative where QEMU was given a relative path. At most 108 bytes, never escaped. */
  readonly path: string;
  readonly isListening: boolean;
  /** A connection that the listener has accepted. One that waits in the backlog has the path too, and inode 0. */
  readonly isAccepted: boolean;
  readonly isWaiting: boolean;
}

/** The sockets that have a path, by path. A connected client has none of its own and does not appear. */
export type UnixSockets = ReadonlyMap<string, readonly UnixSocket[]>;

/** __SO_ACCEPTCON in the flags column. */
const LISTENING = 0x1_0000;
/** Columns: Num, RefCount, Protocol, Flags, Type, St, Inode, Path; St 03 is SS_CONNECTED, 02 SS_CONNECTING. */
const ROW = /^[0-9a-f]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{4} ([0-9A-F]{2}) +(\d+) (.+)$/;

/** Rows that do not look like one (a path with a line break makes them) are skipped. */
export function parseUnixSockets(table: string): UnixSockets {
  const byPath = new Map<string, UnixSocket[]>();
  for (const line of table.split("\n")) {
    const row = ROW.exec(line);
    if (!row) continue;
    const [, flags = "", state = "", inode = "", path = ""] = row;
    const isListening = (Number.parseInt(flags, 16) & LISTENING) !== 0;
    const isConnection = !isListening && (state === "03" || state === "02");
    const socket = { inode, path, isListening, isAccepted: isConnection && inode !== "0", isWaiting: isConnection && inode === "0" };
    const list = byPath.get(path);
    if (list) list.push(socket);
    else byPath.set(path, [socket]);
  }
  return byPath;
}

/**
 * Whether the listener at this path serves somebody else, seen while exactly one connection of ours is open to it. QEMU
 * serves one client and accepts no second, so ours is either the accepted one or one of those that wait: a second
 * accepted connection, or an accepted one while another waits, is somebody else's. A frozen process that accepts nobody has
 * only waiting ones. Undefined where nothing listens at the path in this network namespace, and where two do, because the
 * path was bound again: whose connections these are is not told.
 */
export function hasOtherPeer(sockets: readonly UnixSocket[] | undefined): boolean | undefined {
  if (sockets?.filter((socket) => socket.isListening).length !== 1) return undefined;
  const accepted = sockets.filter((socket) => socket.isAccepted).length;
  const waiting = sockets.filter((socket) => socket.isWaiting).length;
  return accepted >= 2 || (accepted === 1 && waiting >= 1);
}
