import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isHostShown, isNight, readWallOptions } from "./wall-options.ts";

const read = (query: string) => readWallOptions(new URLSearchParams(query));

test("an empty URL shows every host, silent, by day and night alike", () => {
  expect(read("")).toEqual({
    hosts: [],
    title: "Fleet",
    hasSound: false,
    night: undefined,
    capPercent: 100,
    zone: "utc",
    theme: "dark",
    mistakes: [],
  });
});

test("every option is read from the URL", () => {
  expect(read("hosts=kvm-*,db-01&title=Fleet+A&sound=on&night=22-6&cap=70&zone=local&theme=light")).toEqual({
    hosts: ["kvm-*", "db-01"],
    title: "Fleet A",
    hasSound: true,
    night: { fromHour: 22, toHour: 6 },
    capPercent: 70,
    zone: "local",
    theme: "light",
    mistakes: [],
  });
});

test("what cannot be read keeps its default and is told on the wall", () => {
  const { mistakes, ...options } = read("night=late&cap=5&sound=loud&colour=red");
  expect(options).toMatchObject({ night: undefined, capPercent: 100, hasSound: false });
  expect(mistakes).toEqual([
    "there is no option “colour”",
    "sound is off or on",
    "night is two hours of the day, as in 22-6",
    "cap is a percentage from 20 to 100",
  ]);
});

test("whatever stands in a URL, some wall is shown", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("hosts", "title", "sound", "night", "cap", "zone", "theme", "x"), fc.string()), (query) => {
      const options = readWallOptions(new URLSearchParams(query));
      expect(options.capPercent).toBeGreaterThanOrEqual(20);
      expect(options.title).not.toBe("");
      isHostShown(options.hosts, "kvm-01");
    }),
  );
});

describe("the night", () => {
  test("goes over midnight", () => {
    const night = { fromHour: 22, toHour: 6 };
    expect([21, 22, 23, 0, 5, 6].map((hour) => isNight(night, hour))).toEqual([false, true, true, true, true, false]);
  });
  test("may lie within a day", () => {
    expect([0, 1, 4, 5].map((hour) => isNight({ fromHour: 1, toHour: 5 }, hour))).toEqual([false, true, true, false]);
  });
});

test.each([
  ["kvm-*", "kvm-01", true],
  ["kvm-*", "db-01", false],
  ["*-01", "kvm-01", true],
  ["kvm-*1", "kvm-1", true],
  ["a*a", "a", false],
  ["*", "anything", true],
  ["k*m*1", "kvm-01", true],
  ["KVM-01", "kvm-01", true],
])("the glob %s and the host %s: %s", (glob, host, isShown) => {
  expect(isHostShown([glob], host)).toBe(isShown);
});
