import { QueryClient } from "@tanstack/react-query";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { FleetSnapshot, VmDetail, VmEvent } from "#lib/api/vm";
import type { FleetDelta } from "#lib/realtime/events";
import { keys } from "../queries/keys.ts";
import { actRecord, bridge, snapshotOf, vmSummary } from "../testing/fixtures.ts";
import { applyServerEvent, mergeEvents, mergeFetchedActs, mergeFetchedEvents } from "./apply-server-event.ts";
import type { Applied } from "./apply-server-event.ts";

let client: QueryClient;
beforeEach(() => {
  client = new QueryClient();
});

function fleet(): FleetSnapshot {
  return client.getQueryData<FleetSnapshot>(keys.fleet)!;
}

function apply(delta: FleetDelta): Applied {
  return applyServerEvent(client, { name: "fleet:changed", payload: delta });
}

describe("fleet:changed", () => {
  beforeEach(() =>
    client.setQueryData(keys.fleet, snapshotOf([vmSummary({ vmId: "vm0001" }), vmSummary({ vmId: "vm0002" })], { revision: 5 })),
  );

  test("merges the next revision and leaves the VMs that did not change as they are", () => {
    const [, untouched] = fleet().vms;
    const hung = vmSummary({
      vmId: "vm0001",
      changedAtRevision: 6,
      health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 1, readingAtMs: 1 },
    });
    expect(apply({ epoch: "e", fromRevision: 5, toRevision: 6, changed: [hung], removed: [] })).toBe("merged");
    expect(fleet().vms).toEqual([hung, untouched]);
    expect(fleet().vms[1]).toBe(untouched);
    expect(fleet().revision).toBe(6);
  });

  test("adds a VM that is new and drops one that is gone", () => {
    apply({
      epoch: "e",
      fromRevision: 5,
      toRevision: 7,
      changed: [vmSummary({ vmId: "vm0003", changedAtRevision: 7 })],
      removed: ["vm0001"],
    });
    expect(fleet().vms.map((vm) => vm.vmId)).toEqual(["vm0002", "vm0003"]);
  });

  test("ignores a revision that it already has", () => {
    expect(apply({ epoch: "e", fromRevision: 3, toRevision: 5, changed: [], removed: ["vm0001"] })).toBe("ignored");
    expect(fleet().vms).toHaveLength(2);
  });

  test("asks again over a gap and changes nothing", () => {
    expect(apply({ epoch: "e", fromRevision: 6, toRevision: 7, changed: [], removed: ["vm0001"] })).toBe("ask-again");
    expect(fleet().vms).toHaveLength(2);
  });

  test("asks again when another hub speaks", () => {
    expect(apply({ epoch: "other", fromRevision: 5, toRevision: 6, changed: [], removed: [] })).toBe("ask-again");
  });

  test("waits for the snapshot where there is none yet", () => {
    client.removeQueries({ queryKey: keys.fleet });
    expect(apply({ epoch: "e", fromRevision: 5, toRevision: 6, changed: [], removed: [] })).toBe("ignored");
  });

  test("has the page of a VM that left ask what became of it", () => {
    client.setQueryData(keys.vm("vm0001"), { vmId: "vm0001" });
    apply({ epoch: "e", fromRevision: 5, toRevision: 6, changed: [], removed: ["vm0001"] });
    expect(client.getQueryState(keys.vm("vm0001"))?.isInvalidated).toBe(true);
  });
});

test("whatever is lost, doubled or reordered on the way, the screen converges or asks again", () => {
  const steps = fc.array(fc.record({ vmId: fc.constantFrom("vm0001", "vm0002", "vm0003", "vm0004"), isRemoval: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(steps, fc.infiniteStream(fc.nat()), (history, random) => {
      const start = snapshotOf([vmSummary({ vmId: "vm0001" })], { revision: 0 });
      const truth = [start];
      const deltas: FleetDelta[] = [];
      for (const { vmId, isRemoval } of history) {
        const before = truth.at(-1)!;
        const revision = before.revision + 1;
        const others = before.vms.filter((vm) => vm.vmId !== vmId);
        const changed = isRemoval ? [] : [vmSummary({ vmId, name: `r${revision}`, changedAtRevision: revision })];
        truth.push({ ...before, revision, vms: [...others, ...changed] });
        deltas.push({ epoch: "e", fromRevision: before.revision, toRevision: revision, changed, removed: isRemoval ? [vmId] : [] });
      }
      // The network: each message any number of times from 0 to 2, in any order.
      const arriving = deltas
        .flatMap((delta) => Array.from({ length: random.next().value % 3 }, () => delta))
        .map((delta) => ({ delta, at: random.next().value }))
        .toSorted((left, right) => left.at - right.at)
        .map(({ delta }) => delta);
      client.setQueryData(keys.fleet, start);
      let hasAsked = false;
      for (const delta of arriving) {
        if (apply(delta) === "ask-again") hasAsked = true;
        // At every moment what is shown is one true state, never a mixture.
        expect(byId(fleet())).toEqual(byId(truth[fleet().revision]!));
      }
      // The next ticks find out about what was lost without a trace.
      const newest = truth.at(-1)!.revision;
      for (let tick = 0; tick < 2; tick += 1) {
        const answer = applyServerEvent(client, {
          name: "clock:ticked",
          payload: { epoch: "e", revision: newest, serverTimeMs: 0, bridges: [] },
        });
        if (answer === "ask-again") hasAsked = true;
      }
      expect(hasAsked || fleet().revision === newest).toBe(true);
      client.clear();
    }),
  );
});

function byId(snapshot: FleetSnapshot) {
  return Object.fromEntries(snapshot.vms.map((vm) => [vm.vmId, vm]));
}

describe("clock:ticked", () => {
  const tick = (revision: number, epoch = "e") =>
    applyServerEvent(client, { name: "clock:ticked", payload: { epoch, revision, serverTimeMs: 0, bridges: [bridge({})] } });

  test("lets a batched delta arrive before it asks again", () => {
    client.setQueryData(keys.fleet, snapshotOf([], { revision: 5 }));
    expect(tick(6)).toBe("merged");
    expect(tick(6)).toBe("ask-again");
  });

  test("asks again when the hub has been started anew", () => {
    client.setQueryData(keys.fleet, snapshotOf([], { revision: 5 }));
    expect(tick(1, "other")).toBe("ask-again");
  });
});

describe("vm:changed", () => {
  const message = (changedAtRevision: number, epoch = "e") => ({
    epoch,
    revision: 9,
    vm: { vmId: "vm0001", changedAtRevision } as VmDetail,
  });

  test("never goes back to an older state of the same hub", () => {
    client.setQueryData(keys.tick, { epoch: "e" });
    expect(applyServerEvent(client, { name: "vm:changed", payload: message(8) })).toBe("merged");
    expect(applyServerEvent(client, { name: "vm:changed", payload: message(7) })).toBe("ignored");
    expect(client.getQueryData<VmDetail>(keys.vm("vm0001"))?.changedAtRevision).toBe(8);
  });

  test("takes the smaller numbers of another hub", () => {
    client.setQueryData(keys.tick, { epoch: "e" });
    applyServerEvent(client, { name: "vm:changed", payload: message(8) });
    // Its first tick comes before anything that it says of VMs.
    client.setQueryData(keys.tick, { epoch: "other" });
    expect(applyServerEvent(client, { name: "vm:changed", payload: message(1, "other") })).toBe("merged");
    expect(applyServerEvent(client, { name: "vm:changed", payload: message(2, "other") })).toBe("merged");
    expect(client.getQueryData<VmDetail>(keys.vm("vm0001"))?.changedAtRevision).toBe(2);
  });
});

const event = (eventId: number, count: number): VmEvent => ({
  eventId,
  vmId: "vm0001",
  atMs: eventId,
  kind: "qmp-event",
  title: "STOP",
  count,
});

test("who fell behind asks again for everything of the VMs that are open, acts and events too", () => {
  const open = [keys.vm("vm0001"), keys.vmEvents("vm0001"), keys.vmActs("vm0001"), keys.act("act1")];
  for (const key of open) client.setQueryData<unknown>(key, []);
  client.setQueryData(keys.audit, []);
  expect(applyServerEvent(client, { name: "fleet:outdated", payload: { epoch: "e", revision: 1 } })).toBe("ask-again");
  expect(open.map((key) => client.getQueryState(key)?.isInvalidated)).toEqual(open.map(() => true));
  expect(client.getQueryState(keys.audit)?.isInvalidated).toBe(false);
});

test("a fetch takes nothing back that arrived while it was on its way, and leaves no gap", () => {
  expect(mergeFetchedEvents([event(9, 1), event(7, 5), event(2, 1)], [event(8, 1), event(7, 3), event(6, 1)])).toEqual([
    event(9, 1),
    event(8, 1),
    event(7, 5),
    event(6, 1),
  ]);
  const act = (actId: string, createdAtMs: number, isFinal: boolean) => ({ ...actRecord({ isFinal }), actId, createdAtMs });
  const known = [act("new", 3, false), act("old", 1, true)];
  expect(mergeFetchedActs(known, [act("other", 2, true), act("old", 1, false)])).toEqual([known[0], act("other", 2, true), known[1]]);
  expect(mergeFetchedActs(undefined, known)).toEqual(known);
});

test("an event that arrives twice is listed once, with its later count", () => {
  expect(mergeEvents([event(2, 1), event(1, 1)], [event(2, 40), event(3, 1)])).toEqual([event(3, 1), event(2, 40), event(1, 1)]);
});

test("a verdict that is final is not taken back by an answer that was on its way", () => {
  const final = actRecord({ state: "accepted", verdict: "recovered", isFinal: true });
  applyServerEvent(client, { name: "act:changed", payload: final });
  applyServerEvent(client, { name: "act:changed", payload: actRecord({ state: "sent", verdict: "pending", isFinal: false }) });
  expect(client.getQueryData(keys.act(final.actId))).toEqual(final);
});
