import fc from "fast-check";
import { expect, test } from "vitest";
import { ChangeLog, TOMBSTONE_MS } from "./change-log.ts";

test("says of each VM once that it changed, also where it changed a thousand times", () => {
  const log = new ChangeLog();
  for (let revision = 1; revision <= 10_000; revision += 1) log.changed(`vm${revision % 10}`, revision);
  expect(log.since(9_995, 0)!.changed).toEqual(["vm6", "vm7", "vm8", "vm9", "vm0"]);
  expect(log.since(0, 0)!.changed).toHaveLength(10);
  expect(log.since(10_000, 0)!.changed).toEqual([]);
});

test("forgets removals after ten minutes, and then owns up to it", () => {
  const log = new ChangeLog();
  log.changed("a", 1);
  log.removed("a", 2, 1_000);
  expect(log.since(1, 2_000)).toEqual({ changed: [], removed: ["a"] });
  expect(log.since(1, 1_000 + TOMBSTONE_MS)).toBeUndefined();
  expect(log.since(2, 1_000 + TOMBSTONE_MS)).toEqual({ changed: [], removed: [] });
});

test("whoever applies what it says ends with what there is, from wherever they begin", () => {
  const step = fc.record({ vmId: fc.constantFrom("a", "b", "c", "d"), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, from) => {
      const log = new ChangeLog();
      const there = new Map<string, number>();
      let seen = new Map<string, number>();
      steps.forEach(({ vmId, isRemoval }, index) => {
        const revision = index + 1;
        if (!isRemoval) {
          there.set(vmId, revision);
          log.changed(vmId, revision);
        } else if (there.delete(vmId)) log.removed(vmId, revision, 0);
        if (revision === from) seen = new Map(there);
      });
      const start = from <= steps.length ? from : 0;
      if (start === 0) seen = new Map();
      const { changed, removed } = log.since(start, 1)!;
      for (const vmId of removed) seen.delete(vmId);
      for (const vmId of changed) seen.set(vmId, there.get(vmId)!);
      expect(new Map([...seen].toSorted())).toEqual(new Map([...there].toSorted()));
    }),
  );
});
