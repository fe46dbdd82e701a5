import { expect, test } from "vitest";
import type { AuditEvent, AuditRow } from "#lib/audit/events";
import type { ActProgress } from "#lib/yank/act";
import { auditWords, findRepeats } from "./audit-words.ts";

const accepted: ActProgress = { state: "accepted", verdict: "took-effect", replyAfterMs: 2.4, aftermath: [], isFinal: false };

function progressed(progress: Partial<ActProgress>, part: { actId?: string; vmId?: string } = {}): AuditEvent {
  return { type: "act-progressed", actId: "act1", vmId: "vm0001", progress: { ...accepted, ...progress }, ...part };
}

/** The oldest first here, the newest first in what is given back, as the hub answers. */
function record(...events: AuditEvent[]): AuditRow[] {
  return events.map((event, index) => ({ sequence: index + 1, writer: "hub", atMs: index, who: "local operator", event })).toReversed();
}

function sequencesOf(rows: Set<AuditRow>): number[] {
  return [...rows].map((row) => row.sequence);
}

test("the row that closes an act and repeats the former one is found and reads as final", () => {
  const rows = record(progressed({}), progressed({ isFinal: true }));
  expect(sequencesOf(findRepeats(rows))).toEqual([2]);
  expect(auditWords(progressed({ isFinal: true }), true).what).toBe("Final: accepted by QEMU after 2.4 ms; verdict: took effect");
});

test("a last row that brings news is none", () => {
  expect(findRepeats(record(progressed({ verdict: "pending" }), progressed({ isFinal: true })))).toHaveProperty("size", 0);
  expect(findRepeats(record(progressed({ isFinal: true })))).toHaveProperty("size", 0);
});

test("another act or another VM repeats nothing", () => {
  const rows = record(progressed({}), progressed({ isFinal: true }, { actId: "act2" }), progressed({ isFinal: true }, { vmId: "vm0002" }));
  expect(findRepeats(rows).size).toBe(0);
});

test("the command is kept apart from the reason, as it was sent", () => {
  const command = { "exec-oob": "yank", arguments: { instances: [] } };
  const event = { type: "act-intended", actId: "act1", planId: "plan1", vmId: "vm0001", command, reason: "storage is gone" } as const;
  expect(auditWords(event)).toMatchObject({ command: '{"exec-oob":"yank","arguments":{"instances":[]}}', detail: "“storage is gone”" });
});
