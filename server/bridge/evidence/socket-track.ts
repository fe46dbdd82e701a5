import type { SocketReport } from "#lib/vm/socket";
import type { HostSocket, TcpInfo } from "../proc/host-reading.ts";

/** One connection over the readings of it. Times are monotonic. */
export interface SocketTrack {
  readonly socket: HostSocket;
  readonly firstMonoMs: number;
  readonly readMonoMs: number;
  readonly readings: number;
  /** Since when no byte of the send queue was taken; undefined where it is empty. */
  readonly unsentStillMonoMs: number | undefined;
  /** Since when the far side has read nothing of what waits there; undefined where nothing waits. */
  readonly farStillMonoMs: number | undefined;
  /** When bytes moved last, as far as that was seen between two readings: by TCP's counters, by what waits at a unix far end. */
  readonly movedMonoMs: number | undefined;
  /** Since when surely none moved: by TCP's own ages, and by the readings; undefined where that is not told. */
  readonly stillMonoMs: number | undefined;
  /** TCP: what went through between the last two readings. */
  readonly movedBytes: number;
}

/** Takes the next reading of one connection. Pure. */
export function trackSocket(former: SocketTrack | undefined, socket: HostSocket, atMonoMs: number): SocketTrack {
  const isSame = former !== undefined && former.socket.inode === socket.inode && former.socket.transport === socket.transport;
  const before = isSame ? former : undefined;
  const movedBytes = before ? bytesThrough(socket) - bytesThrough(before.socket) : 0;
  return {
    socket,
    firstMonoMs: before?.firstMonoMs ?? atMonoMs,
    readMonoMs: atMonoMs,
    readings: (before?.readings ?? 0) + 1,
    unsentStillMonoMs: unsentStill(before, socket, atMonoMs),
    farStillMonoMs: farStill(before, socket, atMonoMs),
    movedMonoMs: movedBytes > 0 || hasQueueMoved(before, socket) ? atMonoMs : before?.movedMonoMs,
    stillMonoMs: socket.tcp === undefined ? farStill(before, socket, atMonoMs) : stillSince(before, socket.tcp, movedBytes, atMonoMs),
    movedBytes,
  };
}

/** Whatever changes a unix queue is bytes that came or that were read; one that stays empty tells nothing. */
function hasQueueMoved(before: SocketTrack | undefined, { tcp, far }: HostSocket): boolean {
  if (tcp !== undefined || !before?.socket.far || !far) return false;
  return before.socket.far.unreadBytes !== far.unreadBytes;
}

/** No byte can have moved after the last one came and the last acknowledgement came. */
function stillSince(before: SocketTrack | undefined, tcp: TcpInfo, movedBytes: number, atMonoMs: number): number {
  const byAges = atMonoMs - Math.min(tcp.lastReceivedAgeMs ?? Infinity, tcp.lastAckAgeMs ?? 0);
  const byReadings = before && movedBytes === 0 ? (before.stillMonoMs ?? before.readMonoMs) : atMonoMs;
  return Math.min(byAges, byReadings);
}

function bytesThrough({ tcp }: HostSocket): number {
  return (tcp?.bytesAcked ?? 0) + (tcp?.bytesReceived ?? 0);
}

function unsentStill(before: SocketTrack | undefined, socket: HostSocket, atMonoMs: number): number | undefined {
  if (socket.unsentBytes === 0) return undefined;
  const isStill =
    before !== undefined &&
    before.socket.unsentBytes > 0 &&
    (socket.tcp ? socket.tcp.bytesAcked === before.socket.tcp?.bytesAcked : socket.unsentBytes === before.socket.unsentBytes);
  return isStill ? (before.unsentStillMonoMs ?? before.readMonoMs) : atMonoMs;
}

/** What waits there grows by what we send and shrinks by what is read; of a unix socket only the sum is known. */
function farStill(before: SocketTrack | undefined, socket: HostSocket, atMonoMs: number): number | undefined {
  const waits = socket.far?.unreadBytes ?? 0;
  if (waits === 0) return undefined;
  const waited = before?.socket.far?.unreadBytes ?? 0;
  if (!before || waited === 0) return atMonoMs;
  const arrived = socket.tcp ? socket.tcp.bytesAcked - (before.socket.tcp?.bytesAcked ?? 0) : 0;
  const isStill = waits - waited === arrived;
  return isStill ? (before.farStillMonoMs ?? before.readMonoMs) : atMonoMs;
}

/** The report's shape, with ages as of now. */
export function reportSocket(track: SocketTrack, nowMonoMs: number): SocketReport {
  const { socket, readMonoMs } = track;
  const { tcp, far } = socket;
  const sinceReadMs = nowMonoMs - readMonoMs;
  const aged = (ageMs: number | undefined): number | undefined => (ageMs === undefined ? undefined : ageMs + sinceReadMs);
  const stillSince = [track.unsentStillMonoMs, track.farStillMonoMs].filter((each) => each !== undefined);
  return {
    transport: socket.transport,
    state: socket.state,
    local: socket.local,
    peer: socket.peer,
    lastSentAgeMs: aged(tcp?.lastSentAgeMs),
    lastReceivedAgeMs: aged(tcp?.lastReceivedAgeMs),
    bytesSent: tcp?.bytesSent,
    bytesReceived: tcp?.bytesReceived,
    unsentBytes: socket.unsentBytes,
    unreadBytes: socket.unreadBytes,
    peerUnreadBytes: far?.unreadBytes,
    stillAgeMs: stillSince.length === 0 ? undefined : nowMonoMs - Math.min(...stillSince),
    peerProcess: far?.process && { pid: far.process.pid, name: far.process.name },
  };
}
