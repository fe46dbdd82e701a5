import fc from "fast-check";
import { expect, test } from "vitest";
import { QmpInterruptedError } from "./errors.ts";
import { reduceSession, type QmpState, type SessionStep } from "./session-state.ts";

const reason = { kind: "lost", error: new QmpInterruptedError("lost", "gone") } as const;
const LEGAL: Record<string, string[]> = {
  idle: ["dialled", "ending"],
  dialling: ["opened", "ending"],
  "awaiting-greeting": ["greeted", "ending"],
  negotiating: ["negotiated", "ending"],
  running: ["ending"],
  disconnecting: ["ended"],
  closed: [],
};

function nameOf(state: QmpState): string {
  return state.kind === "connecting" ? state.phase : state.kind;
}

function attempt(state: QmpState, step: SessionStep): QmpState | undefined {
  try {
    return reduceSession(state, step, 0);
  } catch {
    return undefined;
  }
}

test("goes from idle over each phase to running and closed, each state with its own start", () => {
  const steps: SessionStep[] = [
    { kind: "dialled" },
    { kind: "opened" },
    { kind: "greeted" },
    { kind: "negotiated" },
    { kind: "ending", reason },
    { kind: "ended" },
  ];
  let state: QmpState = { kind: "idle" };
  const seen = steps.map((step, index) => {
    state = reduceSession(state, step, index);
    return state;
  });
  expect(seen).toEqual([
    { kind: "connecting", phase: "dialling", sinceMonoMs: 0 },
    { kind: "connecting", phase: "awaiting-greeting", sinceMonoMs: 1 },
    { kind: "connecting", phase: "negotiating", sinceMonoMs: 2 },
    { kind: "running", sinceMonoMs: 3 },
    { kind: "disconnecting", reason },
    { kind: "closed", reason },
  ]);
});

test("takes the legal steps and no other, in any order", () => {
  const step = fc.constantFrom<SessionStep>(
    { kind: "dialled" },
    { kind: "opened" },
    { kind: "greeted" },
    { kind: "negotiated" },
    { kind: "ending", reason },
    { kind: "ended" },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      let state: QmpState = { kind: "idle" };
      for (const one of steps) {
        const isLegal = LEGAL[nameOf(state)]?.includes(one.kind) ?? false;
        const next = attempt(state, one);
        expect(next !== undefined).toBe(isLegal);
        state = next ?? state;
      }
    }),
  );
});
