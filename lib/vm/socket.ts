/**
 * The state of one connection of a QEMU process as its host's kernel tells it (sock_diag through `ss`), without touching
 * the far side. Ages are durations at the moment of the reading; bytes are bytes.
 * @see ss(8), tcp(7) TCP_INFO
 */
export interface SocketReport {
  transport: "tcp" | "unix";
  /** The kernel's word: ESTAB, SYN-SENT, CLOSE-WAIT, … */
  state: string;
  local?: string;
  /** Address of the far side; of a unix socket the path that it was bound to. */
  peer?: string;
  /** TCP only: since the last segment with data went out, and came in. */
  lastSentAgeMs?: number;
  lastReceivedAgeMs?: number;
  bytesSent?: number;
  bytesReceived?: number;
  /** In our send queue: not taken by the far side yet. */
  unsentBytes?: number;
  /** In our receive queue: QEMU has not read it. */
  unreadBytes?: number;
  /** In the far side's receive queue, where its end is on this host too. */
  peerUnreadBytes?: number;
  /** How long the queue that is not empty has not moved, over readings. */
  stillAgeMs?: number;
  /** The process at the other end, where it is on this host and may be read. */
  peerProcess?: { pid: number; name: string };
}
