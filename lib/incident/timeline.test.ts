import { describe, expect, test } from "vitest";
import type { IncidentDetail } from "../api/incident.ts";
import type { VmEvent } from "../api/vm.ts";
import type { AuditRow } from "../audit/events.ts";
import type { ActProgress, ActRecord, ActTarget } from "../yank/act.ts";
import { incidentMarkdown } from "./export-markdown.ts";
import type { IncidentMember } from "./incident.ts";
import { MAX_TIMELINE, timelineOf } from "./timeline.ts";
import type { TimelineSources } from "./timeline.ts";

const START_MS = Date.UTC(2026, 10, 25, 3, 0, 0);
const NONE: TimelineSources = { members: [], events: [], acts: [], steps: [], notes: [], own: [] };

function member(vmId: string, overrides: Partial<IncidentMember> = {}): IncidentMember {
  const times = { joinedAtMs: START_MS + 5_000, sinceAtMs: START_MS };
  const facts = { kind: "main-loop-hung", worstKind: "main-loop-hung", isInTrouble: true, flapCount: 0 } as const;
  return { vmId, name: `name-${vmId}`, bridgeId: "b", host: "host-1", ...facts, ...times, ...overrides };
}

let eventId = 0;
function event(vmId: string, afterMs: number, overrides: Partial<VmEvent> = {}): VmEvent {
  return { eventId: ++eventId, vmId, atMs: START_MS + afterMs, kind: "verdict", title: "main-loop-hung", count: 1, ...overrides };
}

const target: ActTarget = {
  vmId: "a",
  vmName: "name-a",
  host: "host-1",
  bridgeId: "b",
  instances: [{ type: "block-node", "node-name": "nbd0" }],
  command: {},
  lane: "oob",
  state: "accepted",
  verdict: "recovered",
  aftermath: [],
  isFinal: true,
  sentAtMs: START_MS + 20_000,
};
const act: ActRecord = {
  actId: "act-1",
  planId: "plan-1",
  action: "yank",
  who: "me",
  reason: "stuck",
  createdAtMs: START_MS + 19_000,
  targets: [target],
};
const step = (afterMs: number, event: AuditRow["event"]): AuditRow => ({
  sequence: 1,
  writer: "hub",
  atMs: START_MS + afterMs,
  who: "me",
  event,
});
const progress: ActProgress = { state: "accepted", verdict: "recovered", aftermath: [], isFinal: true };
const lines = (sources: Partial<TimelineSources>) =>
  timelineOf({ ...NONE, ...sources }).timeline.map(({ atMs, kind, vmName, text, count }) =>
    [`+${atMs - START_MS}`, kind, vmName ?? "-", count ?? "", text].join(" ").replace("  ", " "),
  );

describe("the timeline", () => {
  test("puts everything on one clock", () => {
    expect(
      lines({
        members: [member("a")],
        events: [event("a", 5_000), event("a", 100, { kind: "qmp-event", title: "STOP" }), event("a", 21_000, { title: "healthy" })],
        acts: [act],
        steps: [
          step(20_001, {
            type: "act-progressed",
            actId: "act-1",
            vmId: "a",
            progress: { ...progress, state: "sent", verdict: "pending", isFinal: false },
          }),
          step(21_500, { type: "act-progressed", actId: "act-1", vmId: "a", progress: { ...progress, isFinal: false } }),
          step(31_500, { type: "act-progressed", actId: "act-1", vmId: "a", progress }),
          step(44_000, {
            type: "act-amended",
            actId: "act-1",
            vmId: "a",
            amendment: { atMs: START_MS, verdict: "rehung", text: "hung again 23 s after the yank" },
          }),
          step(45_000, { type: "act-progressed", actId: "act-of-others", vmId: "a", progress }),
        ],
        notes: [{ noteId: "n", atMs: START_MS + 10_000, who: "me", text: "looking" }],
        own: [{ atMs: START_MS + 5_200, kind: "incident", text: "Opened: name-a waits on NBD server nas" }],
      }),
    ).toEqual([
      "+100 event name-a STOP",
      "+5000 verdict name-a Main loop hung",
      "+5200 incident - Opened: name-a waits on NBD server nas",
      "+10000 note - looking",
      "+19000 act name-a Yank confirmed on name-a: stuck",
      "+21000 verdict name-a Healthy",
      "+21500 act name-a Recovered after the act",
      "+44000 act name-a Amended: hung again 23 s after the yank",
    ]);
  });

  test("says the same of many VMs in one line, and of one VM how often", () => {
    const vmIds = Array.from({ length: 17 }, (_, index) => `vm${index}`);
    expect(
      lines({
        members: vmIds.map((vmId) => member(vmId)),
        events: [
          ...vmIds.map((vmId, index) => event(vmId, index * 100)),
          event("vm3", 10_000),
          event("vm1", 11_500, { kind: "qmp-event", title: "BLOCK_IO_ERROR", count: 40 }),
          event("vm1", 11_700, { kind: "qmp-event", title: "BLOCK_IO_ERROR", count: 2 }),
        ],
      }),
    ).toEqual([
      "+0 verdict - 17 17 VMs: main loop hung",
      "+10000 verdict name-vm3 Main loop hung",
      "+11500 event name-vm1 42 BLOCK_IO_ERROR",
    ]);
  });

  test("is told by the members where the events are no longer kept", () => {
    expect(
      lines({
        members: [member("a", { isInTrouble: false, recoveredAtMs: START_MS + 30_000 }), member("b", { endedAtMs: START_MS + 40_000 })],
      }),
    ).toEqual(["+0 verdict - 2 2 VMs: main loop hung", "+30000 verdict name-a Out of trouble", "+40000 connection name-b VM ended"]);
  });

  test("keeps its newest lines, and says that there were more", () => {
    const own = Array.from({ length: MAX_TIMELINE + 1 }, (_, index) => ({
      atMs: START_MS + index,
      kind: "incident" as const,
      text: `line ${index}`,
    }));
    const { timeline, timelineIsCut } = timelineOf({ ...NONE, own });
    expect([timeline.length, timeline[0]!.text, timelineIsCut]).toEqual([MAX_TIMELINE, "line 1", true]);
  });
});

describe("the Markdown of an incident", () => {
  const detail = (overrides: Partial<IncidentDetail> = {}): IncidentDetail => ({
    incidentId: "inc-1",
    number: 7,
    state: "mitigated",
    cause: { kind: "far-side", key: "nbd:nas", text: "NBD server 10.0.4.15:10809, export exp", isEstablished: true },
    title: "2 VMs waited on NBD server 10.0.4.15:10809, export exp",
    openedAtMs: START_MS + 5_200,
    beganAtMs: START_MS,
    detectedAfterMs: 5_200,
    mitigatedAtMs: START_MS + 92_000,
    recoveredAfterMs: 92_000,
    members: [
      member("a", { kind: "healthy", isInTrouble: false, recoveredAtMs: START_MS + 92_000, flapCount: 1 }),
      member("b", { endedAtMs: START_MS + 60_000 }),
    ],
    memberCount: 2,
    troubledCount: 0,
    flapCount: 1,
    worstKind: "main-loop-hung",
    notes: [{ noteId: "n", atMs: START_MS + 10_000, who: "me", text: "looking" }],
    revision: 4,
    epoch: "e",
    serverTimeMs: START_MS + 100_000,
    cords: [],
    timeline: [{ atMs: START_MS, kind: "verdict", text: "2 VMs: main loop hung", count: 2 }],
    timelineIsCut: false,
    acts: [act],
    ...overrides,
  });

  test("reads well in a ticket", () => {
    expect(incidentMarkdown(detail())).toMatchInlineSnapshot(`
      "# Incident #7: 2 VMs waited on NBD server 10.0.4.15:10809, export exp

      - State: mitigated, of 2026-11-25 03:01:40 UTC
      - Cause: NBD server 10.0.4.15:10809, export exp
      - Began: 2026-11-25 03:00:00 UTC
      - Detected: 2026-11-25 03:00:05 UTC, after 5.2 s
      - No member in trouble since: 2026-11-25 03:01:32 UTC, 1 min 32 s after it began
      - Fell back: once
      - Id: inc-1

      ## Members (2)

      | VM | Host | Now | Worst | Trouble since (UTC) | Out of it (UTC) | Fell back |
      | --- | --- | --- | --- | --- | --- | --- |
      | name-a | host-1 | healthy | main loop hung | 2026-11-25 03:00:00 UTC | 2026-11-25 03:01:32 UTC | 1 |
      | name-b | host-1 | ended; was main loop hung | main loop hung | 2026-11-25 03:00:00 UTC |  |  |

      ## Acts

      2026-11-25 03:00:19 UTC: yank, confirmed by me, because: stuck

      | VM | Sent (UTC) | Command | Verdict | Detail |
      | --- | --- | --- | --- | --- |
      | name-a | 2026-11-25 03:00:20 UTC | accepted | recovered |  |

      ## Notes

      - 2026-11-25 03:00:10 UTC, me: looking

      ## Timeline (UTC)

      - 2026-11-25 03:00:00 UTC verdict: 2 VMs: main loop hung
      "
    `);
  });

  test("shows as it is what a VM or a person wrote, and never as markup", () => {
    const hostile = "x | y\n# Owned <img src=x onerror=alert(1)> [click](http://evil.example) `code` @all \u202e\u0000";
    const text = incidentMarkdown(
      detail({
        title: hostile,
        members: [member("a", { name: hostile })],
        notes: [{ noteId: "n", atMs: START_MS, who: hostile, text: hostile }],
        acts: [{ ...act, reason: hostile }],
      }),
    );
    for (const [pattern, isThere] of [
      [/^# Owned/m, false],
      [/[^\\]<img/, false],
      [/[^\\]\[click/, false],
      [/http:\/\//, false],
      [/[^\\]`/, false],
      [/[^\\]@all/, false],
      [/[\u202e\u0000]/, false],
    ] as const)
      expect([pattern, pattern.test(text)]).toEqual([pattern, isThere]);
    const rows = text.split("\n").filter((line) => line.startsWith("| x"));
    expect(rows).toHaveLength(1);
    expect(rows[0]!.match(/(?<!\\)\|/g)).toHaveLength(8);
  });
});
