import { describe, expect, test } from "vitest";
import { initialHealth } from "#lib/health/reduce-health";
import { DEFAULT_THRESHOLDS } from "#lib/health/thresholds";
import type { InstanceReport, Serves } from "#lib/vm/instance";
import type { HostProcess, HostSocket, TcpInfo } from "../proc/host-reading.ts";
import { KnownVm } from "../vm/known-vm.ts";
import type { Endpoint } from "./endpoints.ts";
import { HostReadings } from "./host-readings.ts";
import { socketClues } from "./socket-clues.ts";
import { threadClues } from "./thread-clues.ts";

const NODE = { type: "block-node", "node-name": "nbd0" } as const;
const CONSOLE = { type: "chardev", id: "con0" } as const;
const MIGRATION = { type: "migration" } as const;
type Known = typeof NODE | typeof CONSOLE | typeof MIGRATION;
const KEYS = { "block-node": "block-node:nbd0", chardev: "chardev:con0", migration: "migration" };
const TO_SERVER: Endpoint = { kind: "tcp", role: "client", host: "10.0.0.9", port: "10809" };
const TO_UNIX: Endpoint = { kind: "unix", role: "client", path: "/run/nbd.sock" };

/** One instance whose host is read again and again on a clock of its own. */
class Watched {
  readonly known = new KnownVm("start");
  readonly report: InstanceReport;
  readonly #endpoint: Endpoint | undefined;
  readonly #reconnectDelayMs: number | undefined;
  nowMs = 100_000;

  constructor(instance: Known, endpoint: Endpoint | undefined, options: { serves?: Serves; reconnectDelayMs?: number } = {}) {
    const serves = options.serves ?? { kind: "serial-console" };
    this.report = { instance, serves, connection: "unknown", isMonitor: false, yankable: true };
    this.#endpoint = endpoint;
    this.#reconnectDelayMs = options.reconnectDelayMs;
  }

  /** Lets time pass and reads. */
  read(afterMs: number, sockets: readonly Partial<HostSocket>[], over: Partial<HostProcess> = {}): string[] {
    this.nowMs += afterMs;
    const list = sockets.map((each, at) => ({ ...PLAIN, inode: String(at + 1), ...each }));
    const isMigration = this.report.instance.type === "migration";
    const key = KEYS[this.report.instance.type as keyof typeof KEYS];
    const instance = { key, endpoint: this.#endpoint, isMigration, reconnectDelayMs: this.#reconnectDelayMs };
    const reading: HostProcess = { pid: 7, state: "S", sockets: { list }, ...over };
    this.known.host.take(reading, { instances: [instance], isMigrating: isMigration }, this.nowMs);
    return this.codes();
  }

  clues() {
    const context = {
      known: this.known,
      health: initialHealth(0),
      thresholds: DEFAULT_THRESHOLDS,
      inBandOpenAgeMs: undefined,
      migration: undefined,
      nowMonoMs: this.nowMs,
    };
    return [...socketClues(this.report, context), ...threadClues(this.report, context)];
  }

  codes(): string[] {
    return this.clues().map(({ code }) => code);
  }

  get seen() {
    return this.known.host.sight(this.report, this.nowMs);
  }
}

const PLAIN: Omit<HostSocket, "inode"> = {
  fd: 9,
  transport: "tcp",
  state: "ESTAB",
  local: "10.0.0.4:4000",
  peer: "10.0.0.9:10809",
  unreadBytes: 0,
  unsentBytes: 0,
};

function tcp(over: Partial<TcpInfo>): { tcp: TcpInfo } {
  const base = { bytesSent: 500, bytesAcked: 501, bytesReceived: 7_000, unackedSegments: 0 };
  return { tcp: { lastSentAgeMs: undefined, lastReceivedAgeMs: undefined, lastAckAgeMs: undefined, ...base, ...over } };
}

describe("an NBD node over TCP", () => {
  const node = () => new Watched(NODE, TO_SERVER);

  test("owes an answer only where something was sent after the last byte came, and a second has passed", () => {
    const sent = (sentMs: number, receivedMs: number, ackMs = sentMs) =>
      node().read(0, [tcp({ lastSentAgeMs: sentMs, lastReceivedAgeMs: receivedMs, lastAckAgeMs: ackMs })]);
    expect(sent(3_692, 3_748, 3_648)).toEqual(["sent-unanswered"]);
    expect(sent(900, 5_000)).toEqual([]);
    expect(sent(5_000, 1_200)).toEqual(["traffic-flows"]);
    expect(sent(50_000, 49_000)).toEqual(["idle-connection"]);
    // The innocent one of two disks, on QEMU 11.1: its answer came one tick after its request.
    expect(sent(2_251, 2_247)).toEqual(["idle-connection"]);
  });

  test("goes by a late acknowledgement where the last bytes went and came in the same moment", () => {
    const tied = (ackMs: number) => node().read(0, [tcp({ lastSentAgeMs: 9_000, lastReceivedAgeMs: 9_000, lastAckAgeMs: ackMs })]);
    expect(tied(8_960)).toEqual(["sent-unanswered"]);
    // The answer itself carried it, or a keep-alive came much later: neither tells.
    expect(tied(9_000)).toEqual(["not-measured"]);
    expect(tied(1_500)).toEqual(["not-measured"]);
  });

  test("says that a far side which acknowledges nothing does not answer", () => {
    const codes = node().read(0, [tcp({ lastSentAgeMs: 200, lastReceivedAgeMs: 8_000, lastAckAgeMs: 8_000, unackedSegments: 1 })]);
    expect(codes).toEqual(["sent-unanswered"]);
  });

  test("does not blame the far side for an answer that QEMU has not read", () => {
    const codes = node().read(0, [{ unreadBytes: 28, ...tcp({ lastSentAgeMs: 4_000, lastReceivedAgeMs: 4_100 }) }]);
    expect(codes).toEqual(["idle-connection"]);
  });

  test("sees bytes unread at a far side on this host, and names its process", () => {
    const watched = node();
    const stalled = {
      ...tcp({ lastSentAgeMs: 3_000, lastReceivedAgeMs: 3_100 }),
      far: { unreadBytes: 28, process: { pid: 4_711, name: "qemu-nbd", state: "T" } },
    };
    expect(watched.read(0, [stalled])).toEqual(["sent-unanswered"]);
    expect(watched.read(1_000, [stalled])).toEqual(["unread-at-peer", "sent-unanswered"]);
    expect(watched.clues()[0]?.text).toBe(
      "28 bytes wait at qemu-nbd (pid 4711, which is stopped), which has read nothing for at least 1 s",
    );
  });

  test("does not take a far side that reads slowly for one that reads nothing", () => {
    const watched = node();
    const flowing = (unreadBytes: number, bytesAcked: number) => ({
      ...tcp({ lastSentAgeMs: 100, lastReceivedAgeMs: 100, bytesAcked }),
      far: { unreadBytes },
    });
    expect(watched.read(0, [flowing(1_000, 50_000)])).toEqual(["traffic-flows"]);
    // As much waits as before, and yet 4,000 bytes were read.
    expect(watched.read(1_000, [flowing(1_000, 54_000)])).toEqual(["traffic-flows"]);
  });

  test("is being connected while it dials, and until the server has said its first word", () => {
    const watched = node();
    expect(watched.read(0, [{ state: "SYN-SENT", ...tcp({ bytesReceived: 0 }) }])).toEqual(["being-connected"]);
    expect(watched.read(1_000, [tcp({ bytesReceived: 0 })])).toEqual(["being-connected"]);
    expect(watched.seen).toMatchObject({ connection: "connecting" });
    watched.read(1_000, [tcp({ lastReceivedAgeMs: 5, lastSentAgeMs: 10 })]);
    expect(watched.seen).toMatchObject({ connection: "connected", connectionHow: "its process has a TCP connection to 10.0.0.9:10809" });
  });

  test("waits for a lost server as long as its reconnect-delay, and has given up after that", () => {
    const watched = new Watched(NODE, TO_SERVER, { reconnectDelayMs: 10_000 });
    watched.read(0, [tcp({ lastReceivedAgeMs: 5, lastSentAgeMs: 10 })]);
    expect(watched.read(1_000, [])).toEqual(["being-connected"]);
    expect(watched.seen).toMatchObject({ connection: "reconnecting", waitLeftMs: 10_000 });
    watched.read(4_000, []);
    expect(watched.seen).toMatchObject({ connection: "reconnecting", waitLeftMs: 6_000 });
    expect(watched.read(6_000, [])).toEqual(["nothing-connected"]);
    expect(watched.seen).toMatchObject({ connection: "given-up" });
  });

  test("says that it does not know whether a lost server is waited for where that was not read", () => {
    const watched = node();
    expect(watched.read(0, [])).toEqual(["nothing-connected"]);
    expect(watched.seen).toMatchObject({ connection: "unknown" });
  });

  test("has given up where its connection was shut down by a yank", () => {
    const watched = node();
    watched.read(0, [{ isShut: true, state: "FIN-WAIT-2", ...tcp({}) }]);
    expect(watched.seen).toMatchObject({ connection: "given-up" });
  });
});

describe("an NBD node over a unix socket", () => {
  const end = { transport: "unix" as const, local: undefined, peer: "/run/nbd.sock" };

  test("shows a stall by what its server leaves unread, and nothing by empty queues", () => {
    const watched = new Watched(NODE, TO_UNIX);
    expect(watched.read(0, [{ ...end, unsentBytes: 768, far: { unreadBytes: 28 } }])).toEqual([]);
    expect(watched.read(1_000, [{ ...end, unsentBytes: 768, far: { unreadBytes: 28 } }])).toEqual(["unread-at-peer"]);
    expect(watched.read(1_000, [{ ...end, far: { unreadBytes: 0 } }])).toEqual(["not-measured"]);
    // What waited there was read: that is all that a unix socket ever tells of bytes that move.
    expect(watched.known.host.movedAgeMs(KEYS["block-node"], watched.nowMs)).toBe(0);
    watched.read(1_000, [{ ...end, far: { unreadBytes: 0 } }]);
    expect(watched.known.host.movedAgeMs(KEYS["block-node"], watched.nowMs)).toBe(1_000);
  });

  test("tells that nothing moves by what stays unread for seconds", () => {
    const watched = new Watched(NODE, TO_UNIX);
    for (let second = 0; second < 7; second++) watched.read(1_000, [{ ...end, unsentBytes: 768, far: { unreadBytes: 28 } }]);
    expect(watched.known.host.movedAgeMs(KEYS["block-node"], watched.nowMs)).toBe(6_000);
  });
});

describe("a console", () => {
  const listener: Endpoint = { kind: "unix", role: "server", path: "/run/con.sock" };
  const accepted = { transport: "unix" as const, local: "/run/con.sock", peer: undefined };

  test("holds its VM by what its reader leaves, and is idle without", () => {
    const watched = new Watched(CONSOLE, listener);
    expect(watched.read(0, [{ ...accepted, far: { unreadBytes: 0 } }])).toEqual(["idle-connection"]);
    watched.read(1_000, [{ ...accepted, unsentBytes: 213_504, far: { unreadBytes: 180_000 } }]);
    expect(watched.read(1_000, [{ ...accepted, unsentBytes: 213_504, far: { unreadBytes: 180_000 } }])).toEqual(["unread-at-peer"]);
    expect(watched.read(1_000, [{ ...accepted, state: "LISTEN" }])).toEqual(["nothing-connected"]);
    expect(watched.seen).toMatchObject({ connection: "listening" });
  });

  test("is named where a vCPU was seen twice in a write and the main thread waits for its lock", () => {
    const watched = new Watched(CONSOLE, listener);
    const threads = [
      { tid: 7, role: "main" as const, name: "qemu-system-x86", state: "S", syscall: "futex" },
      { tid: 9, role: "vcpu" as const, name: "CPU 0/TCG", state: "S", syscall: "clock_nanosleep" },
    ];
    watched.read(0, [accepted], { threads });
    expect(watched.codes()).not.toContain("vcpu-in-write");
    watched.read(1_000, [accepted], { threads });
    expect(watched.codes()).toContain("vcpu-in-write");
    watched.read(1_000, [accepted], { threads: threads.map((thread) => ({ ...thread, syscall: "ppoll" })) });
    expect(watched.codes()).not.toContain("vcpu-in-write");
  });

  test("of a device that QEMU waits for is never called idle", () => {
    const watched = new Watched(CONSOLE, listener, { serves: { kind: "vhost-user" } });
    expect(watched.read(0, [{ ...accepted, far: { unreadBytes: 0 } }])).toEqual(["not-measured"]);
  });
});

describe("a migration", () => {
  const migration = () => new Watched(MIGRATION, undefined, { serves: { kind: "migration-out" } });
  const channel = { peer: "10.0.0.5:4444" };

  test("flows while bytes are acknowledged, and stands still when none are", () => {
    const watched = migration();
    watched.read(0, [{ ...channel, unsentBytes: 90_000, ...tcp({ bytesAcked: 1_000, lastSentAgeMs: 5 }) }]);
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs)).toBeUndefined();
    expect(watched.read(1_000, [{ ...channel, unsentBytes: 90_000, ...tcp({ bytesAcked: 2_001_000, lastSentAgeMs: 5 }) }])).toEqual([
      "traffic-flows",
    ]);
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs)).toBe(0);
    const stuck = { ...channel, unsentBytes: 90_000, ...tcp({ bytesAcked: 2_001_000, lastSentAgeMs: 500 }) };
    watched.read(1_000, [stuck]);
    expect(watched.read(1_000, [stuck])).toEqual(["unsent-bytes"]);
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs)).toBe(2_000);
    // Nobody has looked for so long that it tells nothing of now.
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs + 5_000)).toBeUndefined();
  });

  test("never reads as moving because it was watched for a short time", () => {
    const watched = migration();
    const stuck = { ...channel, unsentBytes: 90_000, ...tcp({ lastSentAgeMs: 500, lastAckAgeMs: 300 }) };
    watched.read(0, [stuck]);
    watched.read(1_000, [stuck]);
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs)).toBeUndefined();
    for (let second = 0; second < 5; second++) watched.read(1_000, [stuck]);
    expect(watched.known.host.movedAgeMs("migration", watched.nowMs)).toBeGreaterThanOrEqual(6_000);
    const silent = migration();
    silent.read(0, [{ ...channel, ...tcp({ lastSentAgeMs: 12_700, lastReceivedAgeMs: 12_800, lastAckAgeMs: 12_650 }) }]);
    expect(silent.known.host.movedAgeMs("migration", silent.nowMs)).toBe(12_650);
  });

  test("says so where several connections may be it", () => {
    const watched = migration();
    expect(watched.read(0, [channel, { peer: "10.0.0.6:3260" }])).toEqual(["not-measured"]);
    expect(watched.clues()[0]?.text).toContain("10.0.0.5:4444, 10.0.0.6:3260");
  });

  test("through a child has no connection of its own", () => {
    const watched = migration();
    expect(watched.read(0, [], { threads: [], children: [{ pid: 99, name: "sleep" }] })).toEqual(["nothing-connected"]);
    expect(watched.clues()[0]?.text).toContain("has started sleep (pid 99): no yank reaches a child");
    expect(watched.known.host.migrationChannel).toBe("exec");
  });
});

test("every reason for not having measured is said, and is no guess", () => {
  for (const unread of ["no-ss", "ss-failed", "time-out", "not-permitted", "other-namespace", "gone"] as const) {
    const watched = new Watched(NODE, TO_SERVER);
    expect(watched.read(0, [], { sockets: { unread } })).toEqual(["not-measured"]);
    expect(watched.seen).toBeUndefined();
  }
  const nobody = new HostReadings();
  nobody.takeNothing("no-process", 1);
  expect(nobody.process(1)).toBeUndefined();
});
