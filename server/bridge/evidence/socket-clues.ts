import type { Clue, ClueCode } from "#lib/diagnosis/clue";
import type { InstanceReport } from "#lib/vm/instance";
import { instanceKey } from "#lib/vm/instance";
import type { ClueContext } from "./clue-sources.ts";
import { isBeingConnected } from "./connection-sight.ts";
import type { HostReadings, InstanceSockets, Unread } from "./host-readings.ts";
import { ageText, byteText } from "./measure-text.ts";
import type { SocketTrack } from "./socket-track.ts";

/** What was sent may be answered a moment later; what waits in a queue may be taken. */
const OWED_AFTER_MS = 1_000;
const FLOWS_WITHIN_MS = 2_000;
/** Two readings a second apart may be a little less than that. */
const READ_EARLY_MS = 10;
/** A late acknowledgement of what was sent comes within this, a keep-alive's answer never. @see tcp(7) TCP_QUICKACK */
const LATE_ACK_FROM_MS = 20;
const LATE_ACK_UNTIL_MS = 900;

type Read = Extract<InstanceSockets, { kind: "read" }>;
type Finding = { code: ClueCode; text: string };

/** What the connections of one instance tell. A monitor's own are nobody's suspect. */
export function socketClues(report: InstanceReport, { known, nowMonoMs }: ClueContext): readonly Clue[] {
  if (report.isMonitor === true) return [];
  const found = known.hostIfAny?.sockets(instanceKey(report.instance));
  if (!found) return [];
  const ageMs = nowMonoMs - found.readMonoMs;
  if (found.kind === "unread") return [{ code: "not-measured", text: unreadText(found.why), ageMs }];
  return findingsOf(report, found, known.hostIfAny?.children ?? []).map((finding) => ({ ...finding, ageMs }));
}

function findingsOf(report: InstanceReport, found: Read, children: HostReadings["children"]): Finding[] {
  if (report.instance.type === "migration") return migrationFindings(report, found, children);
  if (found.tracks.length === 0) return withoutConnection(report, found);
  const each = found.tracks.map((track) => (report.instance.type === "block-node" ? nodeFindings(track) : chardevFindings(report, track)));
  const [first = []] = each;
  const sharedBy = found.match?.sharedBy ?? 1;
  if (sharedBy === 1 && each.length === 1) return first;
  // Whose is whose is not told: only what is true of all of them is true of this one.
  const common = first.filter(({ code }) => each.every((others) => others.some((other) => other.code === code)));
  if (common.length > 0)
    return common.map(({ code, text }) => ({ code, text: `${text} (and the same on all ${each.length} connections to that address)` }));
  return [
    { code: "not-measured", text: `${each.length} connections lead to that address, in different states: which is this one's is not told` },
  ];
}

function withoutConnection(report: InstanceReport, found: Read): Finding[] {
  const { connection, how } = found.sight;
  if (!found.hasEndpoint) {
    return [{ code: "not-measured", text: "where it leads was not read, so that its connection cannot be told from others" }];
  }
  if (connection === "reconnecting")
    return [{ code: "being-connected", text: `${how ?? "it waits for its server"}: requests wait with it` }];
  if (connection === "unknown") return [{ code: "nothing-connected", text: how ?? "its process has no connection there" }];
  // A chardev client that dials again shows between two tries as nothing at all.
  const isWaiting = report.connection === "reconnecting" && report.instance.type === "chardev";
  return [
    {
      code: "nothing-connected",
      text: isWaiting ? `${how ?? "nothing is connected"}; it dials again by itself` : (how ?? "nothing is connected"),
    },
  ];
}

/** A block node asks and is answered: what was sent is owed an answer. */
function nodeFindings(track: SocketTrack): Finding[] {
  const { socket } = track;
  if (isBeingConnected(track)) return [{ code: "being-connected", text: "its connection is being made: nobody has accepted it yet" }];
  if (socket.tcp?.bytesReceived === 0) {
    return [{ code: "being-connected", text: "connected, and the far side has not said a word: the handshake waits" }];
  }
  const queues = queueFindings(track);
  if (socket.unreadBytes > 0) {
    return [
      ...queues,
      { code: "idle-connection", text: `the far side has answered: ${byteText(socket.unreadBytes)} wait for QEMU to read them` },
    ];
  }
  if (socket.tcp) {
    const answers = answerFindings(track);
    return [...queues, ...answers.filter(({ code }) => code !== "idle-connection" || !hasWaiting(track))];
  }
  // Where something waits, and not for long enough, nothing is said yet.
  if (queues.length > 0 || hasWaiting(track)) return queues;
  return [{ code: "not-measured", text: "nothing waits in its queues; a unix socket does not tell whether an answer is owed" }];
}

function answerFindings({ socket: { tcp } }: SocketTrack): Finding[] {
  const { lastSentAgeMs: sentMs, lastReceivedAgeMs: receivedMs, lastAckAgeMs: ackMs } = tcp ?? {};
  if (sentMs === undefined || receivedMs === undefined) return [];
  const aheadMs = receivedMs - sentMs;
  // Both are counted in ticks of one clock from one reading of it, so that any difference is an order.
  const isSentAfter = aheadMs > 0 || (aheadMs === 0 && isAckedLater(receivedMs, ackMs));
  if (isSentAfter && sentMs >= OWED_AFTER_MS) {
    return [
      {
        code: "sent-unanswered",
        text: `sent something ${ageText(sentMs)} ago, and nothing has come back since (last byte received ${ageText(receivedMs)} ago)`,
      },
    ];
  }
  // Sent again and again because nobody acknowledges it.
  if (isSentAfter && (tcp?.unackedSegments ?? 0) > 0 && receivedMs >= FLOWS_WITHIN_MS) {
    return [{ code: "sent-unanswered", text: `sends without an acknowledgement, and nothing has come back for ${ageText(receivedMs)}` }];
  }
  if (receivedMs <= FLOWS_WITHIN_MS) return [{ code: "traffic-flows", text: `the last byte came ${ageText(receivedMs)} ago` }];
  if (aheadMs < 0) {
    return [{ code: "idle-connection", text: `the last byte came ${ageText(receivedMs)} ago, and nothing was sent after it` }];
  }
  if (isSentAfter) return [];
  return [
    {
      code: "not-measured",
      text: `the last bytes went and came in the same moment, ${ageText(receivedMs)} ago: which came last is not told`,
    },
  ];
}

/** The far side's kernel confirmed something of ours after its last byte: it was sent after that, and not answered. */
function isAckedLater(receivedMs: number, ackMs: number | undefined): boolean {
  const laterMs = ackMs === undefined ? 0 : receivedMs - ackMs;
  return laterMs >= LATE_ACK_FROM_MS && laterMs <= LATE_ACK_UNTIL_MS;
}

/** A chardev owes nobody an answer; it holds its VM by bytes that the far side does not take. */
function chardevFindings(report: InstanceReport, track: SocketTrack): Finding[] {
  if (isBeingConnected(track)) return [{ code: "being-connected", text: "its connection is being made: nobody has accepted it yet" }];
  const queues = queueFindings(track);
  if (queues.length > 0) return queues;
  const { socket } = track;
  if (hasWaiting(track)) return [];
  const receivedMs = socket.tcp?.lastReceivedAgeMs;
  if (receivedMs !== undefined && receivedMs <= FLOWS_WITHIN_MS)
    return [{ code: "traffic-flows", text: `the last byte came ${ageText(receivedMs)} ago` }];
  // QEMU waits for answers on these, and what it waits for does not show in a queue.
  if (report.serves.kind === "vhost-user" || report.serves.kind === "tpm" || report.serves.kind === "unknown") {
    return [{ code: "not-measured", text: "nothing waits in its queues; whether QEMU waits for an answer on it is not told" }];
  }
  return [{ code: "idle-connection", text: "nothing waits to be taken by the far side" }];
}

function queueFindings({ socket, readMonoMs, unsentStillMonoMs, farStillMonoMs }: SocketTrack): Finding[] {
  const farStillMs = farStillMonoMs === undefined ? 0 : readMonoMs - farStillMonoMs;
  const unsentStillMs = unsentStillMonoMs === undefined ? 0 : readMonoMs - unsentStillMonoMs;
  const findings: Finding[] = [];
  if (socket.far !== undefined && farStillMs >= OWED_AFTER_MS - READ_EARLY_MS) {
    findings.push({
      code: "unread-at-peer",
      text: `${byteText(socket.far.unreadBytes)} wait at ${farText(socket)}, which has read nothing for at least ${ageText(farStillMs)}`,
    });
  }
  // Nothing went out for so long though something waits: that is told by one reading.
  const silentMs = socket.tcp?.lastSentAgeMs ?? 0;
  const stillMs = Math.max(unsentStillMs, silentMs >= OWED_AFTER_MS ? silentMs : 0);
  // Of a unix socket the queue is the same bytes that wait at the far side.
  const isTold = socket.transport === "unix" && socket.far !== undefined;
  if (socket.unsentBytes > 0 && !isTold && stillMs >= OWED_AFTER_MS - READ_EARLY_MS) {
    findings.push({
      code: "unsent-bytes",
      text: `${byteText(socket.unsentBytes)} wait to be sent, and the far side has taken none for at least ${ageText(stillMs)}`,
    });
  }
  return findings;
}

function hasWaiting({ socket }: SocketTrack): boolean {
  return socket.unsentBytes > 0 || (socket.far?.unreadBytes ?? 0) > 0;
}

function farText({ far }: SocketTrack["socket"]): string {
  if (!far?.process) return "the far side";
  const { name, pid, state } = far.process;
  const how = state === "T" || state === "t" ? ", which is stopped" : state === "D" ? ", which waits inside the kernel" : "";
  return `${name} (pid ${pid}${how})`;
}

function migrationFindings(report: InstanceReport, found: Read, children: HostReadings["children"]): Finding[] {
  const { tracks, candidates, sight } = found;
  if (tracks.length === 0) {
    if (report.serves.kind !== "migration-out" && report.serves.kind !== "migration-in") return [];
    if (candidates.length > 0) {
      const peers = candidates.slice(0, 4).map(({ socket }) => socket.peer ?? "one without a name");
      return [
        {
          code: "not-measured",
          text: `which connection is the migration's is not told: ${candidates.length} may be it (${peers.join(", ")})`,
        },
      ];
    }
    const [child] = children;
    if (child !== undefined && !found.hasEndpoint) {
      const text = `its process has no connection that could be the migration's, and has started ${child.name} (pid ${child.pid}): no yank reaches a child`;
      return [{ code: "nothing-connected", text }];
    }
    return [{ code: "nothing-connected", text: sight.how ?? "its process has no connection that could be the migration's" }];
  }
  if (tracks.some(isBeingConnected)) return [{ code: "being-connected", text: sight.how ?? "its connection is being made" }];
  const movedBytes = tracks.reduce((sum, track) => sum + track.movedBytes, 0);
  if (movedBytes === 0 && tracks.some(({ movedMonoMs, readMonoMs }) => movedMonoMs === readMonoMs)) {
    return [{ code: "traffic-flows", text: "bytes moved between the last two readings" }];
  }
  if (movedBytes > 0) return [{ code: "traffic-flows", text: `${byteText(movedBytes)} went through between the last two readings` }];
  const waiting = tracks.flatMap(queueFindings);
  if (waiting.length > 0) return waiting;
  if (tracks.some(hasWaiting) || tracks.some(({ readings }) => readings < 2)) return [];
  return tracks.every(({ socket }) => socket.tcp)
    ? [{ code: "idle-connection", text: "nothing waits to be sent, and nothing went through between the last two readings" }]
    : [{ code: "not-measured", text: "nothing waits in its queues; a unix socket does not tell whether bytes move" }];
}

function unreadText(why: Unread): string {
  switch (why) {
    case "no-ss":
      return "its sockets were not looked at: ss of iproute2 is not installed on this host";
    case "ss-failed":
      return "its sockets were not looked at: ss ended with an error";
    case "time-out":
      return "its sockets could not be read in time";
    case "not-permitted":
      return "its sockets were not looked at: the bridge's user may not look into its process";
    case "other-namespace":
      return "its sockets were not looked at: its network namespace is another one";
    case "gone":
      return "its sockets could not be read: the process is gone";
    case "no-process":
      return "its sockets were not looked at: its process is not known";
  }
}
