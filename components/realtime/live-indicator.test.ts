import { expect, test } from "vitest";
import { linkWords } from "./live-indicator.tsx";

test("the short form keeps the age, which is what it is for", () => {
  const live = { kind: "live", newestReadingAgeMs: 1_340, heardHosts: 3, hosts: 3 } as const;
  expect(linkWords(live, 0)).toEqual({ long: "live · newest reading 1.3 s ago · 3 of 3 hosts", short: "live · 1.3 s" });
  expect(linkWords({ kind: "hub-silent", sinceAtMs: 1_000 }, 75_000)).toEqual({
    long: "stale · hub heard 1 min 14 s ago",
    short: "stale · 1 min 14 s",
  });
});

test("words that are short already have one form", () => {
  expect(linkWords({ kind: "live", heardHosts: 1, hosts: 1 }, 0)).toEqual({ long: "live · 1 of 1 host" });
  expect(linkWords({ kind: "starting" }, 0)).toEqual({ long: "connecting" });
});
