import { describe, expect, test } from "vitest";
import { encodeRequest, readMessage } from "./codec.ts";

describe("reading messages", () => {
  test("reads the greeting, and drops capabilities that are no words", () => {
    const greeting = { QMP: { version: { qemu: { micro: 3, minor: 1, major: 11 }, package: "" }, capabilities: ["oob", 7, "new"] } };
    expect(readMessage(greeting)).toEqual({
      kind: "greeting",
      greeting: { version: { major: 11, minor: 1, micro: 3, package: "" }, capabilities: ["oob", "new"] },
    });
  });

  test.each([{}, { QMP: 42 }, { QMP: { version: {}, capabilities: [] } }, { event: 3 }, { error: "no" }])(
    "takes %j for no message that it knows",
    (object) => {
      expect(readMessage(object)).toEqual({ kind: "other" });
    },
  );

  test("reads returns and errors with any id, or none", () => {
    expect(readMessage({ return: false, id: null })).toEqual({ kind: "return", id: null, value: false });
    expect(readMessage({ error: { class: "NewClass", desc: "no" } })).toEqual({
      kind: "error",
      id: undefined,
      qmpClass: "NewClass",
      desc: "no",
    });
  });

  test("turns an event's time into Unix milliseconds, and an unread clock into undefined", () => {
    const event = (seconds: number, microseconds: number) => readMessage({ event: "STOP", timestamp: { seconds, microseconds } });
    expect(event(1_700_000_000, 250_500)).toEqual({ kind: "event", event: { event: "STOP", data: {}, atMs: 1_700_000_000_250.5 } });
    expect(event(-1, -1)).toMatchObject({ event: { atMs: undefined } });
  });
});

test("writes a request on one line, big integers as integers", () => {
  expect(encodeRequest("exec-oob", "yank", { at: 2n ** 64n - 1n }, "a-1")).toBe(
    '{"exec-oob":"yank","arguments":{"at":18446744073709551615},"id":"a-1"}\n',
  );
  expect(encodeRequest("execute", "query-status", undefined, "a-2")).toBe('{"execute":"query-status","id":"a-2"}\n');
});
