import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HEALTH_KINDS, healthClass } from "../health/verdict.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { instanceKey } from "../vm/instance.ts";
import type { ConnectionState, InstanceReport } from "../vm/instance.ts";
import { bindPlan, checkBindings, isVoidReason } from "./bindings.ts";
import type { BindableVm } from "./bindings.ts";

const CONNECTIONS = ["connected", "connecting", "reconnecting", "listening", "disconnected", "unknown"] as const;
/** Where the plan's effect reads "Nothing happens", spelt out by hand. */
const CUTS_NOTHING: Record<KnownYankInstance["type"], readonly ConnectionState[]> = {
  "block-node": ["connecting", "reconnecting", "listening", "disconnected"],
  chardev: ["reconnecting", "listening", "disconnected"],
  migration: [],
};
const cutsNothing = ({ instance: { type }, connection }: InstanceReport) =>
  CUTS_NOTHING[type as KnownYankInstance["type"]].includes(connection);

const instance: fc.Arbitrary<KnownYankInstance> = fc.oneof(
  fc.record({ type: fc.constant("block-node" as const), "node-name": fc.constantFrom("a", "b", "c") }),
  fc.record({ type: fc.constant("chardev" as const), id: fc.constantFrom("a", "b", "c") }),
  fc.constant({ type: "migration" as const }),
);
const report: fc.Arbitrary<InstanceReport> = fc.record({
  instance,
  serves: fc.record({
    kind: fc.constantFrom("guest-disk" as const, "serial-console" as const, "unknown" as const),
    owner: fc.constantFrom("vda", "vdb"),
  }),
  farSide: fc.option(fc.record({ key: fc.constantFrom("k1", "k2"), text: fc.constant("far") }), { nil: undefined }),
  connection: fc.constantFrom<ConnectionState>(...CONNECTIONS),
  isMonitor: fc.constantFrom(false, true, "possible" as const),
  yankable: fc.constant(true as const),
});
const vm: fc.Arbitrary<BindableVm> = fc.record({
  incarnationId: fc.constantFrom("i1", "i2"),
  healthKind: fc.constantFrom(...HEALTH_KINDS),
  instances: fc.uniqueArray(report, { selector: (entry) => instanceKey(entry.instance), maxLength: 4 }),
  migration: fc.option(
    fc.record({
      direction: fc.constantFrom("outgoing" as const, "incoming" as const),
      startId: fc.constantFrom("m1", "m2"),
      status: fc.constantFrom("active", "setup"),
    }),
    { nil: undefined },
  ),
});

function bound(of: BindableVm) {
  const named = of.instances.map((entry) => entry.instance as KnownYankInstance);
  const bindings = bindPlan(of, named, true);
  if (isVoidReason(bindings)) throw new Error(bindings.text);
  return bindings;
}

describe("bindings", () => {
  test("hold for the VM that they were made of until something is connected that the plan says is not", () => {
    fc.assert(
      fc.property(vm, fc.constantFrom<ConnectionState>(...CONNECTIONS), (of, connection) => {
        const later = { ...of, instances: of.instances.map((entry) => ({ ...entry, connection })).toReversed() };
        const appeared = of.instances.filter((entry) => cutsNothing(entry) && !cutsNothing({ ...entry, connection }));
        const reason = checkBindings(bound(of), later);
        const [first] = appeared;
        if (!first) expect(reason).toBeUndefined();
        else expect(reason).toMatchObject({ code: "topology-changed", text: expect.stringContaining(instanceKey(first.instance)) });
      }),
    );
  });

  test("hold exactly as long as process, class of health, what was named and the migration stay the same", () => {
    fc.assert(
      fc.property(vm, vm, (then, now) => {
        const same = (key: (of: BindableVm) => unknown) => JSON.stringify(key(then)) === JSON.stringify(key(now));
        const topology = (of: BindableVm) =>
          then.instances.map(({ instance: named }) => {
            const found = of.instances.find((entry) => instanceKey(entry.instance) === instanceKey(named));
            return found && [found.serves.kind, found.serves.owner, found.farSide?.key, found.isMonitor];
          });
        const isSame =
          same((of) => of.incarnationId) &&
          same((of) => healthClass(of.healthKind)) &&
          same(topology) &&
          then.instances.filter(cutsNothing).every(({ instance: named }) => {
            const found = now.instances.find((entry) => instanceKey(entry.instance) === instanceKey(named));
            return found && cutsNothing(found);
          }) &&
          (then.migration === undefined || same((of) => of.migration));
        expect(checkBindings(bound(then), now) === undefined).toBe(isSame);
      }),
    );
  });

  test("survive the way through JSON, as plans do in the store", () => {
    fc.assert(
      fc.property(vm, (of) => {
        expect(checkBindings(JSON.parse(JSON.stringify(bound(of))) as ReturnType<typeof bound>, of)).toBeUndefined();
      }),
    );
  });

  test("healthy and slow count as one", () => {
    const of: BindableVm = { incarnationId: "i", healthKind: "healthy", instances: [] };
    expect(checkBindings(bound(of), { ...of, healthKind: "slow" })).toBeUndefined();
    expect(checkBindings(bound(of), { ...of, healthKind: "main-loop-hung" })?.code).toBe("health-changed");
  });

  test("an instance that is not listed cannot be bound", () => {
    const of: BindableVm = { incarnationId: "i", healthKind: "healthy", instances: [] };
    expect(bindPlan(of, [{ type: "migration" }], true)).toMatchObject({ code: "instance-gone" });
  });
});
