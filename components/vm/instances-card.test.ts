import { expect, test } from "vitest";
import type { InstanceView } from "#lib/api/vm";
import { cordsFirst } from "./instances-card.tsx";

function report(name: string, yankable: InstanceView["yankable"]): InstanceView {
  return {
    instance: { type: "block-node", "node-name": name },
    serves: { kind: "guest-disk" },
    connection: "unknown",
    isMonitor: false,
    yankable,
    clues: [],
    suspicion: { score: "cannot-tell", reasons: ["nothing was measured"] },
  };
}

test("what can be yanked stands before what cannot, each in the order of the hub", () => {
  const locked = { code: "is-monitor", text: "Ripcord's own line to this VM" } as const;
  const reports = [report("a", locked), report("b", true), report("c", locked), report("d", true)];
  expect(cordsFirst(reports).map(({ instance }) => instance)).toMatchObject(["b", "d", "a", "c"].map((name) => ({ "node-name": name })));
});
