import { describe, expect, test } from "vitest";
import type { Suspicion } from "#lib/diagnosis/suspicion";
import { incidentSummary, instanceView, vmDetail, vmSummary } from "../testing/fixtures.ts";
import { onlyThisOne, whatHoldsIt, whatItCosts } from "./answers.ts";

const farSide = { key: "nbd:10.0.4.15:10809", text: "NBD server 10.0.4.15:10809" };
const suspect = {
  key: "block-node:nbd0",
  name: "nbd0",
  score: "almost-certainly",
  reason: "12 kB sent",
  serves: "guest disk vda",
  farSide,
} as const;
const health = { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 0, readingAtMs: 0 } as const;
const nbd0 = instanceView({ connection: "connected", serves: { kind: "guest-disk", owner: "vda", werror: "report" }, farSide });
const console0 = instanceView({
  instance: { type: "chardev", id: "console0" },
  connection: "connected",
  serves: { kind: "debug-console" },
  isServer: true,
});
const suspected = vmDetail({ health, suspect, instances: [console0, nbd0] });

describe("what holds it", () => {
  test("is the first suspect, with how much speaks for it and its weightiest reason", () => {
    expect(whatHoldsIt(suspected)).toEqual({
      strong: "nbd0, almost certainly",
      text: "guest disk vda on NBD server 10.0.4.15:10809",
      reason: "12 kB sent",
    });
  });

  test("is not guessed where nothing points anywhere", () => {
    expect(whatHoldsIt(vmDetail({ health, instances: [nbd0, console0] })).strong).toBe("Nothing points anywhere");
  });

  test("names those that are as likely as each other", () => {
    const likely: Suspicion = { score: "likely", reasons: ["frozen"] };
    const vm = vmDetail({
      health,
      instances: [
        { ...nbd0, suspicion: likely },
        { ...console0, suspicion: likely },
      ],
    });
    expect(whatHoldsIt(vm).strong).toBe("One of nbd0, console0");
  });

  test("is no connection where the process itself is stopped; what helps is said instead", () => {
    const helps = [{ code: "continue-process", text: "continue pid 4711: the process is stopped" } as const];
    const vm = vmDetail({ health: { ...health, kind: "silent", reason: "stopped" }, helps });
    expect(whatHoldsIt(vm)).toEqual({ strong: "Not a connection: nothing to yank", text: helps[0]?.text });
  });
});

test("what it costs is the cost of the suspect alone, not of every cord", () => {
  expect(whatItCosts(suspected)).toEqual({
    strong: "The disk answers errors until its node is replaced",
    text: "the guest sees errors (werror=report)",
  });
});

test("cutting what is not connected costs nothing, because a yank does not reach it", () => {
  const vm = vmDetail({ health, suspect, instances: [{ ...nbd0, connection: "reconnecting" }] });
  expect(whatItCosts(vm).strong).toBe("Nothing: a yank would not reach it");
});

describe("whether it is only this one", () => {
  const onSameServer = vmSummary({ vmId: "vm0002", health, suspect });

  test("counts those in trouble on the same far side", () => {
    expect(onlyThisOne(suspected, [onSameServer])).toMatchObject({ strong: "No, 2 VMs", text: `on ${farSide.text}` });
  });

  test("does not count a healthy VM, or one in trouble elsewhere", () => {
    const elsewhere = vmSummary({ vmId: "vm0003", health, suspect: { ...suspect, farSide: { key: "other", text: "other" } } });
    expect(onlyThisOne(suspected, [vmSummary({ vmId: "vm0002" }), elsewhere]).strong).toBe("Yes, on this far side");
  });

  test("leads to the incident, and counts as it does", () => {
    const incident = incidentSummary({ incidentId: "inc-9", number: 241, troubledCount: 17 });
    expect(onlyThisOne({ ...suspected, incidentId: "inc-9" }, undefined, incident)).toMatchObject({
      strong: "No, 17 VMs",
      link: { href: "/incidents/inc-9", text: "incident 241" },
    });
  });
});
