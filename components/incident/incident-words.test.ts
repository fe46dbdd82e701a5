import { expect, test } from "vitest";
import { incidentMember, incidentSummary } from "../testing/fixtures.ts";
import { countKinds, incidentSummaryText, inOrder, lastedWords, membersWords, openIncidents, shownTimeline } from "./incident-words.ts";
import { membersInOrder } from "./members-card.tsx";

test("open incidents stand on top, those with the most VMs in trouble first; the rest by when they began", () => {
  const incidents = [
    incidentSummary({ number: 1, state: "resolved", beganAtMs: 100 }),
    incidentSummary({ number: 2, state: "open", troubledCount: 1, worstKind: "silent" }),
    incidentSummary({ number: 3, state: "mitigated", beganAtMs: 5 }),
    incidentSummary({ number: 4, state: "open", troubledCount: 17, worstKind: "io-stalled" }),
    incidentSummary({ number: 5, state: "open", troubledCount: 1, worstKind: "main-loop-hung" }),
    incidentSummary({ number: 6, state: "resolved", beganAtMs: 900 }),
  ];
  expect(inOrder(incidents).map(({ number }) => number)).toEqual([4, 5, 2, 3, 6, 1]);
  expect(openIncidents(incidents)).toHaveLength(3);
});

test("says how many of its VMs are in trouble, and how long it lasted", () => {
  expect(membersWords({ state: "open", troubledCount: 12, memberCount: 17 })).toBe("12 of 17 VMs in trouble");
  expect(membersWords({ state: "open", troubledCount: 1, memberCount: 1 })).toBe("1 VM in trouble");
  expect(membersWords({ state: "mitigated", troubledCount: 0, memberCount: 17 })).toBe("17 VMs, none in trouble");
  expect(lastedWords({ beganAtMs: 0 }, 65_000)).toBe("for 1 min 5 s");
  expect(lastedWords({ beganAtMs: 0, recoveredAfterMs: 30_000 }, 65_000)).toBe("lasted 30 s");
});

test("the timeline is shown newest first and without the kinds that were left out", () => {
  const timeline = [
    { atMs: 1, kind: "verdict", text: "hung" },
    { atMs: 2, kind: "event", text: "STOP" },
    { atMs: 3, kind: "act", text: "Yank nbd0" },
  ] as const;
  expect(shownTimeline(timeline, new Set(["event"])).map(({ text }) => text)).toEqual(["Yank nbd0", "hung"]);
  expect([...countKinds(timeline)]).toEqual([
    ["verdict", 1],
    ["event", 1],
    ["act", 1],
  ]);
});

test("members in trouble stand first, the worst on top; numbers in names count as numbers", () => {
  const members = [
    incidentMember({ name: "web-10", kind: "io-stalled" }),
    incidentMember({ name: "web-9", kind: "main-loop-hung" }),
    incidentMember({ name: "web-1", kind: "healthy", isInTrouble: false }),
    incidentMember({ name: "web-2", kind: "io-stalled" }),
  ];
  expect(membersInOrder(members).map(({ name }) => name)).toEqual(["web-9", "web-2", "web-10", "web-1"]);
});

test("tells others in three lines what is wrong, since when, and with whom", () => {
  const members = [incidentMember({ name: "db-7", host: "kvm-03" }), incidentMember({ name: "db-8", isInTrouble: false })];
  expect(incidentSummaryText({ ...incidentSummary({ number: 241, troubledCount: 1, title: "2 VMs wait" }), members })).toBe(
    "Incident 241, open: 2 VMs wait\nSince 1970-01-01 00:00:00 UTC; 1 of 2 VMs in trouble\ndb-7 (kvm-03)",
  );
});
