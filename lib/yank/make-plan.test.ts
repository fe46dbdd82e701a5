import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, migrationInstance, monitorChardev, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { Verdict } from "../health/verdict.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import { checkBindings } from "./bindings.ts";
import { makePlan } from "./make-plan.ts";
import type { PlanResult } from "./make-plan.ts";
import { PLAN_LIFETIME_MS } from "./plan.ts";
import type { Action, Plan } from "./plan.ts";
import { bindableOf } from "./plannable-vm.ts";
import type { PlannableVm } from "./plannable-vm.ts";

const NBD: KnownYankInstance = { type: "block-node", "node-name": "nbd0" };
const SERIAL: KnownYankInstance = { type: "chardev", id: "ser0" };
const MIGRATION: KnownYankInstance = { type: "migration" };

function plannable(report: VmReport, isLost = false): PlannableVm {
  return { report, bridgeId: "b1", host: "kvm-03", isLost };
}

function planFor(vm: PlannableVm | undefined, instances?: KnownYankInstance[], action: Action = "yank"): PlanResult {
  return makePlan(
    { action, targets: [{ vmId: "vm0001", ...(instances ? { instances } : {}) }] },
    { find: () => vm, planId: "plan-1", nowMs: 1_000 },
  );
}

function planned(vm: PlannableVm, instances?: KnownYankInstance[], action?: Action): Plan {
  const result = planFor(vm, instances, action);
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.plan;
}

function refusalsOf(result: PlanResult): string[] {
  return result.ok ? [] : result.code === "cannot-plan" ? result.reasons.map((reason) => reason.code) : [result.code];
}

function migration(overrides: Partial<MigrationReport> = {}): MigrationReport {
  return { direction: "outgoing", status: "active", startId: "m1", sampleAgeMs: 100, uri: "tcp:10.0.0.4:4444", ...overrides };
}

function migrating(
  overrides: Partial<MigrationReport> = {},
  verdict: Verdict = { kind: "migration-stalled", migrationStatus: "active" },
): PlannableVm {
  return plannable(
    vmReport({
      vmId: "vm0001",
      health: { verdict, sinceAgeMs: 20_000, readingAgeMs: 100, evidence: [] },
      migration: migration(overrides),
      instances: [migrationInstance({ serves: { kind: overrides.direction === "incoming" ? "migration-in" : "migration-out" } })],
    }),
  );
}

const withDisk = (overrides: Partial<InstanceReport>) => plannable(hungVm({ vmId: "vm0001", instances: [guestDisk(overrides)] }));
const withSerial = (overrides: Partial<InstanceReport>) => plannable(hungVm({ vmId: "vm0001", instances: [serialConsole(overrides)] }));

describe("a plan to yank a guest's disk", () => {
  test("says the command, the loss, and asks for the name", () => {
    const plan = planned(plannable(hungVm({ vmId: "vm0001", name: "db-07" })), [NBD]);
    expect(plan).toMatchObject({
      title: "Yank nbd0 on db-07?",
      verb: "Yank nbd0",
      confirmation: { kind: "type-name", name: "db-07" },
      createdAtMs: 1_000,
      expiresAtMs: 1_000 + PLAN_LIFETIME_MS,
      softer: [{ code: "heal-far-side" }],
    });
    expect(plan.targets[0]).toMatchObject({
      command: { "exec-oob": "yank", arguments: { instances: [NBD] } },
      lane: "oob",
      reversibility: "one-way",
    });
    expect(plan.targets[0]!.effects[0]!.sentence).toBe(
      "The guest loses its disk vda and may turn it read-only: nbd0 (NBD 10.0.0.9:10809, export exp) answers every request with an I/O error from now on.",
    );
  });

  test("offers nothing softer, and says so plainly, where nothing is wrong", () => {
    const plan = planned(plannable(vmReport({ vmId: "vm0001", instances: [guestDisk({ connection: "connected" })] })), [NBD]);
    expect(plan.softer).toEqual([]);
    expect(plan.targets[0]!.warnings).toContain("Nothing is established against this VM: it answers");
  });

  test.each([
    ["stop", "werror=stop: the guest stops with io-error"],
    ["report", "werror=report: the guest sees I/O errors"],
    ["enospc", "werror=enospc: the guest sees I/O errors"],
    ["ignore", "werror=ignore: the guest is not told"],
    [undefined, "What the guest sees depends on the disk's werror, which is not known"],
  ] as const)("with werror %s tells what the guest sees", (werror, sentence) => {
    const plan = planned(withDisk({ serves: { kind: "guest-disk", owner: "vda", werror } }), [NBD]);
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain(sentence);
  });

  test.each(["connecting", "reconnecting", "disconnected"] as const)("does nothing while the node is %s, and says so", (connection) => {
    const plan = planned(withDisk({ connection }), [NBD]);
    expect(plan.targets[0]!.reversibility).toBe("nothing");
    expect(plan.targets[0]!.effects[0]!.sentence).toMatch(/^Nothing happens: nbd0/);
    expect(plan.confirmation).toEqual({ kind: "click" });
  });

  test.each([
    [{ werror: "stop", rerror: "report" }, "and pauses at its next request (io-error)"],
    [{ werror: "report", rerror: "stop" }, "and pauses at its next request (io-error)"],
    [{ werror: "enospc", rerror: "report" }, "and may turn it read-only"],
    [{ werror: "ignore", rerror: "report" }, "and is not told"],
    [{ rerror: "stop", isReadOnly: true }, "and pauses at its next request (io-error)"],
    [{ rerror: "report", isReadOnly: true }, "The guest loses its disk vda: "],
    [{}, "The guest loses its disk vda: "],
  ] as const)("with %j says in one sentence what the guest feels", (policies, words) => {
    const plan = planned(withDisk({ serves: { kind: "guest-disk", owner: "vda", ...policies } }), [NBD]);
    expect(plan.targets[0]!.effects[0]!.sentence).toContain(words);
  });

  test("stops for want of space and not for a cut node, with enospc", () => {
    const plan = planned(withDisk({ serves: { kind: "guest-disk", owner: "vda", werror: "enospc", rerror: "report" } }), [NBD]);
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain("it stops only where space runs out, which this is not");
  });

  test("may pass unnoticed under a quorum", () => {
    const serves = { kind: "guest-disk" as const, owner: "vda", through: ["quorum0"], throughDrivers: ["quorum"] };
    const [effect] = planned(withDisk({ serves }), [NBD]).targets[0]!.effects;
    expect(effect!.sentence).toContain("the guest does not notice while enough of the others answer");
    expect(effect!.reversibility).toBe("one-way");
  });

  test.each([
    ["job-target", "mirror", "copy-mode=write-blocking the guest's writes wait for the target; they go on"],
    ["job-target", "backup", "may end in an I/O error"],
    ["guest-disk", "stream", "The stream job on it ends or stops"],
  ] as const)("of a %s tells of its %s job", (kind, jobType, words) => {
    const plan = planned(withDisk({ serves: { kind, owner: "job0", jobType } }), [NBD]);
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain(words);
  });

  test("of a COLO replication leaves the guest running", () => {
    const plan = planned(withDisk({ serves: { kind: "replication", owner: "colo0" } }), [NBD]);
    expect(plan.targets[0]!.effects[0]!.sentence).toContain("the guest goes on, and its disk is not replicated any more");
  });

  test("says that nothing happens where its connection is gone for good already", () => {
    const plan = planned(withDisk({ connection: "given-up" }), [NBD]);
    expect(plan.targets[0]!.effects[0]).toMatchObject({ reversibility: "nothing" });
    expect(plan.targets[0]!.effects[0]!.sentence).toContain("is gone already, and its requests fail");
  });

  test.each([
    ["reconnecting", ["wait", "heal-far-side"]],
    ["connecting", ["heal-far-side"]],
    ["given-up", []],
  ] as const)("while the node is %s offers what can end that by itself, and nothing that cannot", (connection, codes) => {
    const { softer } = planned(withDisk({ connection, waitLeftMs: 11_200 }), [NBD]);
    expect(softer.map(({ code }) => code)).toEqual(codes);
    if (connection === "reconnecting") expect(softer[0]?.text).toContain("Wait at most 12 s");
  });

  test("costs only the job where the node is a job's target", () => {
    const plan = planned(withDisk({ serves: { kind: "job-target", owner: "mirror0" } }), [NBD]);
    expect(plan.targets[0]).toMatchObject({ reversibility: "ends" });
    expect(plan.targets[0]!.effects[0]!.details[0]).toContain("The guest's own disk is not touched");
  });

  test("is treated as the worst where nobody knows what uses the node", () => {
    const plan = planned(withDisk({ serves: { kind: "unknown" } }), [NBD]);
    expect(plan.targets[0]!.reversibility).toBe("unknown");
    expect(plan.confirmation.kind).toBe("type-name");
  });
});

describe("a plan to yank a chardev", () => {
  test("takes one click where a server listens again", () => {
    const plan = planned(withSerial({}), [SERIAL]);
    expect(plan.confirmation).toEqual({ kind: "click" });
    expect(plan.targets[0]!.effects[0]!.sentence).toBe("Serial console ser0 drops its client and listens again.");
  });

  test("foretells that a reconnecting client can hang again", () => {
    const plan = planned(withSerial({ isServer: false, reconnectMs: 5_000 }), [SERIAL]);
    expect(plan.targets[0]!.reversibility).toBe("comes-back");
    expect(plan.targets[0]!.effects[0]!.sentence).toContain("connects again after 5 s");
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain("the hang comes back with the connection");
  });

  test.each([
    ["a client without reconnect", { isServer: false, reconnectMs: 0 }, "stays-down", "type-name"],
    ["a client of which reconnect is not known", { isServer: undefined, reconnectMs: undefined }, "unknown", "type-name"],
    ["a TPM emulator", { serves: { kind: "tpm" } }, "one-way", "type-name"],
    ["a listening server without a client", { connection: "listening" }, "nothing", "click"],
    ["a client between two attempts", { connection: "reconnecting", isServer: false, reconnectMs: 100 }, "nothing", "click"],
  ] as const)("%s", (_, overrides, reversibility, confirmation) => {
    const plan = planned(withSerial(overrides), [SERIAL]);
    expect(plan.targets[0]!.reversibility).toBe(reversibility);
    expect(plan.confirmation.kind).toBe(confirmation);
  });

  test.each([
    ["guest-agent", "no consistent backups"],
    ["vhost-user", "does not work until its backend is back"],
  ] as const)("names what the guest goes without: %s", (kind, words) => {
    const plan = planned(withSerial({ serves: { kind } }), [SERIAL]);
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain(words);
  });

  test.each([
    ["virtio-net-pci", "The guest loses its network card net0: ser0 drops its backend"],
    ["vhost-user-blk-pci", "The guest loses its disk net0: ser0 drops its backend"],
    ["vhost-user-fs-pci", "The guest loses its shared folder net0"],
    [undefined, "The guest loses its vhost-user device net0"],
  ])("says what the guest loses of a vhost-user %s", (deviceType, words) => {
    const plan = planned(withSerial({ serves: { kind: "vhost-user", owner: "net0", deviceType } }), [SERIAL]);
    expect(plan.targets[0]!.effects[0]!.sentence).toContain(words);
  });

  test("warns that a mux is cut as a whole", () => {
    const instance = { type: "chardev" as const, id: "mux0-base" };
    const plan = planned(withSerial({ instance }), [instance]);
    expect(plan.targets[0]!.effects[0]!.details.join(" ")).toContain("everything that shares it");
  });

  test.each([
    ["a monitor", monitorChardev({ instance: SERIAL }), "is-monitor"],
    ["a monitor that was wrongly called yankable", serialConsole({ isMonitor: true }), "is-monitor"],
    ["what may be a monitor", serialConsole({ isMonitor: "possible" }), "possible-monitor"],
    ["what has no owner", serialConsole({ yankable: { code: "unknown-owner", text: "no device uses it" } }), "unknown-owner"],
  ] as const)("%s is refused", (_, instance, code) => {
    expect(refusalsOf(planFor(plannable(hungVm({ vmId: "vm0001", instances: [instance] })), [SERIAL]))).toEqual([code]);
  });
});

test("a plan that says that nothing happens is void once something is connected, and no other plan is", () => {
  for (const connection of ["connected", "connecting", "reconnecting", "listening", "disconnected", "unknown"] as const) {
    for (const [vm, instance] of [
      [withDisk, NBD],
      [withSerial, SERIAL],
    ] as const) {
      const [target] = planned(vm({ connection }), [instance]).targets;
      const reason = checkBindings(target!.bindings, bindableOf(vm({ connection: "connected" })));
      expect(reason?.code, `${instance.type} ${connection}`).toBe(target!.reversibility === "nothing" ? "topology-changed" : undefined);
    }
  }
});

describe("a plan to yank a migration", () => {
  test("offers cancel first where the main loop lives", () => {
    const plan = planned(migrating(), [MIGRATION]);
    expect(plan.softer).toEqual([
      { code: "cancel-migration", text: "Cancel the migration: it ends orderly, and the guest goes on here", action: "cancel-migration" },
    ]);
    expect(plan.targets[0]).toMatchObject({
      reversibility: "ends",
      bindings: { migration: { direction: "outgoing", startId: "m1", status: "active" } },
    });
  });

  test("does not offer cancel where the main loop hangs", () => {
    expect(planned(migrating({}, { kind: "main-loop-hung", cord: "in-reach" }), [MIGRATION]).softer).toEqual([]);
  });

  test.each([
    ["outgoing", "setup", "nothing", "still connecting"],
    ["outgoing", "active", "ends", "ends as failed, and the guest goes on here"],
    ["outgoing", "device", "ends", "ends as failed"],
    ["outgoing", "pre-switchover", "ends", "stays in pre-switchover"],
    ["outgoing", "postcopy-active", "loses-state", "postcopy-paused"],
    ["outgoing", "postcopy-paused", "nothing", "paused in postcopy"],
    ["outgoing", "colo", "loses-state", "COLO"],
    ["outgoing", "completed", "nothing", "is over"],
    ["outgoing", "invented-later", "unknown", "its status is invented-later"],
    ["incoming", "setup", "nothing", "waiting for a source"],
    ["incoming", "active", "loses-state", "This QEMU process exits"],
    ["incoming", "postcopy-active", "loses-state", "postcopy-paused"],
    ["unknown", "active", "unknown", "whether it comes or goes is not known"],
  ] as const)("%s %s: %s", (direction, status, reversibility, words) => {
    const plan = planned(migrating({ direction, status }), [MIGRATION]);
    expect(plan.targets[0]!.reversibility).toBe(reversibility);
    expect(plan.targets[0]!.effects[0]!.sentence).toContain(words);
  });

  test("does nothing to an exec: migration", () => {
    const plan = planned(migrating({ uri: "exec:cat" }), [MIGRATION]);
    expect(plan.targets[0]!.reversibility).toBe("nothing");
    expect(plan.softer).toEqual([]);
  });

  test.each([
    [{ uri: undefined, channel: "exec" }, "Nothing happens: an exec: migration"],
    [{ uri: "file:/var/tmp/vm" }, "Nothing happens: a file: migration"],
  ] as const)("does nothing to one with %j either", (overrides, words) => {
    expect(planned(migrating(overrides), [MIGRATION]).targets[0]!.effects[0]!.sentence).toContain(words);
  });

  test("says that a paused guest stays paused", () => {
    const vm = migrating();
    vm.report.runState = { value: "paused", ageMs: 10, isLastKnown: false };
    expect(planned(vm, [MIGRATION]).targets[0]!.effects[0]!.sentence).toContain("the guest stays paused");
  });
});

describe("a plan to cancel a migration", () => {
  test("takes one click: the guest goes on", () => {
    const plan = planned(migrating(), undefined, "cancel-migration");
    expect(plan.targets[0]).toMatchObject({
      command: { execute: "migrate_cancel" },
      lane: "in-band",
      reversibility: "ends",
      instances: [],
    });
    expect(plan.confirmation).toEqual({ kind: "click" });
    expect(plan.title).toBe(`Cancel migration on ${plan.targets[0]!.vmName}?`);
  });

  test.each(["setup", "active", "pre-switchover", "device", "wait-unplug"])("is made in %s", (status) => {
    expect(planFor(migrating({ status }), undefined, "cancel-migration").ok).toBe(true);
  });

  test.each([
    "none",
    "cancelling",
    "cancelled",
    "postcopy-active",
    "postcopy-device",
    "postcopy-paused",
    "postcopy-recover-setup",
    "postcopy-recover",
    "completed",
    "failing",
    "failed",
    "colo",
    "invented-later",
  ])("is refused in %s", (status) => {
    expect(planFor(migrating({ status }), undefined, "cancel-migration").ok).toBe(false);
  });

  test("is refused for exec:, for a destination, and while the main loop hangs", () => {
    expect(refusalsOf(planFor(migrating({ uri: "exec:cat" }), undefined, "cancel-migration"))).toEqual(["migration-exec"]);
    expect(refusalsOf(planFor(migrating({ direction: "incoming" }), undefined, "cancel-migration"))).toEqual(["migration-direction"]);
    expect(refusalsOf(planFor(migrating({}, { kind: "main-loop-hung", cord: "in-reach" }), undefined, "cancel-migration"))).toEqual([
      "main-loop-hung",
    ]);
  });
});

test.each([[{ action: "yank" as const, status: "postcopy-active" }], [{ action: "pause-postcopy" as const, status: "postcopy-active" }]])(
  "$action in postcopy takes the strongest confirmation: the name and a sentence to acknowledge",
  ({ action, status }) => {
    const plan = planned(migrating({ status }), action === "yank" ? [MIGRATION] : undefined, action);
    expect(plan.confirmation).toMatchObject({ kind: "type-name", name: plan.targets[0]!.vmName });
    expect(plan.confirmation.kind === "type-name" && plan.confirmation.acknowledge).toContain("the source must never be restarted");
  },
);

test("a plan says how much spoke for each instance when it was made, and from which incident it was asked for", () => {
  const clues = [{ code: "unread-at-peer" as const, text: "28 bytes unread by qemu-nbd", ageMs: 100 }];
  const vm = { ...withDisk({ clues }), peers: { troubledCount: () => 3 } };
  const request = { action: "yank" as const, incidentId: "inc-1", targets: [{ vmId: "vm0001", instances: [NBD] }] };
  const result = makePlan(request, { find: () => vm, planId: "plan-1", nowMs: 0 });
  expect(result).toMatchObject({ ok: true, plan: { incidentId: "inc-1" } });
  expect(result.ok && result.plan.targets[0]!.instances[0]!.suspicion).toEqual({
    score: "almost-certainly",
    reasons: ["28 bytes unread by qemu-nbd", "3 other VMs in trouble lead to the same far side"],
  });
});

test("a postcopy is paused out of band, and only while it runs", () => {
  const plan = planned(migrating({ status: "postcopy-active" }), undefined, "pause-postcopy");
  expect(plan.targets[0]).toMatchObject({ command: { "exec-oob": "migrate-pause" }, reversibility: "loses-state" });
  expect(refusalsOf(planFor(migrating(), undefined, "pause-postcopy"))).toEqual(["migration-status"]);
});

test("a postcopy that is being recovered is paused where QEMU takes that: from 8.2 on", () => {
  const recovering = (major: number, minor: number) => {
    const vm = migrating({ status: "postcopy-recover" });
    vm.report.qemuVersion = { major, minor, micro: 0, package: "" };
    return refusalsOf(planFor(vm, undefined, "pause-postcopy"));
  };
  expect(recovering(8, 2)).toEqual([]);
  expect(recovering(11, 1)).toEqual([]);
  expect(recovering(8, 1)).toEqual(["migration-status"]);
  expect(recovering(7, 2)).toEqual(["migration-status"]);
});

describe("a VM that nothing can be sent to", () => {
  const withVerdict = (verdict: Verdict, overrides: Partial<VmReport> = {}) =>
    plannable(hungVm({ vmId: "vm0001", health: { verdict, sinceAgeMs: 0, readingAgeMs: 0, evidence: [] }, ...overrides }));

  test.each<[string, PlannableVm, string]>([
    ["its bridge is lost", plannable(hungVm({ vmId: "vm0001" }), true), "bridge-lost"],
    ["it was not asked", withVerdict({ kind: "unknown", reason: "not-asked" }), "vm-unknown"],
    ["it is unreachable", withVerdict({ kind: "unreachable", reason: "refused" }), "vm-unreachable"],
    ["its monitor is busy", withVerdict({ kind: "monitor-busy" }), "monitor-busy"],
    ["its process is stopped", withVerdict({ kind: "silent", reason: "stopped" }), "silent-stopped"],
    ["its process waits in the kernel", withVerdict({ kind: "silent", reason: "uninterruptible" }), "silent-uninterruptible"],
    ["we came too late", withVerdict({ kind: "main-loop-hung", cord: "out-of-reach" }), "out-of-reach"],
    ["it hangs without OOB", withVerdict({ kind: "main-loop-hung", cord: "in-reach" }, { hasOob: false }), "no-oob"],
  ])("is refused when %s", (_, vm, code) => {
    expect(refusalsOf(planFor(vm, [NBD]))).toEqual([code]);
  });

  test("tells which process to continue", () => {
    const result = planFor(withVerdict({ kind: "silent", reason: "stopped" }), [NBD]);
    expect(!result.ok && result.code === "cannot-plan" && result.reasons[0]!.text).toContain("continue pid 4711");
  });
});

test("without OOB a yank goes in-band while the main loop lives, with a warning", () => {
  const plan = planned(plannable(vmReport({ vmId: "vm0001", hasOob: false, instances: [guestDisk()] })), [NBD]);
  expect(plan.targets[0]).toMatchObject({ lane: "in-band", command: { execute: "yank", arguments: { instances: [NBD] } } });
  expect(plan.targets[0]!.warnings.join(" ")).toContain("no out-of-band commands");
});

test("a yank on a QEMU below 7.1 is warned of", () => {
  const vm = plannable(hungVm({ vmId: "vm0001", qemuVersion: { major: 6, minor: 2, micro: 0, package: "" } }));
  expect(planned(vm, [NBD]).targets[0]!.warnings[0]).toContain("QEMU 6.2");
});

test("several targets are one plan, confirmed by their number, and none where one cannot be", () => {
  const vms = new Map(["vm0001", "vm0002"].map((vmId) => [vmId, plannable(hungVm({ vmId, name: vmId }))]));
  const request = { action: "yank" as const, targets: ["vm0001", "vm0002"].map((vmId) => ({ vmId, instances: [NBD] })) };
  const context = { find: (vmId: string) => vms.get(vmId), planId: "plan-1", nowMs: 0 };
  const result = makePlan(request, context);
  expect(result).toMatchObject({ ok: true, plan: { title: "Yank on 2 VMs?", confirmation: { kind: "type-name", name: "2 VMs" } } });
  vms.delete("vm0002");
  expect(refusalsOf(makePlan(request, context))).toEqual(["unknown-vm"]);
});

test.each([
  ["a yank without instances", { action: "yank" as const, targets: [{ vmId: "vm0001" }] }],
  ["a cancel with instances", { action: "cancel-migration" as const, targets: [{ vmId: "vm0001", instances: [MIGRATION] }] }],
  ["a VM named twice", { action: "cancel-migration" as const, targets: [{ vmId: "vm0001" }, { vmId: "vm0001" }] }],
  ["an instance named twice", { action: "yank" as const, targets: [{ vmId: "vm0001", instances: [NBD, { ...NBD }] }] }],
])("%s contradicts itself", (_, request) => {
  expect(refusalsOf(makePlan(request, { find: () => undefined, planId: "p", nowMs: 0 }))).toEqual(["invalid-plan-request"]);
});

test("no sentence shouts, and each ends with a full stop", () => {
  const texts: string[] = [];
  for (const status of ["setup", "active", "pre-switchover", "postcopy-active", "colo", "x"]) {
    for (const direction of ["outgoing", "incoming", "unknown"] as const) {
      const plan = planned(migrating({ status, direction }), [MIGRATION]);
      texts.push(...plan.targets[0]!.effects.flatMap((effect) => [effect.sentence, ...effect.details]));
    }
  }
  for (const text of texts) expect(text).toMatch(/^[A-Z].*[^!]\.$/);
});
