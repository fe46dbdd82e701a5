import { describe, expect, test } from "vitest";
import { verdictMeaning } from "./verdict-words.ts";

const stalled = (migrationStatus: "active" | "setup" | "postcopy-active" | "postcopy-paused") =>
  verdictMeaning({ kind: "migration-stalled", migrationStatus });

describe("the sentence under a verdict", () => {
  test("names a cancel only where a cancel loses no guest", () => {
    expect(stalled("active")).toContain("cancel first, then yank");
    expect(stalled("setup")).toContain("a yank does not reach it");
    expect(stalled("postcopy-active")).toContain("pause it and recover it, never cancel it");
    expect(stalled("postcopy-paused")).toContain("the source never restarted");
  });

  test("promises no yank where there is nothing to cut", () => {
    const hung = { kind: "main-loop-hung", cord: "in-reach" } as const;
    expect(verdictMeaning(hung, { yankableCount: 1 })).toContain("a yank can be sent");
    expect(verdictMeaning(hung, { yankableCount: 0 })).toContain("nothing here that a yank could cut");
  });
});
