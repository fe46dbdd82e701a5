import { expect, test } from "vitest";
import { bridge, vmSummary } from "../testing/fixtures.ts";
import { asLastKnown, asOfFor, freshness } from "./freshness.ts";
import type { LinkState } from "./freshness.ts";

const NOW = 1_000_000;

function link(part: Partial<LinkState>): LinkState {
  return {
    heardAtMs: NOW,
    hasTicked: true,
    isHubSilent: false,
    isSocketOpen: true,
    serverTimeMs: NOW,
    bridges: [bridge({ newestProbeAtMs: NOW - 400 })],
    ...part,
  };
}

test("is live while ticks and probes are young, and says how old the newest reading is", () => {
  expect(freshness(link({}), NOW)).toEqual({ kind: "live", newestReadingAgeMs: 400, heardHosts: 1, hosts: 1 });
});

test("a silent hub comes before everything else, whatever its bridges were", () => {
  expect(freshness(link({ isHubSilent: true, heardAtMs: NOW - 6_001 }), NOW)).toEqual({ kind: "hub-silent", sinceAtMs: NOW - 6_001 });
});

test("a page that never hears a tick turns stale as well", () => {
  expect(freshness(link({ hasTicked: false, heardAtMs: NOW - 1_000 }), NOW).kind).toBe("starting");
  expect(freshness(link({ hasTicked: false, isHubSilent: true, heardAtMs: NOW - 7_000 }), NOW).kind).toBe("hub-silent");
});

test("names the bridges that are lost or have probed nothing for five seconds", () => {
  const lost = bridge({ bridgeId: "a", isConnected: false, lostSinceAtMs: NOW - 9_000, newestProbeAtMs: NOW - 9_500 });
  const slow = bridge({ bridgeId: "b", newestProbeAtMs: NOW - 5_001 });
  const fine = bridge({ bridgeId: "c", newestProbeAtMs: NOW - 5_000 });
  const state = freshness(link({ bridges: [lost, slow, fine] }), NOW);
  expect(state).toMatchObject({ kind: "bridges-behind", hosts: 3, behind: [{ bridge: lost, sinceAtMs: NOW - 9_500 }, { bridge: slow }] });
});

test("a bridge without VMs has nothing to probe and is not behind", () => {
  expect(freshness(link({ bridges: [bridge({ vmCount: 0 })] }), NOW)).toMatchObject({ kind: "live", newestReadingAgeMs: undefined });
});

test("the VMs of a lost bridge stand still at its newest probe while the others go on", () => {
  const state = link({
    bridges: [bridge({ bridgeId: "a", isConnected: false, newestProbeAtMs: NOW - 9_500 }), bridge({ bridgeId: "b", newestProbeAtMs: NOW })],
  });
  expect(asOfFor(vmSummary({ bridgeId: "a" }), state, NOW)).toEqual({ asOfMs: NOW - 9_500, isStale: true, hasOldReadings: true });
  expect(asOfFor(vmSummary({ bridgeId: "b" }), state, NOW)).toEqual({ asOfMs: NOW, isStale: false, hasOldReadings: false });
});

test("without the hub every VM stands still at the last tick", () => {
  const state = link({ isHubSilent: true, heardAtMs: NOW - 20_000 });
  expect(asOfFor(vmSummary({}), state, NOW)).toMatchObject({ asOfMs: NOW - 20_000, isStale: true });
});

test("a verdict of not knowing is of now, its readings are not", () => {
  const vm = vmSummary({
    health: { kind: "unknown", reason: "no-valid-reading", sinceAtMs: 0, readingAtMs: 0, was: { verdict: { kind: "healthy" }, atMs: 0 } },
  });
  expect(asOfFor(vm, link({}), NOW)).toMatchObject({ isStale: false, hasOldReadings: true });
});

test("a VM that the hub has forgotten is drawn as it was at the newest moment on record, and as old", () => {
  const health = { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 4_000, readingAtMs: 2_000 } as const;
  expect(asLastKnown({ health })).toEqual({ asOfMs: 4_000, isStale: true, hasOldReadings: true });
  const counters = { eventsSeen: 0, repliesDropped: 0, lateReplies: 0, bytesRead: 0, reconnects: 0 };
  expect(asLastKnown({ health, readings: { atMs: 9_000, counters } }).asOfMs).toBe(9_000);
});
