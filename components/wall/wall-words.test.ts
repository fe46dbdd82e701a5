import { expect, test } from "vitest";
import type { WallItem } from "./wall-model.ts";
import { isToneDue } from "./use-tone.ts";
import { bannerText } from "./wall-banner.tsx";
import { clockOf, lightOf, shiftOf } from "./wall-clock.ts";

const live = { kind: "live", heardHosts: 2, hosts: 2 } as const;
const tile = (host: string, isBehind: boolean) => ({
  bridgeId: host,
  host,
  vmCount: 1,
  healthyCount: 1,
  isBehind,
  ...(isBehind ? { behindSinceAtMs: 90_000 } : {}),
  counts: [],
});
const item = (part: Partial<WallItem>): WallItem => ({
  id: "i1",
  kind: "main-loop-hung",
  headline: "",
  cause: "",
  hosts: [],
  sinceAtMs: 0,
  isIncident: true,
  troubledCount: 1,
  ...part,
});

test("the banner says what is not heard and for how long, and nothing while all are", () => {
  expect(bannerText(live, [tile("a", false)], 100_000)).toBeUndefined();
  expect(bannerText({ kind: "hub-silent", sinceAtMs: 88_000 }, [], 100_000)).toBe(
    "The hub is not heard for 12 s: everything here was so before",
  );
  expect(bannerText(live, [tile("a", false), tile("b", true)], 100_000)).toBe("b is not heard for 10 s: its VMs were so before");
  expect(bannerText(live, [tile("a", true), tile("b", true)], 100_000)).toBe("a, b are not heard: their VMs were so before");
});

test("a tone is due for a new incident that nobody is on, and for nothing else", () => {
  const fresh = new Map([["i1", 1_000]]);
  expect(isToneDue([item({})], fresh, 2_000)).toBe(true);
  expect(isToneDue([item({ who: "Ada" })], fresh, 2_000)).toBe(false);
  expect(isToneDue([item({ isIncident: false })], fresh, 2_000)).toBe(false);
  expect(isToneDue([item({})], new Map([["i1", -Infinity]]), 2_000)).toBe(false);
  expect(isToneDue([item({})], fresh, 1_000 + 11 * 60_000)).toBe(false);
});

test("the picture moves every minute and stays within its margin", () => {
  const places = Array.from({ length: 24 }, (_, minute) => shiftOf(minute * 60_000));
  places.slice(1).forEach((place, index) => expect(place).not.toEqual(places[index]));
  for (const { xPx, yPx } of places) expect(Math.max(Math.abs(xPx), Math.abs(yPx))).toBeLessThanOrEqual(8);
});

test("the light is capped by day and lower at night", () => {
  const night = { fromHour: 22, toHour: 6 };
  expect(lightOf({ night, capPercent: 100 }, 12)).toBeUndefined();
  expect(lightOf({ night, capPercent: 70 }, 12)).toBe("brightness(0.7)");
  expect(lightOf({ night, capPercent: 70 }, 23)).toBe("brightness(0.35)");
});

test("the clock names its zone", () => {
  expect(clockOf(Date.UTC(2026, 10, 25, 2, 17, 19), "utc")).toEqual({ time: "02:17:19", zoneName: "UTC" });
});
