import { describe, expect, test } from "vitest";
import { knownEvent } from "./events.ts";

describe("typed events", () => {
  test("knows an event whose members are as QAPI says, with values that QAPI does not know yet", () => {
    const event = { event: "MIGRATION", data: { status: "teleporting" }, atMs: 1 };
    expect(knownEvent(event)).toBe(event);
  });

  test("takes big integers for integers, and absent members where QAPI lets them be absent", () => {
    const threshold = { "node-name": "n", "amount-exceeded": 2n ** 63n, "write-threshold": 1 };
    expect(knownEvent({ event: "BLOCK_WRITE_THRESHOLD", data: threshold, atMs: 1 })).toBeDefined();
    expect(knownEvent({ event: "BLOCK_WRITE_THRESHOLD", data: { ...threshold, "write-threshold": 0.5 }, atMs: 1 })).toBeUndefined();
    const failure = { device: "", operation: "read", action: "report", reason: "Input/output error" };
    expect(knownEvent({ event: "BLOCK_IO_ERROR", data: failure, atMs: undefined })).toBeDefined();
    expect(knownEvent({ event: "BLOCK_IO_ERROR", data: { ...failure, nospace: "no" }, atMs: 1 })).toBeUndefined();
    expect(knownEvent({ event: "GUEST_PANICKED", data: { action: "pause", info: [] }, atMs: 1 })).toBeUndefined();
  });

  test.each([
    { event: "NEW_EVENT", data: {}, atMs: 1 },
    { event: "MIGRATION", data: {}, atMs: 1 },
    { event: "SHUTDOWN", data: { guest: "yes", reason: "host-qmp-quit" }, atMs: 1 },
    { event: "toString", data: {}, atMs: 1 },
  ])("passes %j through untyped", (event) => {
    expect(knownEvent(event)).toBeUndefined();
  });
});
