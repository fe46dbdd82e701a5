import { describe, expect, onTestFinished, test } from "vitest";
import type { QmpEvent } from "#lib/qapi/events";
import { QmpClient, type QmpCloseReason, type QmpHandlers, type QmpLateReply } from "./client.ts";
import { QmpCommandError, QmpConnectError, QmpHandshakeError, QmpInterruptedError, QmpProtocolError, QmpStateError } from "./errors.ts";
import { ManualClock } from "./manual-clock.ts";
import { greetingMessage, MemoryPeer } from "./memory-transport.ts";

const ALLOWED = new Set(["query-status", "query-yank", "yank"]);

function setUp(options: { window?: number; handlers?: QmpHandlers; maxMessageBytes?: number } = {}) {
  const clock = new ManualClock();
  const peer = new MemoryPeer();
  const events: QmpEvent[] = [];
  const late: QmpLateReply[] = [];
  const closed: QmpCloseReason[] = [];
  const states: string[] = [];
  const client = new QmpClient({
    address: { path: "/run/vm.sock" },
    allowedCommands: ALLOWED,
    inBandWindow: options.window ?? 1,
    clock,
    openTransport: peer.open,
    randomPrefix: () => "prefix",
    maxMessageBytes: options.maxMessageBytes,
    handlers: {
      onGreeting: () => states.push("greeted"),
      onRunning: () => states.push("running"),
      onEvent: (event) => events.push(event),
      onLateReply: (reply) => late.push(reply),
      onClosed: (reason) => {
        states.push(`closed: ${reason.kind}`);
        closed.push(reason);
      },
      ...options.handlers,
    },
  });
  return { clock, peer, client, events, late, closed, states };
}

async function setUpRunning(options: Parameters<typeof setUp>[0] = {}, capabilities = ["oob"]) {
  const bench = setUp(options);
  const connected = bench.client.connect();
  bench.peer.accept();
  bench.peer.say(greetingMessage(capabilities));
  bench.peer.answer("qmp_capabilities");
  await connected;
  return bench;
}

describe("connecting", () => {
  test("greets, asks for oob where it is offered, and runs", async () => {
    const { client, peer, states } = await setUpRunning();
    expect(peer.requests).toEqual([{ verb: "execute", command: "qmp_capabilities", arguments: { enable: ["oob"] }, id: "prefix0" }]);
    expect(client.greeting?.version).toMatchObject({ major: 7, minor: 2, micro: 22 });
    expect(client).toMatchObject({ hasOob: true, state: { kind: "running" } });
    expect(states).toEqual(["greeted", "running"]);
  });

  test("does not ask for oob where it is not offered, and refuses what would need it before anything is written", async () => {
    const { client, peer } = await setUpRunning({}, []);
    expect(peer.requests[0]?.arguments).toBeUndefined();
    expect(client.hasOob).toBe(false);
    await expect(client.executeOob("query-yank", undefined, { timeoutMs: 1 })).rejects.toMatchObject({
      code: "no-oob",
      outcome: "not-sent",
    });
    expect(peer.written).toHaveLength(1);
  });

  test.each([
    ["ECONNREFUSED", "refused"],
    ["ENOENT", "no-such-socket"],
    ["EACCES", "not-permitted"],
    ["EAGAIN", "backlog-full"],
    ["ENETUNREACH", "connect-failed"],
  ])("says of %s that it is %s", async (systemCode, code) => {
    const { client, peer, closed } = setUp();
    const connected = client.connect();
    peer.hangUp(systemCode);
    await expect(connected).rejects.toBeInstanceOf(QmpConnectError);
    await expect(connected).rejects.toMatchObject({ code, outcome: "not-sent", cause: { code: systemCode } });
    expect(closed).toMatchObject([{ kind: code }]);
  });

  test("gives up a connection that nobody accepts in time", async () => {
    const { client, peer, clock, closed } = setUp();
    const connected = client.connect();
    clock.advance(2_100);
    await expect(connected).rejects.toMatchObject({ code: "connect-timeout" });
    expect(closed).toMatchObject([{ kind: "connect-timeout" }]);
    expect(peer.isDestroyed).toBe(true);
  });

  test("leaves at once where no greeting comes: somebody else is served there", async () => {
    const { client, peer, clock, closed } = setUp();
    const connected = client.connect();
    peer.accept();
    clock.advance(1_900);
    expect(client.state).toMatchObject({ kind: "connecting", phase: "awaiting-greeting" });
    clock.advance(200);
    await expect(connected).rejects.toBeInstanceOf(QmpHandshakeError);
    expect(closed).toMatchObject([{ kind: "no-greeting" }]);
    expect(peer.isDestroyed).toBe(true);
  });

  test.each(["SSH-2.0-x\r\n", '{"hello": 1}\r\n', '{"QMP": 42}\r\n', "\u{ff}"])("takes %j for another protocol", async (words) => {
    const { client, peer, closed } = setUp();
    const connected = client.connect();
    peer.accept();
    peer.sayText(words);
    await expect(connected).rejects.toMatchObject({ name: "QmpHandshakeError", code: "not-qmp" });
    expect(closed).toMatchObject([{ kind: "not-qmp" }]);
  });

  test("keeps the session when the negotiation is unanswered, and runs when the hang ends", async () => {
    const { client, peer, clock, states } = setUp();
    const connected = client.connect();
    peer.accept();
    const greetedMonoMs = clock.nowMonoMs();
    peer.say(greetingMessage());
    clock.advance(60_000);
    await expect(connected).rejects.toMatchObject({ code: "negotiation-unanswered", outcome: "not-sent" });
    expect(client.state).toEqual({ kind: "connecting", phase: "negotiating", sinceMonoMs: greetedMonoMs });
    expect(client.inBand).toMatchObject({ openSinceMonoMs: greetedMonoMs, openCount: 1 });
    expect(client.outOfBand.openSinceMonoMs).toBeUndefined();
    expect(peer.isDestroyed).toBe(false);
    peer.answer("qmp_capabilities");
    expect(states).toEqual(["greeted", "running"]);
    expect(client.inBand.lastRoundTripMs).toBe(60_000);
  });

  test("ends when the negotiation is refused, and when the peer leaves in the middle of it", async () => {
    const refused = setUp();
    const refusal = refused.client.connect();
    refused.peer.accept();
    refused.peer.say(greetingMessage());
    refused.peer.say({ error: { class: "GenericError", desc: "no" }, id: "prefix0" });
    await expect(refusal).rejects.toMatchObject({ code: "negotiation-refused", cause: expect.any(QmpCommandError) as unknown });

    const left = setUp();
    const leaving = left.client.connect();
    left.peer.accept();
    left.peer.hangUp();
    await expect(leaving).rejects.toMatchObject({ name: "QmpHandshakeError", code: "lost" });
    expect(left.closed).toMatchObject([{ kind: "lost" }]);
  });

  test("is called off by its signal, before and during", async () => {
    const { client, states } = setUp();
    await expect(client.connect(AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    expect(states).toEqual(["closed: closed"]);

    const abort = new AbortController();
    const second = setUp();
    const connected = second.client.connect(abort.signal);
    abort.abort();
    await expect(connected).rejects.toMatchObject({ code: "aborted", outcome: "not-sent" });
    expect(second.peer.isDestroyed).toBe(true);
  });

  test("connects once", async () => {
    const { client } = await setUpRunning();
    await expect(client.connect()).rejects.toMatchObject({ code: "not-idle" });
  });
});

describe("a running session", () => {
  test("gives a reply with its times", async () => {
    const { client, peer, clock } = await setUpRunning();
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    const sentMonoMs = clock.nowMonoMs();
    expect(client.inBand.openSinceMonoMs).toBe(sentMonoMs);
    clock.advance(7);
    peer.answer("query-status", { status: "running" });
    expect(await reply).toEqual({ value: { status: "running" }, sentMonoMs, repliedMonoMs: sentMonoMs + 7, replyAfterMs: 7 });
    expect(client.inBand).toMatchObject({ openSinceMonoMs: undefined, lastRoundTripMs: 7 });
  });

  test("writes nothing that is not on the list, in any lane", async () => {
    const { client, peer } = await setUpRunning();
    await expect(client.execute("quit", undefined, { timeoutMs: 1 })).rejects.toBeInstanceOf(QmpStateError);
    await expect(client.executeOob("quit", undefined, { timeoutMs: 1 })).rejects.toMatchObject({ code: "command-not-allowed" });
    await expect(client.execute("qmp_capabilities", undefined, { timeoutMs: 1 })).rejects.toMatchObject({ code: "command-not-allowed" });
    expect(peer.written).toHaveLength(1);
  });

  test("pulls the cord while the in-band slot is taken for ever", async () => {
    const { client, peer, clock } = await setUpRunning();
    const hung = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    clock.advance(1_100);
    await expect(hung).rejects.toMatchObject({ code: "reply-timeout", outcome: "unknown" });
    for (let probes = 0; probes < 20; probes++) {
      await expect(client.execute("query-status", undefined, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: "slot-taken" });
    }
    const yanked = client.executeOob("yank", { instances: [{ type: "migration" }] }, { timeoutMs: 1_000 });
    expect(peer.requests.map(({ verb, command }) => [verb, command])).toEqual([
      ["execute", "qmp_capabilities"],
      ["execute", "query-status"],
      ["exec-oob", "yank"],
    ]);
    peer.answer("yank");
    expect((await yanked).value).toEqual({});
  });

  test("matches a late reply, frees its slot and tells of it", async () => {
    const { client, peer, clock, late } = await setUpRunning();
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    clock.advance(8_000);
    await expect(reply).rejects.toMatchObject({ code: "reply-timeout" });
    peer.answer("query-status", { status: "paused" });
    expect(late).toMatchObject([{ lane: "in-band", command: "query-status", replyAfterMs: 8_000, result: { ok: true } }]);
    expect(client.counters).toMatchObject({ lateReplies: 1, timeouts: 1 });
    expect(client.inBand.openSinceMonoMs).toBeUndefined();
  });

  test("drops an earlier client's reply, and passes events on, known and not", async () => {
    const { client, peer, events } = await setUpRunning();
    peer.say({ return: { status: "running" }, id: "someone-else" });
    peer.say({ error: { class: "GenericError", desc: "JSON parse error" } });
    peer.say({ event: "STOP", timestamp: { seconds: 1, microseconds: 500 } });
    peer.say({ event: "NEW_ONE", data: { deep: [1] }, timestamp: { seconds: -1, microseconds: -1 } });
    peer.say({ news: true });
    expect(client.counters).toMatchObject({ droppedReplies: 2, droppedMessages: 1, events: 2 });
    expect(events).toEqual([
      { event: "STOP", data: {}, atMs: 1_000.5 },
      { event: "NEW_ONE", data: { deep: [1] }, atMs: undefined },
    ]);
  });

  test("a request that had to wait for the slot has its own time from the moment it is sent", async () => {
    const { client, peer, clock } = await setUpRunning();
    const first = client.execute("query-status", undefined, { timeoutMs: 60_000 });
    const second = client.execute("query-yank", undefined, { timeoutMs: 100, slotWaitMs: 60_000 });
    clock.advance(5_000);
    peer.answer("query-status");
    await first;
    clock.advance(150);
    await expect(second).rejects.toMatchObject({ code: "reply-timeout", outcome: "unknown" });
  });

  test("an abort settles the caller, and the slot waits for the reply", async () => {
    const { client, peer } = await setUpRunning();
    const abort = new AbortController();
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000, signal: abort.signal });
    abort.abort();
    await expect(reply).rejects.toMatchObject({ name: "QmpInterruptedError", code: "aborted", outcome: "unknown" });
    expect(client.inBand.openCount).toBe(1);
    peer.answer("query-status");
    expect(client.inBand.openCount).toBe(0);
  });

  test("notices a socket that takes no more, counts it once, and goes on when it drains", async () => {
    let blocked = 0;
    const { client, peer, clock } = await setUpRunning({ handlers: { onWriteBlocked: () => blocked++ } });
    peer.fill();
    const sinceMonoMs = clock.nowMonoMs();
    const reply = client.execute("query-status", undefined, { timeoutMs: 60_000 });
    const held = client.executeOob("query-yank", undefined, { timeoutMs: 60_000 });
    expect(client.writeBlockedSinceMonoMs).toBe(sinceMonoMs);
    clock.advance(5_000);
    expect(blocked).toBe(1);
    expect(client.counters.blockedWrites).toBe(1);
    expect(peer.requests.map(({ command }) => command)).toEqual(["qmp_capabilities", "query-status"]);
    peer.drain();
    expect(client.writeBlockedSinceMonoMs).toBeUndefined();
    peer.answer("query-yank", []);
    peer.answer("query-status");
    expect((await held).value).toEqual([]);
    await reply;
  });

  test("a handler that throws costs nobody a message, and is heard of", async () => {
    const heard: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    onTestFinished(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
    });
    process.on("uncaughtException", (error) => heard.push(error.message));
    const { client, peer } = await setUpRunning({
      handlers: {
        onEvent: () => {
          throw new Error("our bug");
        },
      },
    });
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    peer.sayText('{"event": "STOP"}\r\n{"event": "RESUME"}\r\n{"return": {}, "id": "prefix0"}\r\n');
    expect((await reply).value).toEqual({});
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(heard).toEqual(["our bug", "our bug"]);
  });

  test("shows both directions of the conversation to whoever asks for it", async () => {
    const lines: string[] = [];
    const { client, peer } = await setUpRunning({
      handlers: { onTranscript: ({ direction, text }) => lines.push(`${direction} ${text.trim()}`) },
    });
    const reply = client.execute("query-status", undefined, { timeoutMs: 1 });
    peer.answer("query-status");
    await reply;
    expect(lines.slice(-2)).toEqual(['sent {"execute":"query-status","id":"prefix0"}', 'received {"return":{},"id":"prefix0"}']);
    expect(lines).toHaveLength(5);
  });
});

describe("the end", () => {
  test("EOF settles everybody, then tells the owner, once", async () => {
    const order: string[] = [];
    const { client, peer } = await setUpRunning({ handlers: { onClosed: (reason) => order.push(reason.kind) } });
    client.request({ lane: "out-of-band", command: "query-yank", timeoutMs: 1_000 }, (result) => {
      order.push(result.ok ? "replied" : result.error.code);
      expect(() => client.request({ lane: "in-band", command: "query-status", timeoutMs: 1 }, () => undefined)).toThrow(
        expect.objectContaining({ code: "not-running" }),
      );
    });
    peer.hangUp();
    client.close();
    expect(order).toEqual(["lost", "lost"]);
    expect(client.state).toMatchObject({ kind: "closed", reason: { kind: "lost" } });
  });

  test("close settles everybody, twice is fine, and nothing runs on", async () => {
    const { client, clock, states, peer } = await setUpRunning();
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    client.close();
    client.close();
    await expect(reply).rejects.toBeInstanceOf(QmpInterruptedError);
    expect(states).toEqual(["greeted", "running", "closed: closed"]);
    expect(peer.isDestroyed).toBe(true);
    clock.advance(20_000);
    expect(clock.timerCount).toBe(0);
  });

  test("close during the handshake, and before it, settles connect", async () => {
    const { client } = setUp();
    const connected = client.connect();
    client.close();
    await expect(connected).rejects.toMatchObject({ code: "closed", outcome: "not-sent" });
    const idle = setUp();
    idle.client.close();
    await expect(idle.client.connect()).rejects.toMatchObject({ code: "not-idle" });
  });

  test.each([
    ['{"return": {}, "id": inf}\r\n', "invalid-json"],
    ["no json\r\n", "garbage"],
    [`{"event": "${"x".repeat(2_000)}"}\r\n`, "message-too-large"],
  ])("garbage ends the session: %j", async (words, code) => {
    const { client, peer, closed } = await setUpRunning({ maxMessageBytes: 1_000 });
    const reply = client.execute("query-status", undefined, { timeoutMs: 1_000 });
    peer.sayText(words);
    await expect(reply).rejects.toMatchObject({ code: "lost", outcome: "unknown" });
    expect(closed).toMatchObject([{ kind: "protocol-error", error: { code } }]);
    expect(closed[0]?.error).toBeInstanceOf(QmpProtocolError);
    expect(peer.isDestroyed).toBe(true);
  });

  test("refuses a window that would make out-of-band deaf", () => {
    expect(() => setUp({ window: 9 })).toThrow(RangeError);
    expect(() => setUp({ window: 0 })).toThrow(RangeError);
  });
});
