import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../health/verdict.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import { VERIFY_FOR_MS } from "./act.ts";
import type { ActProgress } from "./act.ts";
import type { ActBaseline } from "./act-baseline.ts";
import { CONFIRM_GRACE_MS, judgeAct, LOST_GRACE_MS, startJudging } from "./judge-act.ts";
import type { ActReading } from "./judge-act.ts";

const nbd0: InstanceReport = {
  instance: { type: "block-node", "node-name": "nbd0" },
  serves: { kind: "guest-disk", owner: "vda", werror: "enospc", rerror: "report" },
  connection: "unknown",
  isMonitor: false,
  yankable: true,
};
const dbg: InstanceReport = {
  instance: { type: "chardev", id: "dbg" },
  serves: { kind: "debug-console" },
  connection: "connected",
  isMonitor: false,
  yankable: true,
};
const hung: Verdict = { kind: "main-loop-hung", cord: "in-reach" };
const healthy: Verdict = { kind: "healthy" };

function report(verdict: Verdict, more: Partial<VmReport> = {}): VmReport {
  return {
    vmId: "vm",
    address: "/run/vm.sock",
    incarnation: { id: "one", by: "process" },
    name: "vm",
    launcher: "plain",
    isSimulated: false,
    tags: [],
    health: { verdict, sinceAgeMs: 0, readingAgeMs: 0, evidence: [] },
    lanes: {
      inBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 },
      outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 },
    },
    instances: [nbd0, dbg],
    notices: [],
    ...more,
  };
}

const migrationOf = (status: string, direction: MigrationReport["direction"] = "outgoing"): MigrationReport => ({
  direction,
  status,
  startId: "m",
  sampleAgeMs: 0,
});

const yank = (
  verdict: Verdict,
  more: Partial<VmReport> = {},
  instances: ActBaseline["instances"] = [{ type: "block-node", "node-name": "nbd0" }],
): ActBaseline => ({
  action: "yank",
  instances,
  report: report(verdict, more),
});

type Extra = { events?: string[]; hasShutDown?: boolean; more?: Partial<VmReport> };
const reading =
  (type: "in-band-answered" | "changed" | "connection-lost") =>
  (elapsedMs: number, verdict: Verdict, extra: Extra = {}): ActReading => ({
    type,
    elapsedMs,
    report: report(verdict, extra.more),
    events: extra.events ?? [],
    hasShutDown: extra.hasShutDown ?? false,
  });
const answered = reading("in-band-answered");
const changed = reading("changed");
const lost = reading("connection-lost");
const passed = (elapsedMs: number, more?: Partial<VmReport>): ActReading => ({
  type: "time-passed",
  elapsedMs,
  report: report(healthy, more),
});
const sent: ActReading[] = [{ type: "written" }, { type: "replied", replyAfterMs: 1.3 }];

function judge(baseline: ActBaseline, ...readings: ActReading[]): ActProgress[] {
  const states = [startJudging(baseline)];
  for (const each of readings) states.push(judgeAct(states.at(-1)!, each));
  return states.map((state) => state.progress);
}
const verdicts = (progress: ActProgress[]): string[] =>
  progress.map((each) => each.verdict).filter((verdict, at, all) => verdict !== all[at - 1]);
const last = (progress: ActProgress[]): ActProgress => progress.at(-1)!;

describe("judging a yank of a hung VM", () => {
  it("reads recovered after the release and two more answers a second apart, timed by the release", () => {
    const progress = judge(yank(hung), ...sent, answered(6.6, healthy), answered(300, healthy), answered(1_300, healthy));
    expect(verdicts(progress)).toEqual(["pending", "recovered"]);
    expect(last(progress)).toMatchObject({ state: "accepted", replyAfterMs: 1.3, recoveredAfterMs: 6.6, isFinal: false });
    expect(
      last(judge(yank(hung), ...sent, answered(6.6, healthy), answered(300, healthy), answered(1_300, healthy), passed(VERIFY_FOR_MS))),
    ).toMatchObject({
      verdict: "recovered",
      isFinal: true,
    });
  });

  it("does not take an accepted command, one answer, or two close together for a recovery", () => {
    expect(last(judge(yank(hung), ...sent)).verdict).toBe("pending");
    expect(last(judge(yank(hung), ...sent, answered(5, healthy))).verdict).toBe("pending");
    expect(last(judge(yank(hung), ...sent, answered(5, healthy), answered(10, healthy), answered(15, healthy))).verdict).toBe("pending");
  });

  it("counts a release whose verdict is only about to end", () => {
    const progress = judge(yank(hung), ...sent, answered(5, hung), changed(6, healthy), answered(900, healthy), answered(1_900, healthy));
    expect(last(progress)).toMatchObject({ verdict: "recovered", recoveredAfterMs: 5 });
  });

  it("takes a released answer that overtook the reply for what it is", () => {
    const progress = judge(
      yank(hung),
      { type: "written" },
      answered(2, healthy),
      { type: "replied", replyAfterMs: 3 },
      answered(900, healthy),
      answered(1_900, healthy),
    );
    expect(last(progress)).toMatchObject({ state: "accepted", verdict: "recovered", recoveredAfterMs: 2 });
  });

  it("reads no-visible-effect at the end of the window", () => {
    const progress = judge(yank(hung), ...sent, changed(9_999, hung), passed(VERIFY_FOR_MS));
    expect(verdicts(progress)).toEqual(["pending", "no-visible-effect"]);
    expect(last(progress)).toMatchObject({ isFinal: true, detail: "QEMU accepted it, and the VM still reads main-loop-hung" });
  });

  it("reads rehung when it hangs again, before it was confirmed or after", () => {
    expect(last(judge(yank(hung), ...sent, answered(5, healthy), changed(7_000, hung)))).toMatchObject({
      verdict: "rehung",
      isFinal: true,
    });
    const confirmed = judge(
      yank(hung),
      ...sent,
      answered(5, healthy),
      answered(500, healthy),
      answered(1_500, healthy),
      changed(9_000, hung),
    );
    expect(verdicts(confirmed)).toEqual(["pending", "recovered", "rehung"]);
    expect(last(confirmed).recoveredAfterMs).toBe(5);
  });

  it("does not let a recovery stand whose last probe is unanswered", () => {
    const open: Partial<VmReport> = {
      lanes: { inBand: { state: "open", openAgeMs: 3_000 }, outOfBand: { state: "absent", reason: "no-oob" } },
    };
    const progress = judge(
      yank(hung),
      ...sent,
      answered(5, healthy),
      answered(500, healthy),
      answered(1_500, healthy),
      passed(VERIFY_FOR_MS, open),
    );
    expect(last(progress)).toMatchObject({ verdict: "rehung", isFinal: true });
    expect(last(judge(yank(hung), ...sent, answered(5, healthy), passed(VERIFY_FOR_MS, open))).verdict).toBe("rehung");
  });

  it("waits one probe longer for a release in the last moment, and then does not claim it", () => {
    const late = [...sent, answered(9_900, healthy)];
    expect(last(judge(yank(hung), ...late, passed(VERIFY_FOR_MS))).isFinal).toBe(false);
    expect(last(judge(yank(hung), ...late, passed(VERIFY_FOR_MS + CONFIRM_GRACE_MS)))).toMatchObject({ verdict: "unknown", isFinal: true });
    const confirmed = judge(yank(hung), { type: "written" }, answered(9_000, healthy), answered(9_900, healthy), answered(10_900, healthy));
    expect(last(confirmed)).toMatchObject({ verdict: "recovered", isFinal: true });
  });

  it("counts the end of a process that had been asked to quit as a recovery", () => {
    const progress = judge(yank(hung), ...sent, lost(40, { kind: "unreachable", reason: "lost" }, { hasShutDown: true }));
    expect(last(progress)).toMatchObject({ verdict: "recovered", recoveredAfterMs: 40, isFinal: true });
  });

  it("reads worse when the process dies unasked, or another one answers", () => {
    const gone: Verdict = { kind: "unreachable", reason: "process-gone" };
    expect(last(judge(yank(hung), ...sent, lost(40, gone)))).toMatchObject({ verdict: "worse", isFinal: true });
    const other = changed(40, healthy, { more: { incarnation: { id: "two", by: "process" } } });
    expect(last(judge(yank(hung), ...sent, other)).verdict).toBe("worse");
  });

  it("reads worse when out-of-band falls silent too", () => {
    expect(last(judge(yank(hung), ...sent, changed(3_000, { kind: "silent", reason: "stopped" }))).verdict).toBe("worse");
  });
});

describe("what the guest shows after a yank", () => {
  const paused = { more: { runState: { value: "io-error", ageMs: 0, isLastKnown: false } } };
  const stopping: Verdict = { kind: "guest-stopped", runState: "io-error" };

  it("notes a pause that the plan foretold, and still reads recovered", () => {
    const disk: InstanceReport = { ...nbd0, serves: { ...nbd0.serves, werror: "stop" } };
    const progress = judge(
      yank(hung, { instances: [disk] }),
      ...sent,
      answered(5, stopping, paused),
      answered(500, stopping, paused),
      answered(1_500, stopping, paused),
    );
    expect(last(progress)).toMatchObject({
      verdict: "recovered",
      aftermath: ["the guest is paused by an I/O error (io-error), as foretold"],
    });
  });

  it("reads worse for a pause that it did not foretell", () => {
    expect(last(judge(yank(hung), ...sent, answered(5, stopping, paused)))).toMatchObject({
      verdict: "worse",
      detail: "the guest stopped: io-error",
    });
  });

  it("does not hold a pause against the act that was there before", () => {
    const before = yank(hung, { runState: { value: "io-error", ageMs: 9_000, isLastKnown: true } });
    expect(last(judge(before, ...sent, answered(5, stopping, paused))).verdict).toBe("pending");
  });

  it("notes the I/O errors of the cut node", () => {
    const progress = judge(yank(hung), ...sent, answered(5, healthy, { events: ["BLOCK_IO_ERROR"] }));
    expect(last(progress).aftermath).toEqual(["requests to the cut node ended in I/O errors, as foretold"]);
  });
});

describe("judging an act on a VM with which nothing was wrong", () => {
  const cutDbg = { more: { instances: [nbd0, { ...dbg, connection: "listening" as const }] } };
  const chardev = yank(healthy, {}, [{ type: "chardev", id: "dbg" }]);

  it("reads took-effect when the chardev is seen disconnected and the VM goes on answering", () => {
    const progress = judge(
      chardev,
      ...sent,
      answered(50, healthy, cutDbg),
      answered(600, healthy, cutDbg),
      answered(1_600, healthy, cutDbg),
    );
    expect(verdicts(progress)).toEqual(["pending", "took-effect"]);
    expect(last(progress)).toMatchObject({ detail: "chardev:dbg was connected and is listening now" });
    expect(last(progress).recoveredAfterMs).toBeUndefined();
  });

  it("never reads recovered, and says when nothing can be seen", () => {
    const progress = judge(
      yank(healthy),
      ...sent,
      answered(50, healthy),
      answered(1_050, healthy),
      answered(2_050, healthy),
      passed(VERIFY_FOR_MS),
    );
    expect(verdicts(progress)).toEqual(["pending", "no-visible-effect"]);
  });

  it("sees a node's cut by the errors of its requests", () => {
    const events = { events: ["BLOCK_IO_ERROR"] };
    const progress = judge(
      yank(healthy),
      ...sent,
      answered(50, healthy, events),
      answered(600, healthy, events),
      answered(1_600, healthy, events),
    );
    expect(last(progress).verdict).toBe("took-effect");
  });

  it("reads worse when it hangs now", () => {
    expect(last(judge(yank(healthy), ...sent, changed(6_000, hung)))).toMatchObject({ verdict: "worse", isFinal: true });
  });

  it("does not blame itself for a hang that was under way before it", () => {
    const silent = (openAgeMs: number): Partial<VmReport> => ({
      lanes: { inBand: { state: "open", openAgeMs }, outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 } },
    });
    const slow = yank({ kind: "slow" }, silent(1_500));
    const progress = judge(slow, ...sent, changed(3_500, hung, { more: silent(5_000) }), passed(VERIFY_FOR_MS, silent(11_500)));
    expect(verdicts(progress)).toEqual(["pending", "no-visible-effect"]);
    expect(last(progress).detail).toContain("silent before");
    // Another request than the one that was open then: the silence began after the write.
    expect(last(judge(slow, ...sent, changed(7_000, hung, { more: silent(5_000) }))).verdict).toBe("worse");
  });

  it("reads connection-lost when the line goes and nobody knows why", () => {
    const line: Verdict = { kind: "unreachable", reason: "lost" };
    const progress = judge(chardev, ...sent, lost(100, line), passed(100 + LOST_GRACE_MS));
    expect(verdicts(progress)).toEqual(["pending", "connection-lost"]);
  });

  it("goes on when the line comes back to the same process", () => {
    const line: Verdict = { kind: "unreachable", reason: "lost" };
    const progress = judge(
      chardev,
      ...sent,
      lost(100, line),
      answered(900, healthy, cutDbg),
      passed(100 + LOST_GRACE_MS),
      answered(3_500, healthy),
      answered(4_500, healthy),
    );
    expect(last(progress).verdict).toBe("took-effect");
  });
});

describe("judging an act on a migration", () => {
  const stalled: Verdict = { kind: "migration-stalled", migrationStatus: "active" };
  const outgoing = (action: ActBaseline["action"]): ActBaseline => ({
    action,
    instances: action === "yank" ? [{ type: "migration" }] : [],
    report: report(stalled, { migration: migrationOf("active") }),
  });
  const cancelled = { more: { migration: migrationOf("cancelled") } };

  it("reads recovered when it no longer stalls", () => {
    const progress = judge(
      outgoing("cancel-migration"),
      ...sent,
      answered(2, stalled, { more: { migration: migrationOf("cancelling") } }),
      answered(500, healthy, cancelled),
      answered(1_500, healthy, cancelled),
      answered(2_500, healthy, cancelled),
    );
    expect(last(progress)).toMatchObject({ verdict: "recovered", recoveredAfterMs: 500 });
  });

  it("reads no-visible-effect while it stays where it was", () => {
    const progress = judge(
      outgoing("yank"),
      ...sent,
      answered(500, stalled, { more: { migration: migrationOf("active") } }),
      passed(VERIFY_FOR_MS),
    );
    expect(last(progress).verdict).toBe("no-visible-effect");
  });

  it("reads took-effect when a migration that was well has failed", () => {
    const base: ActBaseline = {
      action: "yank",
      instances: [{ type: "migration" }],
      report: report(healthy, { migration: migrationOf("active") }),
    };
    const failed = { more: { migration: migrationOf("failed") } };
    const progress = judge(
      base,
      ...sent,
      answered(500, healthy, failed),
      answered(1_500, healthy, failed),
      answered(2_500, healthy, failed),
    );
    expect(last(progress)).toMatchObject({ verdict: "took-effect", detail: "the migration was active and is failed now" });
  });

  it("knows that a cut destination ends", () => {
    const base: ActBaseline = {
      action: "yank",
      instances: [{ type: "migration" }],
      report: report(stalled, { migration: migrationOf("active", "incoming") }),
    };
    const progress = judge(base, ...sent, lost(30, { kind: "unreachable", reason: "process-gone" }));
    expect(last(progress)).toMatchObject({ verdict: "took-effect", aftermath: ["the QEMU process ended, as foretold"], isFinal: true });
  });
});

describe("judging a command that went wrong", () => {
  it.each(["refused", "not-sent"] as const)("is over at once when it was %s", (outcome) => {
    const progress = judge(yank(hung), { type: "written" }, { type: "failed", outcome, detail: "why" }, answered(5, healthy));
    expect(last(progress)).toMatchObject({ state: outcome, verdict: "none", detail: "why", isFinal: true });
  });

  it("goes on looking when nobody knows whether it arrived", () => {
    const unknown: ActReading[] = [{ type: "written" }, { type: "failed", outcome: "unknown", detail: "no reply" }];
    expect(last(judge(yank(hung), ...unknown, passed(VERIFY_FOR_MS)))).toMatchObject({
      state: "unknown",
      verdict: "unknown",
      isFinal: true,
    });
    const back = judge(yank(hung), ...unknown, answered(6_000, healthy), answered(6_500, healthy), answered(7_500, healthy));
    expect(last(back)).toMatchObject({ state: "unknown", verdict: "recovered" });
  });

  it("ignores what was seen before the command was written", () => {
    expect(last(judge(yank(hung), answered(0, healthy), changed(0, healthy))).state).toBe("intended");
  });
});

describe("whatever is seen", () => {
  const verdictArb = fc.constantFrom<Verdict>(
    hung,
    healthy,
    { kind: "slow" },
    { kind: "silent", reason: "stopped" },
    { kind: "unknown", reason: "bridge-stalled" },
    { kind: "unreachable", reason: "lost" },
    { kind: "unreachable", reason: "process-gone" },
    { kind: "guest-stopped", runState: "io-error" },
    { kind: "migration-stalled", migrationStatus: "active" },
  );
  const stepArb = fc.record({
    afterMs: fc.integer({ min: 0, max: 1_500 }),
    kind: fc.constantFrom(
      "in-band-answered" as const,
      "changed" as const,
      "connection-lost" as const,
      "time-passed" as const,
      "replied" as const,
    ),
    verdict: verdictArb,
    hasShutDown: fc.boolean(),
    events: fc.constantFrom<string[]>([], ["BLOCK_IO_ERROR"], ["STOP"]),
  });
  type Step = {
    afterMs: number;
    kind: "in-band-answered" | "changed" | "connection-lost" | "time-passed" | "replied";
    verdict: Verdict;
    hasShutDown: boolean;
    events: string[];
  };

  function play(baseline: ActBaseline, steps: Step[], allowed: (step: Step) => boolean): ActProgress[] {
    let elapsedMs = 0;
    const readings: ActReading[] = [{ type: "written" }];
    for (const step of steps) {
      if (!allowed(step)) continue;
      elapsedMs += step.afterMs;
      if (step.kind === "replied") readings.push({ type: "replied", replyAfterMs: elapsedMs });
      else if (step.kind === "time-passed") readings.push(passed(elapsedMs));
      else readings.push(reading(step.kind)(elapsedMs, step.verdict, { hasShutDown: step.hasShutDown, events: step.events }));
    }
    readings.push(passed(Math.max(elapsedMs, VERIFY_FOR_MS + CONFIRM_GRACE_MS)));
    return judge(baseline, ...readings);
  }

  it("no hang reads recovered without three in-band answers after the write, or a shutdown", () => {
    const holds = () =>
      fc.assert(
        fc.property(fc.array(stepArb, { maxLength: 40 }), fc.integer({ min: 0, max: 2 }), (steps, answers) => {
          let left = answers;
          const progress = play(yank(hung), steps, (step) => !step.hasShutDown && (step.kind !== "in-band-answered" || left-- > 0));
          return progress.every((each) => each.verdict !== "recovered");
        }),
        { numRuns: 500 },
      );
    expect(holds).not.toThrow();
  });

  it("every judgement is final one probe after the window, and stays as it is then", () => {
    const holds = () =>
      fc.assert(
        fc.property(verdictArb, fc.array(stepArb, { maxLength: 40 }), (before, steps) => {
          const progress = play(yank(before), steps, () => true);
          const firstFinal = progress.findIndex((each) => each.isFinal);
          return (
            firstFinal >= 0 &&
            last(progress).verdict !== "pending" &&
            progress.slice(firstFinal).every((each) => each === progress[firstFinal])
          );
        }),
        { numRuns: 500 },
      );
    expect(holds).not.toThrow();
  });

  it("nothing reads recovered where nothing was wrong", () => {
    const holds = () =>
      fc.assert(
        fc.property(fc.array(stepArb, { maxLength: 40 }), (steps) =>
          play(yank(healthy), steps, () => true).every((each) => each.verdict !== "recovered"),
        ),
        { numRuns: 300 },
      );
    expect(holds).not.toThrow();
  });
});
