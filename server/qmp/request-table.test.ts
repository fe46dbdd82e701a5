import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QmpStateError, type QmpError } from "./errors.ts";
import { ManualClock } from "./manual-clock.ts";
import { RequestTable } from "./request-table.ts";
import type { QmpLateReply, QmpPending, QmpRequest, QmpResult } from "./request.ts";

interface Sent {
  lane: "in-band" | "out-of-band";
  id: string;
  isAnswered: boolean;
}

function setUp(inBandWindow = 1) {
  const clock = new ManualClock();
  const sent: Sent[] = [];
  const late: QmpLateReply[] = [];
  const socket = { isFull: false };
  const table = new RequestTable({
    inBandWindow,
    maxOutOfBand: 4,
    idPrefix: "p",
    clock,
    write: (text) => {
      const { id } = JSON.parse(text) as { id: string };
      sent.push({ lane: text.startsWith('{"execute"') ? "in-band" : "out-of-band", id, isAnswered: false });
      return !socket.isFull;
    },
    onDeadline: () => undefined,
    onLateReply: (reply) => late.push(reply),
  });
  const results: (QmpResult | undefined)[] = [];
  function ask(request: Partial<QmpRequest> = {}): QmpPending {
    const index = results.push(undefined) - 1;
    return table.submit({ lane: "in-band", command: "query-status", timeoutMs: 1_000, ...request }, (result) => {
      expect(results[index]).toBeUndefined(); // exactly once
      results[index] = result;
    });
  }
  function reply(index: number): void {
    const request = sent[index];
    if (request === undefined) return;
    request.isAnswered = true;
    table.settleReturn(request.id, { index });
  }
  function advance(byMs: number): void {
    clock.advance(byMs);
    table.expire(clock.nowMonoMs());
  }
  return { clock, table, sent, late, results, socket, ask, reply, advance };
}

function errorOf(result: QmpResult | undefined): Pick<QmpError, "code" | "outcome"> | undefined {
  return result === undefined || result.ok ? undefined : { code: result.error.code, outcome: result.error.outcome };
}

describe("the request table", () => {
  test("never has more in flight than the window, whatever callers, replies, time and a full socket do", () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("ask" as const),
        lane: fc.constantFrom("in-band" as const, "out-of-band" as const),
        slotWaitMs: fc.constantFrom(0, 300, 5_000),
      }),
      fc.record({ do: fc.constant("reply" as const), index: fc.nat(15) }),
      fc.record({ do: fc.constant("advance" as const), byMs: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ do: fc.constant("abandon" as const), index: fc.nat(15) }),
      fc.constantFrom({ do: "fill" as const }, { do: "drain" as const }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 60 }), (window, steps) => {
        const bench = setUp(window);
        const pending: QmpPending[] = [];
        for (const one of steps) {
          if (one.do === "ask") pending.push(bench.ask({ lane: one.lane, slotWaitMs: one.slotWaitMs }));
          else if (one.do === "reply" && !bench.sent[one.index]?.isAnswered) bench.reply(one.index);
          else if (one.do === "advance") bench.advance(one.byMs);
          else if (one.do === "abandon") pending[one.index]?.abandon();
          else if (one.do === "fill") bench.socket.isFull = true;
          else if (bench.table.isBlocked) {
            bench.socket.isFull = false;
            bench.table.drained();
          }
          const open = bench.sent.filter((request) => request.lane === "in-band" && !request.isAnswered);
          expect(open.length).toBeLessThanOrEqual(window);
          expect(bench.table.inBand.openCount).toBe(open.length);
        }
        bench.table.end("lost", "gone", undefined);
      }),
      { numRuns: 500 },
    );
  });

  test("settles every caller exactly once when the connection ends, with the outcome that is true", async () => {
    const { table, results, ask } = setUp();
    ask();
    ask({ slotWaitMs: 1_000 });
    ask({ lane: "out-of-band" });
    table.end("lost", "gone", undefined);
    expect(results.map(errorOf)).toEqual([
      { code: "lost", outcome: "unknown" },
      { code: "closed", outcome: "not-sent" },
      { code: "lost", outcome: "unknown" },
    ]);
  });

  test("refuses at once a caller that will not wait for the slot, and not before submit has returned", async () => {
    const { results, ask } = setUp();
    ask();
    ask();
    expect(results[1]).toBeUndefined();
    await Promise.resolve();
    expect(errorOf(results[1])).toEqual({ code: "slot-taken", outcome: "not-sent" });
  });

  test("a time-out settles the caller, keeps the slot, and the late reply frees it", () => {
    const { table, sent, late, results, clock, ask, reply, advance } = setUp();
    const sentMonoMs = clock.nowMonoMs();
    ask();
    advance(1_000);
    expect(errorOf(results[0])).toEqual({ code: "reply-timeout", outcome: "unknown" });
    ask({ slotWaitMs: 60_000 });
    advance(9_000);
    expect(sent).toHaveLength(1);
    expect(table.inBand).toMatchObject({ openSinceMonoMs: sentMonoMs, openCount: 1, waitingCount: 1 });
    reply(0);
    expect(late).toMatchObject([{ lane: "in-band", command: "query-status", result: { ok: true }, replyAfterMs: 10_000 }]);
    expect(table.inBand.lastRoundTripMs).toBe(10_000);
    expect(sent).toHaveLength(2);
    expect(table.inBand.openSinceMonoMs).toBe(sentMonoMs + 10_000);
  });

  test("lets waiting callers in by their order, and gives up those whose patience ended", () => {
    const { sent, results, ask, reply, advance } = setUp();
    ask({ timeoutMs: 60_000 });
    ask({ slotWaitMs: 500 });
    ask({ slotWaitMs: 5_000 });
    advance(500);
    expect(errorOf(results[1])).toEqual({ code: "slot-taken", outcome: "not-sent" });
    reply(0);
    reply(1);
    expect(sent).toHaveLength(2);
    expect(results[2]).toMatchObject({ ok: true, reply: { value: { index: 1 } } });
  });

  test("sends out of band while the in-band slot is taken, up to its own bound", async () => {
    const { sent, results, ask } = setUp();
    ask();
    for (let count = 0; count < 5; count++) ask({ lane: "out-of-band" });
    await Promise.resolve();
    expect(sent.map(({ lane }) => lane)).toEqual(["in-band", ...Array<string>(4).fill("out-of-band")]);
    expect(errorOf(results[5])).toEqual({ code: "lane-full", outcome: "not-sent" });
  });

  test("uses an id again once its reply has come, and never while it is open", () => {
    const { sent, ask, reply, advance } = setUp();
    ask();
    ask({ lane: "out-of-band" });
    advance(5_000);
    ask({ lane: "out-of-band" });
    reply(1);
    ask({ lane: "out-of-band" });
    reply(0);
    ask();
    expect(sent.map(({ id }) => id)).toEqual(["p0", "p1", "p2", "p1", "p0"]);
  });

  test("drops and counts replies that nobody asked for", () => {
    const { table, results, ask, reply } = setUp();
    ask();
    table.settleReturn("q-1", {});
    table.settleReturn(undefined, {});
    table.settleError(["p0"], "GenericError", "no");
    reply(0);
    reply(0);
    expect(table.droppedReplies).toBe(4);
    expect(results[0]).toMatchObject({ ok: true });
  });

  test("calls a request not sent that never left a full socket, and unknown the one that filled it", () => {
    const { table, clock, results, socket, ask, advance } = setUp();
    socket.isFull = true;
    const sinceMonoMs = clock.nowMonoMs();
    ask();
    ask({ lane: "out-of-band" });
    advance(1_000);
    expect(results.map(errorOf)).toEqual([
      { code: "reply-timeout", outcome: "unknown" },
      { code: "write-blocked", outcome: "not-sent" },
    ]);
    // Both lanes stay unanswered since they were asked.
    expect(table.outOfBand.openSinceMonoMs).toBe(sinceMonoMs);
    expect(table.inBand.openSinceMonoMs).toBe(sinceMonoMs);
    socket.isFull = false;
    table.drained();
    expect(table.outOfBand.openSinceMonoMs).toBeUndefined();
  });

  test("gives a drained socket the out-of-band requests first", () => {
    const { table, sent, socket, ask } = setUp(2);
    socket.isFull = true;
    ask();
    ask();
    ask({ lane: "out-of-band" });
    socket.isFull = false;
    table.drained();
    expect(sent.map(({ lane }) => lane)).toEqual(["in-band", "out-of-band", "in-band"]);
  });

  test("an abandoned request is unknown when it was sent, not sent when it waited, and keeps or frees accordingly", () => {
    const { table, results, late, ask, reply } = setUp();
    const first = ask();
    const second = ask({ slotWaitMs: 1_000 });
    second.abandon();
    first.abandon();
    first.abandon();
    expect(results.map(errorOf)).toEqual([
      { code: "aborted", outcome: "unknown" },
      { code: "aborted", outcome: "not-sent" },
    ]);
    expect(table.inBand).toMatchObject({ openCount: 1, waitingCount: 0 });
    reply(0);
    expect(late).toHaveLength(1);
    expect(table.inBand.openCount).toBe(0);
  });

  test("a refused request that is called off at once takes nobody else's id along", () => {
    const { table, results, ask, reply } = setUp();
    ask();
    const refused = ask();
    ask({ lane: "out-of-band" }); // has the refused one's number
    refused.abandon();
    reply(1);
    reply(0);
    expect([results[0]?.ok, errorOf(results[1]), results[2]?.ok]).toEqual([true, { code: "aborted", outcome: "not-sent" }, true]);
    expect(table.droppedReplies).toBe(0);
  });

  test("hands an error reply over as a refusal, with QEMU's class and words", () => {
    const { table, sent, results, ask } = setUp();
    ask();
    table.settleError(sent[0]?.id, "DeviceNotFound", "Instance not found");
    expect(results[0]).toMatchObject({
      ok: false,
      error: { code: "command-error", outcome: "refused", qmpClass: "DeviceNotFound", desc: "Instance not found" },
    });
    expect(results[0]?.ok === false && results[0].error instanceof QmpStateError).toBe(false);
  });
});
