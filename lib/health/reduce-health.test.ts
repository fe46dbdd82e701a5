import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeEvidence } from "./describe-evidence.ts";
import { HOLD_AFTER_STALL_MS, initialHealth, judge, reduceHealth } from "./reduce-health.ts";
import type { HealthState, IoStall, Picture, RunningPicture } from "./reduce-health.ts";
import { DEFAULT_THRESHOLDS } from "./thresholds.ts";

const T = DEFAULT_THRESHOLDS;
const well = { lastRoundTripMs: 0.4, lastReplyAgeMs: 300 };

function running(overrides: Partial<RunningPicture> = {}): RunningPicture {
  return { connection: "running", inBand: well, outOfBand: well, process: "unknown", runState: "running", ...overrides };
}

function silentFor(openAgeMs: number): RunningPicture["inBand"] {
  return { openAgeMs, lastRoundTripMs: 0.4, lastReplyAgeMs: openAgeMs + 900 };
}

function stall(overrides: Partial<IoStall> = {}): IoStall {
  return { device: "vda", nodes: ["nbd0"], stillAgeMs: 10_000, outstandingCount: 1, isShared: false, ...overrides };
}

function look(state: HealthState, atMonoMs: number, picture: Picture): HealthState {
  return reduceHealth(state, { type: "looked", atMonoMs, picture }, T);
}

describe("the table", () => {
  test.each<[string, Picture, object]>([
    ["a VM whose lanes both answer is healthy", running(), { kind: "healthy" }],
    ["a silence of a second is slow", running({ inBand: silentFor(1_000) }), { kind: "slow" }],
    [
      "a silence of five seconds with a living out-of-band lane is a hung main loop",
      running({ inBand: silentFor(5_000) }),
      { kind: "main-loop-hung", cord: "in-reach" },
    ],
    [
      "both lanes silent is silent, and nobody knows why",
      running({ inBand: silentFor(5_000), outOfBand: silentFor(2_000) }),
      { kind: "silent", reason: "unknown" },
    ],
    [
      "a stopped process is silent as soon as both lanes are overdue",
      running({ inBand: silentFor(1_100), outOfBand: silentFor(1_000), process: "stopped" }),
      { kind: "silent", reason: "stopped" },
    ],
    ["a stopped process is not believed while a lane answers", running({ inBand: silentFor(1_100), process: "stopped" }), { kind: "slow" }],
    [
      "without out-of-band a hang cannot be told from a frozen process",
      running({ inBand: silentFor(5_000), outOfBand: undefined }),
      { kind: "silent", reason: "no-oob" },
    ],
    ["a switchover whose bytes move is slow, not hung", running({ inBand: silentFor(8_000), isSwitchoverMoving: true }), { kind: "slow" }],
    [
      "a migration without a byte for ten seconds is stalled",
      running({ migration: { status: "active", stalledAgeMs: 10_000 } }),
      { kind: "migration-stalled", migrationStatus: "active" },
    ],
    [
      "a stalled migration comes before a stopped guest",
      running({ runState: "io-error", migration: { status: "active", stalledAgeMs: 10_000 } }),
      { kind: "migration-stalled", migrationStatus: "active" },
    ],
    [
      "a disk whose work does not complete for ten seconds is stalled, and is named by what can be yanked",
      running({ io: [stall({ nodes: ["nbd1"] }), stall({ nodes: ["nbd0"] }), stall({ nodes: ["nbd9"], stillAgeMs: 9_999 })] }),
      { kind: "io-stalled", nodes: ["nbd0", "nbd1"] },
    ],
    ["a flush of eight seconds is none", running({ io: [stall({ stillAgeMs: 8_000 })] }), { kind: "healthy" }],
    [
      "a stalled migration comes before a stalled disk",
      running({ io: [stall()], migration: { status: "active", stalledAgeMs: 10_000 } }),
      { kind: "migration-stalled", migrationStatus: "active" },
    ],
    [
      "a stalled disk comes before a stopped guest",
      running({ io: [stall()], runState: "io-error" }),
      { kind: "io-stalled", nodes: ["nbd0"] },
    ],
    ["a silent main loop comes before a stalled disk", running({ io: [stall()], inBand: silentFor(1_000) }), { kind: "slow" }],
    [
      "a guest that stopped by itself is told by its run state",
      running({ runState: "io-error" }),
      { kind: "guest-stopped", runState: "io-error" },
    ],
    ["a paused guest is healthy", running({ runState: "paused" }), { kind: "healthy" }],
    [
      "greeted and never negotiated: the cord is out of reach",
      { connection: "negotiating", openAgeMs: 5_000, offersOob: true, process: "unknown" },
      { kind: "main-loop-hung", cord: "out-of-reach" },
    ],
    ["another client on the monitor is busy, not silent", { connection: "busy" }, { kind: "monitor-busy" }],
    [
      "not greeted and stopped is silent with its reason",
      { connection: "ungreeted", openAgeMs: 2_000, process: "stopped" },
      { kind: "silent", reason: "stopped" },
    ],
    [
      "a connection that failed says why",
      { connection: "failed", reason: "process-gone" },
      { kind: "unreachable", reason: "process-gone" },
    ],
  ])("%s", (_name, picture, verdict) => {
    expect(judge(picture, T)).toEqual(verdict);
  });
});

describe("since", () => {
  test("counts a hang from the request that nobody answered", () => {
    let state = look(initialHealth(0), 1_000, running());
    state = look(state, 7_000, running({ inBand: silentFor(1_000) }));
    expect(state).toMatchObject({ verdict: { kind: "slow" }, sinceMonoMs: 6_000 });
    state = look(state, 11_000, running({ inBand: silentFor(5_000) }));
    expect(state).toMatchObject({ verdict: { kind: "main-loop-hung" }, sinceMonoMs: 6_000 });
    expect(look(state, 20_000, running({ inBand: silentFor(14_000) })).sinceMonoMs).toBe(6_000);
  });

  test("counts a stalled disk from when its work was last seen to move", () => {
    let state = look(initialHealth(0), 1_000, running());
    state = look(state, 30_000, running({ io: [stall({ stillAgeMs: 11_000 })] }));
    expect(state).toMatchObject({ verdict: { kind: "io-stalled" }, sinceMonoMs: 19_000 });
    expect(look(state, 32_000, running({ io: [stall({ stillAgeMs: 13_000 })] })).sinceMonoMs).toBe(19_000);
    expect(look(state, 33_000, running()).verdict).toEqual({ kind: "healthy" });
  });

  test("a reply that was late ends nothing and begins nothing: the probe after it does", () => {
    const late = running({ inBand: { lastRoundTripMs: 9_000, lastReplyAgeMs: 1 } });
    let state = look(initialHealth(0), 1_000, running());
    state = look(state, 10_000, running({ inBand: silentFor(8_000) }));
    state = look(state, 11_000, late);
    expect(state).toMatchObject({ verdict: { kind: "main-loop-hung" }, sinceMonoMs: 2_000 });
    expect(look(state, 11_002, running())).toMatchObject({ verdict: { kind: "healthy" }, sinceMonoMs: 11_002 });
    expect(look(state, 12_001, running({ inBand: silentFor(1_000) }))).toMatchObject({ verdict: { kind: "slow" } });
  });

  test("survives an interruption that the next reading confirms", () => {
    let state = look(initialHealth(0), 1_000, running());
    state = look(state, 9_000, running({ inBand: { lastRoundTripMs: 0.4, lastReplyAgeMs: 8_000 } }));
    expect(state.verdict).toEqual({ kind: "unknown", reason: "no-valid-reading" });
    state = look(state, 10_000, running());
    expect(state).toMatchObject({ verdict: { kind: "healthy" }, sinceMonoMs: 1_000 });
  });
});

describe("a stall of the bridge itself", () => {
  test("judges nothing until the sockets have been read", () => {
    let state = look(initialHealth(0), 1_000, running());
    state = reduceHealth(state, { type: "bridge-stalled", atMonoMs: 9_000 }, T);
    state = look(state, 9_000 + HOLD_AFTER_STALL_MS - 1, running({ inBand: silentFor(8_000) }));
    expect(state.verdict).toEqual({ kind: "healthy" });
    expect(look(state, 9_000 + HOLD_AFTER_STALL_MS, running()).held).toBeUndefined();
  });

  test("that never ends leaves nothing to be claimed", () => {
    let state = look(initialHealth(0), 0, running());
    for (let atMonoMs = 1_000; atMonoMs <= 6_000; atMonoMs += 200) {
      state = reduceHealth(state, { type: "bridge-stalled", atMonoMs }, T);
      state = look(state, atMonoMs + 1, running());
    }
    expect(state.verdict).toEqual({ kind: "unknown", reason: "bridge-stalled" });
  });
});

const age = fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }), { nil: undefined });
const lane = fc.record({ openAgeMs: age, lastRoundTripMs: age, lastReplyAgeMs: age });
const process = fc.constantFrom("stopped" as const, "uninterruptible" as const, "alive" as const, "unknown" as const);
const runningPicture = fc.record({
  connection: fc.constant("running" as const),
  inBand: lane,
  outOfBand: fc.option(lane, { nil: undefined }),
  process,
  runState: fc.option(fc.constantFrom("running", "paused", "io-error", "a-new-state"), { nil: undefined }),
  migration: fc.option(fc.record({ status: fc.constantFrom("active", "setup"), stalledAgeMs: age }), { nil: undefined }),
});
const anyPicture: fc.Arbitrary<Picture> = fc.oneof(
  runningPicture,
  fc.constant<Picture>({ connection: "not-asked" }),
  fc.constant<Picture>({ connection: "busy" }),
  fc.constant<Picture>({ connection: "failed", reason: "lost" }),
  fc.record({ connection: fc.constant("ungreeted" as const), openAgeMs: fc.nat(60_000), process }),
  fc.record({ connection: fc.constant("negotiating" as const), openAgeMs: fc.nat(60_000), offersOob: fc.boolean(), process }),
);

describe("whatever is read", () => {
  test("no VM is healthy while its in-band lane is overdue", () => {
    fc.assert(
      fc.property(runningPicture, (picture) => {
        if ((picture.inBand.openAgeMs ?? 0) >= T.slowAfterMs) expect(judge(picture, T)?.kind).not.toBe("healthy");
      }),
    );
  });

  test("a main loop is hung only by the word of a living out-of-band lane, or out of reach", () => {
    fc.assert(
      fc.property(anyPicture, (picture) => {
        const verdict = judge(picture, T);
        if (verdict?.kind !== "main-loop-hung" || verdict.cord === "out-of-reach") return;
        const outOfBand = picture.connection === "running" ? picture.outOfBand : undefined;
        expect(outOfBand?.lastRoundTripMs).toBeDefined();
        expect(outOfBand?.openAgeMs ?? 0).toBeLessThan(T.oobSilentAfterMs);
      }),
    );
  });

  test("a stall of the bridge changes no verdict", () => {
    fc.assert(
      fc.property(fc.array(anyPicture, { maxLength: 8 }), anyPicture, (former, picture) => {
        const state = former.reduce((current, each, index) => look(current, index * 700, each), initialHealth(0));
        const stalled = reduceHealth(state, { type: "bridge-stalled", atMonoMs: 90_000 }, T);
        expect(stalled.verdict).toEqual(state.verdict);
        expect(look(stalled, 90_100, picture).verdict).toEqual(state.verdict);
      }),
    );
  });

  test("the first line of the table that matches wins", () => {
    fc.assert(
      fc.property(runningPicture, (picture) => {
        const kind = judge(picture, T)?.kind;
        const openAgeMs = picture.inBand.openAgeMs ?? 0;
        if (openAgeMs >= T.hungAfterMs) expect(kind).toMatch(/^(silent|main-loop-hung)$/);
        else if (openAgeMs >= T.slowAfterMs) expect(kind).toMatch(/^(silent|slow)$/);
        else expect(kind ?? "none").toMatch(/^(none|slow|migration-stalled|guest-stopped|healthy)$/);
      }),
    );
  });

  test("a verdict never began after it was given, and every picture has evidence", () => {
    fc.assert(
      fc.property(fc.array(anyPicture, { minLength: 1, maxLength: 8 }), (pictures) => {
        let state = initialHealth(100_000);
        for (const [index, picture] of pictures.entries()) {
          const atMonoMs = 100_000 + index * 700;
          state = look(state, atMonoMs, picture);
          expect(state.sinceMonoMs).toBeLessThanOrEqual(atMonoMs);
          expect(describeEvidence(picture, T).length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

test("the evidence names the lane, the age and the command", () => {
  const texts = describeEvidence(running({ inBand: silentFor(7_200), inBandCommand: "query-status" }), T).map((line) => line.text);
  expect(texts).toEqual(["in-band silent for 7.2 s: query-status unanswered", "out-of-band answers in 0.4 ms", "run state was running"]);
});

test("the run state is told as of now only while in-band answers, and a later STOP or RESUME is told as an event", () => {
  const runStateTexts = (overrides: Partial<RunningPicture>) =>
    describeEvidence(running(overrides), T)
      .filter(({ code }) => ["run-state", "stop-seen", "resume-seen"].includes(code))
      .map(({ text }) => text);
  expect(runStateTexts({ runStateAgeMs: 900 })).toEqual(["run state running"]);
  expect(runStateTexts({ runStateAgeMs: 1_500, inBand: silentFor(1_100) })).toEqual(["run state was running 1.5 s ago"]);
  expect(runStateTexts({ runStateAgeMs: 5_000 })).toEqual(["run state was running 5.0 s ago"]);
  expect(runStateTexts({ runStateAgeMs: 13_000, inBand: silentFor(12_400), cpuEvent: { name: "STOP", ageMs: 12_300 } })).toEqual([
    "run state was running 13.0 s ago",
    "STOP seen 12.3 s ago: the guest's CPUs are stopped",
  ]);
  expect(
    runStateTexts({ runState: "paused", runStateAgeMs: 9_000, inBand: silentFor(8_000), cpuEvent: { name: "RESUME", ageMs: 50 } }),
  ).toEqual(["run state was paused 9.0 s ago", "RESUME seen 0.1 s ago: QEMU was resuming the guest's CPUs"]);
});
