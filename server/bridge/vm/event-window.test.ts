import { describe, expect, test } from "vitest";
import type { QmpEvent } from "#lib/qapi/events";
import { EventWindow } from "./event-window.ts";

function event(name: string, data: Record<string, unknown> = {}): QmpEvent {
  return { event: name, data, atMs: 1_700_000_000_000 };
}

describe("one VM's events", () => {
  test("are told at once, and their likes within a second as a number", () => {
    const window = new EventWindow();
    const error = event("BLOCK_IO_ERROR", { device: "vda", operation: "read", action: "report" });
    expect(window.add(error, 0)).toMatchObject([{ kind: "qmp-event", name: "BLOCK_IO_ERROR", count: 1 }]);
    for (let count = 0; count < 2_799; count++) expect(window.add(error, 10)).toEqual([]);
    expect(window.add(event("BLOCK_IO_ERROR", { device: "vdb", operation: "read", action: "report" }), 20)).toHaveLength(1);
    expect(window.dueMonoMs).toBe(1_000);
    expect(window.flush(1_000)).toMatchObject([{ name: "BLOCK_IO_ERROR", count: 2_799, data: { device: "vda" } }]);
    expect(window.dueMonoMs).toBeUndefined();
    expect(window.recent(1_000).map(({ count }) => count)).toEqual([2_800, 1]);
  });

  test("beyond fifty facts a second are only a number", () => {
    const window = new EventWindow();
    const told = Array.from({ length: 80 }, (_each, index) => window.add(event("DEVICE_DELETED", { device: `d${index}` }), 0)).flat();
    expect(told).toHaveLength(50);
    expect(window.flush(1_000)).toEqual([{ kind: "dropped", count: 30, text: "dropped 30 events of a flood" }]);
  });

  test("may hold numbers beyond 2^53 and be longer than anyone reads", () => {
    const window = new EventWindow();
    expect(window.add(event("GUEST_PANICKED", { action: "pause", arg1: 18_446_744_073_709_551_615n }), 0)).toMatchObject([
      { data: { action: "pause", arg1: "18446744073709551615" } },
    ]);
    expect(window.add(event("X", { text: "y".repeat(1_000_000) }), 1)).toMatchObject([{ data: { note: "left out: too long" } }]);
  });
});
