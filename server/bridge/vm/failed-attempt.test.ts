import { describe, expect, it } from "vitest";
import { judgeFailedAttempt } from "./failed-attempt.ts";

const seen = { isGone: false, isListed: true, isLost: false };

describe("judging a connection that was never greeted", () => {
  it("takes a refusal for the end of the process only where a session was lost before", () => {
    expect(judgeFailedAttempt("refused", seen)).toEqual({ kind: "failed", reason: "refused" });
    expect(judgeFailedAttempt("refused", { ...seen, isLost: true })).toEqual({ kind: "failed", reason: "process-gone" });
  });

  it("says nothing new of an address that was never a VM, or whose process is known to be gone", () => {
    for (const before of [
      { ...seen, isListed: false },
      { ...seen, isGone: true },
    ]) {
      expect(judgeFailedAttempt("refused", before)).toEqual({ kind: "quiet" });
      expect(judgeFailedAttempt("no-such-socket", before)).toEqual({ kind: "quiet" });
    }
  });

  it("ends a listed VM whose socket was removed", () => {
    expect(judgeFailedAttempt("no-such-socket", seen)).toEqual({ kind: "socket-removed" });
  });

  it("holds a full queue against nobody before it was looked into", () => {
    expect(judgeFailedAttempt("backlog-full", seen)).toEqual({ kind: "backlog-full" });
  });
});
