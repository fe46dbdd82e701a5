import { describe, expect, test } from "vitest";
import type { Verdict } from "#lib/health/verdict";
import type { HostSocket } from "../proc/host-reading.ts";
import { KnownVm } from "./known-vm.ts";
import { mayStillFinish } from "./may-still-finish.ts";

const HUNG: Verdict = { kind: "main-loop-hung", cord: "in-reach" };
const STALLED: Verdict = { kind: "io-stalled", nodes: ["nbd0"] };
const NODE = { type: "block-node", "node-name": "nbd0" } as const;
const READ_AT = 200_000;

/** A VM whose NBD connection was read twice, a second apart. */
function waitingFor(socket: Partial<HostSocket>): KnownVm {
  const known = new KnownVm("start");
  known.instances = [NODE];
  const instance = {
    key: "block-node:nbd0",
    endpoint: { kind: "tcp", role: "client", host: "10.0.0.9", port: "10809" },
    isMigration: false,
    reconnectDelayMs: undefined,
  } as const;
  const plain = { inode: "1", fd: 9, transport: "tcp", state: "ESTAB", local: "10.0.0.4:4000", peer: "10.0.0.9:10809" } as const;
  for (const atMonoMs of [READ_AT - 1_000, READ_AT]) {
    const list = [{ ...plain, unreadBytes: 0, unsentBytes: 0, ...socket }];
    known.host.take({ pid: 7, state: "S", sockets: { list } }, { instances: [instance], isMigrating: false }, atMonoMs);
  }
  return known;
}

const owed = (sentMs: number, over: { ackAgeMs?: number; unacked?: number } = {}) => ({
  tcp: {
    lastSentAgeMs: sentMs,
    lastReceivedAgeMs: sentMs + 500,
    lastAckAgeMs: over.ackAgeMs ?? sentMs,
    bytesSent: 400,
    bytesAcked: 400,
    bytesReceived: 900,
    unackedSegments: over.unacked ?? 0,
  },
});

const server = (state: string) => ({ far: { unreadBytes: 0, process: { pid: 99, name: "qemu-nbd", state } } });

const said = (known: KnownVm, verdict: Verdict) => mayStillFinish(known, verdict, READ_AT - 20_000, READ_AT);

describe("that it may still finish", () => {
  test("is said of a server that took everything and has not answered for a while", () => {
    const known = waitingFor({ ...owed(20_000), ...server("S") });
    expect(said(known, HUNG)).toContain("the connection of nbd0 stands and is owed an answer");
    expect(said(known, STALLED)).toContain("as in a slow flush");
  });

  test("is said of one that waits for its own storage", () => {
    expect(said(waitingFor({ ...owed(20_000), ...server("D") }), HUNG)).toContain("owed an answer");
  });

  test.each<[string, Partial<HostSocket>]>([
    ["is stopped", { ...owed(20_000), ...server("T") }],
    ["has exited", { ...owed(20_000), ...server("Z") }],
    ["acknowledges nothing", owed(20_000, { ackAgeMs: 19_000, unacked: 1 })],
    ["has been silent for longer than any flush takes", owed(61_000)],
  ])("is not said where the server %s", (_, socket) => {
    const known = waitingFor(socket);
    expect(said(known, HUNG)).toBeUndefined();
    expect(said(known, STALLED)).toBeUndefined();
  });

  test("is not said of a job while a server is out", () => {
    const running = waitingFor({ ...owed(20_000), ...server("S") });
    const stuck = waitingFor({ ...owed(20_000), ...server("T") });
    for (const known of [running, stuck]) known.runningJobs.add("mirror0");
    expect(said(running, HUNG)).toBe("block job mirror0 is running");
    expect(said(stuck, HUNG)).toBeUndefined();
  });
});
