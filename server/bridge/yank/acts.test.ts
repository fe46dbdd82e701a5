import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PrepareAnswer, PrepareRequest, ProgressReport } from "#lib/link/contract";
import type { YankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport, VmReport } from "#lib/vm/report";
import { bindPlan, isVoidReason } from "#lib/yank/bindings";
import { QmpCommandError, QmpStateError, QmpTimeoutError } from "#server/qmp/errors";
import { ManualClock } from "#server/qmp/manual-clock";
import type { ActObservation, ActVm } from "../vm/ports.ts";
import { Acts } from "./acts.ts";

const nbd0: InstanceReport = {
  instance: { type: "block-node", "node-name": "nbd0" },
  serves: { kind: "guest-disk", owner: "vda", werror: "enospc", rerror: "report" },
  connection: "unknown",
  isMonitor: false,
  yankable: true,
};
const monitor: InstanceReport = {
  instance: { type: "chardev", id: "charmonitor" },
  serves: { kind: "monitor" },
  connection: "connected",
  isMonitor: true,
  yankable: { code: "is-monitor", text: "libvirt's own monitor" },
};
const migrationInstance: InstanceReport = {
  instance: { type: "migration" },
  serves: { kind: "migration-out" },
  connection: "connected",
  isMonitor: false,
  yankable: true,
};

class FakeVm implements ActVm {
  vmId = "vm-1";
  present: VmReport = {
    vmId: "vm-1",
    address: "/run/vm.sock",
    incarnation: { id: "one", by: "process" },
    name: "vm",
    launcher: "plain",
    hasOob: true,
    isSimulated: false,
    tags: [],
    health: { verdict: { kind: "main-loop-hung", cord: "in-reach" }, sinceAgeMs: 6_000, readingAgeMs: 0, evidence: [] },
    lanes: { inBand: { state: "open", openAgeMs: 6_000 }, outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 } },
    instances: [nbd0, monitor],
    notices: [],
  };
  instances: InstanceReport[] = [nbd0, monitor];
  migration: MigrationReport | undefined;
  events: { name: string; data?: unknown; ageMs: number; count: number }[] = [];
  readonly sent: { lane: string; command: string; args: unknown; slotWaitMs: number }[] = [];
  readonly listeners = new Set<(observation: ActObservation) => void>();
  onSend: () => void = () => undefined;
  answer: () => Promise<{ replyAfterMs: number }> = () => Promise.resolve({ replyAfterMs: 1.3 });
  requery: () => Promise<YankInstance[]> = () => Promise.resolve(this.instances.map((each) => each.instance));

  report(): VmReport {
    return this.present;
  }
  requeryInstances(): Promise<YankInstance[]> {
    return this.requery();
  }
  describe(instances: YankInstance[]): InstanceReport[] {
    return instances.map((instance) => this.instances.find((each) => JSON.stringify(each.instance) === JSON.stringify(instance))!);
  }
  requeryMigration(): Promise<MigrationReport | undefined> {
    return Promise.resolve(this.migration);
  }
  async send(
    lane: "oob" | "in-band",
    command: string,
    args: Record<string, unknown> | undefined,
    options: { timeoutMs: number; slotWaitMs: number; onWritten: () => void },
  ): Promise<{ replyAfterMs: number }> {
    this.onSend();
    const reply = this.answer();
    this.sent.push({ lane, command, args, slotWaitMs: options.slotWaitMs });
    options.onWritten();
    return await reply;
  }
  observe(listener: (observation: ActObservation) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  /** Whether sockets and threads are read in time. */
  isHostFresh = true;
  async freshenHost() {
    return this.isHostFresh;
  }
  topology() {
    return { blockNodes: new Map([["nbd0", { fileName: "nbd://10.0.0.9:10809/exp" }]]) };
  }
  recentEvents() {
    return this.events;
  }
  /** An in-band probe was answered, and the VM reads healthy. */
  answersInBand(): void {
    this.present = {
      ...this.present,
      health: { ...this.present.health, verdict: { kind: "healthy" } },
      lanes: { ...this.present.lanes, inBand: { state: "answered", bucket: "<10ms", roundTripMs: 1 } },
    };
    for (const listener of this.listeners) listener({ type: "probe-answered", lane: "in-band", report: this.present });
  }
}

let directory: string;
let clock: ManualClock;
let vm: FakeVm;
let progress: ProgressReport[];
let desks: Acts[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "acts-"));
  clock = new ManualClock();
  vm = new FakeVm();
  progress = [];
  desks = [];
});
afterEach(async () => {
  for (const desk of desks) await desk.close();
  rmSync(directory, { recursive: true, force: true });
});

function makeDesk(more: Partial<ConstructorParameters<typeof Acts>[0]> = {}): Acts {
  let count = 0;
  const desk = new Acts({
    outcomeDirectory: join(directory, "acts"),
    clock,
    random: () => `ticket-${desks.length}-${++count}`,
    logger: { warn: () => undefined, error: () => undefined },
    vms: (vmId) => (vmId === vm.vmId ? vm : undefined),
    onProgress: (report) => progress.push(report),
    ...more,
  });
  desks.push(desk);
  return desk;
}

function request(more: Partial<PrepareRequest> = {}): PrepareRequest {
  const action = more.action ?? "yank";
  const instances = more.instances ?? [{ type: "block-node", "node-name": "nbd0" }];
  const bindsMigration = action !== "yank" || instances.some((each) => each.type === "migration");
  const bindings = bindPlan(
    { incarnationId: "one", healthKind: vm.present.health.verdict.kind, instances: vm.instances, migration: vm.present.migration },
    instances,
    bindsMigration,
  );
  if (isVoidReason(bindings)) throw new Error(bindings.text);
  return { actId: "act-1", vmId: "vm-1", action, instances, bindings, ...more };
}

function ticketOf(answer: PrepareAnswer): string {
  if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer.ticket;
}

const storedPhases = (): string[] => {
  const folder = join(directory, "acts");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => (JSON.parse(readFileSync(join(folder, name), "utf8")) as { phase: string }).phase);
};
const states = () => progress.map((report) => `${report.progress.state}/${report.progress.verdict}${report.progress.isFinal ? "!" : ""}`);

describe("an act, from ticket to verdict", () => {
  it("yanks once, out of band, and reports each step of it", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    expect(await desk.go({ actId: "act-1", ticket })).toEqual({ ok: true });
    await vi.waitFor(() => expect(states()).toEqual(["sent/pending", "accepted/pending"]));
    expect(vm.sent).toEqual([
      { lane: "oob", command: "yank", args: { instances: [{ type: "block-node", "node-name": "nbd0" }] }, slotWaitMs: 0 },
    ]);
    clock.advance(7);
    vm.answersInBand();
    clock.advance(900);
    vm.answersInBand();
    clock.advance(1_000);
    vm.answersInBand();
    expect(progress.at(-1)).toMatchObject({
      actId: "act-1",
      vmId: "vm-1",
      progress: { verdict: "recovered", recoveredAfterMs: 7, replyAfterMs: 1.3 },
      sentAgeMs: 1_907,
    });
    clock.advance(10_000);
    await vi.waitFor(() => expect(states().at(-1)).toBe("accepted/recovered!"));
    expect(vm.listeners.size).toBe(0);
  });

  it("has its record on disk before the command is written", async () => {
    const desk = makeDesk();
    let phases: string[] = [];
    vm.onSend = () => {
      phases = storedPhases();
    };
    await desk.go({ actId: "act-1", ticket: ticketOf(await desk.prepare(request())) });
    expect(phases).toEqual(["sending"]);
  });

  it("gives the evidence of the moment with the ticket", async () => {
    vm.events = [{ name: "STOP", ageMs: 10, count: 1, data: { at: 9_007_199_254_740_993n } }];
    const answer = await makeDesk().prepare(request());
    expect(answer).toMatchObject({
      ok: true,
      evidence: { yankInstances: [nbd0.instance, monitor.instance], recentEvents: [{ data: { at: "9007199254740993" } }] },
    });
  });

  it("keeps the topology with it, and says where sockets and threads are not of the moment", async () => {
    vm.isHostFresh = false;
    const answer = await makeDesk().prepare(request());
    expect(answer).toMatchObject({
      evidence: {
        topology: { blockNodes: { nbd0: { fileName: "nbd://10.0.0.9:10809/exp" } } },
        leftOut: ["sockets and threads could not be read anew within 700 ms"],
      },
    });
  });

  it("sends nothing, and says so, when the record cannot be written", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    await vi.waitFor(() => expect(storedPhases()).toEqual(["prepared"]));
    rmSync(join(directory, "acts"), { recursive: true });
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ ok: false, code: "not-recorded" });
    expect(vm.sent).toEqual([]);
  });

  it("keeps the outcome until a hub has it, and then only that the act was executed", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    await desk.go({ actId: "act-1", ticket });
    await vi.waitFor(() => expect(states().at(-1)).toBe("accepted/pending"));
    clock.advance(11_000);
    await vi.waitFor(() => expect(states().at(-1)).toBe("accepted/no-visible-effect!"));
    expect(desk.pending()).toHaveLength(1);
    expect(desk.inquire("act-1", "vm-1")).toMatchObject({ progress: { verdict: "no-visible-effect" } });
    desk.acknowledge("act-1", "vm-1");
    expect(desk.pending()).toEqual([]);
    expect(desk.inquire("act-1", "vm-1")).toEqual({ unknown: true });
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ code: "already-executed" });
    expect(await desk.prepare(request())).toMatchObject({ code: "not-allowed" });
    clock.advance(3_600_000);
    await vi.waitFor(() => expect(storedPhases()).toEqual([]));
  });
});

describe("a ticket", () => {
  it("is good for three seconds and no longer", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    clock.advance(3_001);
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ ok: false, code: "late-ticket" });
    expect(vm.sent).toEqual([]);
    expect(await desk.prepare(request({ actId: "act-2" }))).toMatchObject({ ok: true });
  });

  it("is refused when this process stood still past its time", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    clock.stall(5_000);
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ code: "late-ticket" });
    expect(vm.sent).toEqual([]);
  });

  it("stands for its act alone", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    expect(await desk.go({ actId: "act-2", ticket })).toMatchObject({ code: "unknown-ticket" });
    expect(await desk.go({ actId: "act-1", ticket: "guess" })).toMatchObject({ code: "unknown-ticket" });
  });

  it("works once, even for two goes at the same time", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    const answers = await Promise.all([desk.go({ actId: "act-1", ticket }), desk.go({ actId: "act-1", ticket })]);
    expect(answers.map((answer) => (answer.ok ? "ok" : answer.code))).toEqual(["ok", "already-executed"]);
    expect(vm.sent).toHaveLength(1);
  });

  it("ends when somebody asks what became of the act", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    expect(desk.inquire("act-1", "vm-1")).toMatchObject({ progress: { state: "not-sent", verdict: "none", isFinal: true } });
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ code: "late-ticket" });
  });
});

describe("what the bridge refuses, whatever the hub says", () => {
  const codeOf = (answer: PrepareAnswer) => (answer.ok ? "ok" : answer.code === "void" ? `void:${answer.void.code}` : answer.code);

  it("a second act on the same VM", async () => {
    const desk = makeDesk();
    const [first, second] = await Promise.all([desk.prepare(request()), desk.prepare(request({ actId: "act-2" }))]);
    expect([codeOf(first), codeOf(second)]).toEqual(["ok", "act-in-progress"]);
    expect(second).toMatchObject({ text: expect.stringContaining("another act on this VM is being prepared") });
    expect(codeOf(await desk.prepare(request()))).toBe("ok");
  });

  it("a second act while the first has its ticket, saying so, and not once the ticket was given back", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    expect(await desk.prepare(request({ actId: "act-2" }))).toMatchObject({
      code: "act-in-progress",
      text: "another act on this VM was prepared and has not been told to go; if it is not, the VM is free again within 3 seconds",
    });
    desk.inquire("act-1", "vm-1");
    expect(codeOf(await desk.prepare(request({ actId: "act-2" })))).toBe("ok");
    expect(await desk.go({ actId: "act-1", ticket })).toMatchObject({ code: "late-ticket" });
  });

  it("a monitor, and an instance that is not to be yanked", async () => {
    const desk = makeDesk();
    expect(codeOf(await desk.prepare(request({ instances: [{ type: "chardev", id: "charmonitor" }] })))).toBe("not-allowed");
    vm.instances = [{ ...nbd0, isMonitor: "possible" }, monitor];
    expect(codeOf(await desk.prepare(request()))).toBe("not-allowed");
  });

  it("an act that is none of the three, an empty yank, a cancel with a node", async () => {
    const desk = makeDesk();
    const base = request();
    expect(codeOf(await desk.prepare({ ...base, action: "quit" as unknown as "yank" }))).toBe("not-allowed");
    expect(codeOf(await desk.prepare({ ...base, instances: [] }))).toBe("not-allowed");
    expect(codeOf(await desk.prepare({ ...base, action: "cancel-migration" }))).toBe("not-allowed");
    const unknownType = [{ type: "vfio" }] as unknown as PrepareRequest["instances"];
    expect(codeOf(await desk.prepare({ ...base, instances: unknownType }))).toBe("not-allowed");
  });

  it("a VM that it does not have", async () => {
    expect(codeOf(await makeDesk().prepare(request({ vmId: "other" })))).toBe("unknown-vm");
  });

  it("a plan whose bindings do not hold any more", async () => {
    const desk = makeDesk();
    const plan = request();
    vm.present = { ...vm.present, incarnation: { id: "two", by: "process" } };
    expect(codeOf(await desk.prepare(plan))).toBe("void:incarnation-changed");
    vm.present = { ...vm.present, incarnation: { id: "one", by: "process" } };
    vm.instances = [monitor];
    expect(codeOf(await desk.prepare(plan))).toBe("void:instance-gone");
  });

  it("a VM that recovered between the ticket and the go", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    vm.answersInBand();
    expect(await desk.go({ actId: "act-1", ticket })).toEqual({ ok: true });
    await vi.waitFor(() => expect(states()).toEqual(["not-sent/none!"]));
    expect(vm.sent).toEqual([]);
  });

  it("a VM without a cord, or one that does not answer the re-read", async () => {
    const desk = makeDesk();
    vm.present = { ...vm.present, hasOob: false };
    expect(codeOf(await desk.prepare(request()))).toBe("no-cord");
    vm.requery = () => Promise.reject(new QmpTimeoutError("no reply"));
    expect(codeOf(await desk.prepare(request()))).toBe("not-answering");
    vm.requery = () => Promise.reject(new QmpStateError("slot-taken", "taken"));
    expect(codeOf(await desk.prepare(request()))).toBe("in-band-busy");
    vm.requery = () => new Promise(() => undefined);
    const answer = desk.prepare(request());
    clock.advance(2_000);
    expect(codeOf(await answer)).toBe("not-answering");
  });
});

describe("acts without out-of-band, and on migrations", () => {
  const healthy = () => {
    vm.present = { ...vm.present, health: { ...vm.present.health, verdict: { kind: "healthy" } } };
  };
  const migrating = (status: string, more: Partial<MigrationReport> = {}) => {
    vm.migration = { direction: "outgoing", status, startId: "m", sampleAgeMs: 0, ...more };
    vm.present = { ...vm.present, migration: vm.migration };
    vm.instances = [nbd0, monitor, migrationInstance];
  };
  const go = async (desk: Acts, plan: PrepareRequest) => await desk.go({ actId: plan.actId, ticket: ticketOf(await desk.prepare(plan)) });

  it("yanks in-band where the main loop lives and there is no out-of-band", async () => {
    healthy();
    vm.present = { ...vm.present, hasOob: false };
    await go(makeDesk(), request());
    expect(vm.sent).toMatchObject([{ lane: "in-band", command: "yank", slotWaitMs: 1_000 }]);
  });

  it("reads not-sent when the in-band slot stays taken", async () => {
    healthy();
    vm.present = { ...vm.present, hasOob: false };
    vm.send = () => Promise.reject(new QmpStateError("slot-taken", "taken"));
    await go(makeDesk(), request());
    await vi.waitFor(() => expect(states()).toEqual(["not-sent/none!"]));
  });

  it("cancels a migration in-band, without arguments", async () => {
    healthy();
    migrating("active");
    await go(makeDesk(), request({ action: "cancel-migration", instances: [] }));
    expect(vm.sent).toMatchObject([{ lane: "in-band", command: "migrate_cancel", args: undefined }]);
  });

  it.each(["postcopy-active", "postcopy-paused", "colo", "cancelling", "completed", "brand-new-status"])(
    "never cancels in %s",
    async (status) => {
      healthy();
      migrating(status);
      expect(await makeDesk().prepare(request({ action: "cancel-migration", instances: [] }))).toMatchObject({ code: "not-allowed" });
    },
  );

  it("never cancels an exec: migration, an incoming one, or one whose status cannot be read", async () => {
    healthy();
    const desk = makeDesk();
    migrating("active", { uri: "exec:cat" });
    expect(await desk.prepare(request({ action: "cancel-migration", instances: [] }))).toMatchObject({ code: "not-allowed" });
    migrating("active", { direction: "incoming" });
    expect(await desk.prepare(request({ action: "cancel-migration", instances: [] }))).toMatchObject({ code: "not-allowed" });
    migrating("active");
    vm.migration = undefined;
    expect(await desk.prepare(request({ action: "cancel-migration", instances: [] }))).toMatchObject({ code: "in-band-busy" });
  });

  it("reads the status again right before it cancels", async () => {
    healthy();
    migrating("active");
    const desk = makeDesk();
    const plan = request({ action: "cancel-migration", instances: [] });
    const ticket = ticketOf(await desk.prepare(plan));
    migrating("postcopy-active");
    await desk.go({ actId: "act-1", ticket });
    await vi.waitFor(() => expect(states()).toEqual(["not-sent/none!"]));
    expect(vm.sent).toEqual([]);
  });

  it("pauses postcopy out of band, in postcopy-active alone", async () => {
    healthy();
    migrating("active");
    const desk = makeDesk();
    expect(await desk.prepare(request({ action: "pause-postcopy", instances: [] }))).toMatchObject({ code: "not-allowed" });
    migrating("postcopy-active");
    await go(desk, request({ action: "pause-postcopy", instances: [] }));
    expect(vm.sent).toMatchObject([{ lane: "oob", command: "migrate-pause" }]);
  });
});

describe("what QEMU makes of the command", () => {
  const run = async (answer: () => Promise<{ replyAfterMs: number }>) => {
    vm.answer = answer;
    const desk = makeDesk();
    await desk.go({ actId: "act-1", ticket: ticketOf(await desk.prepare(request())) });
  };

  it("reads refused, with QEMU's own words", async () => {
    await run(() => Promise.reject(new QmpCommandError("DeviceNotFound", "Instance not found")));
    await vi.waitFor(() => expect(states()).toEqual(["sent/pending", "refused/none!"]));
    expect(progress.at(-1)?.progress.qmpError).toEqual({ class: "DeviceNotFound", desc: "Instance not found" });
  });

  it("cuts QEMU's words to what the link takes", async () => {
    await run(() => Promise.reject(new QmpCommandError("X".repeat(100), "y".repeat(100_000))));
    await vi.waitFor(() => expect(states()).toEqual(["sent/pending", "refused/none!"]));
    const { detail, qmpError } = progress.at(-1)!.progress;
    expect([detail?.length, qmpError?.class.length, qmpError?.desc.length]).toEqual([4_096, 64, 4_096]);
  });

  it("reads unknown without a reply, goes on looking, and sends it no second time", async () => {
    await run(() => Promise.reject(new QmpTimeoutError("no reply")));
    await vi.waitFor(() => expect(states()).toEqual(["sent/pending", "unknown/pending"]));
    clock.advance(11_000);
    await vi.waitFor(() => expect(states().at(-1)).toBe("unknown/unknown!"));
    expect(vm.sent).toHaveLength(1);
  });
});

describe("a bridge that was killed in the middle of an act", () => {
  async function killedWhile(phase: "prepared" | "sending" | "going"): Promise<Acts> {
    const first = makeDesk();
    vm.answer = () => new Promise(() => undefined);
    const ticket = ticketOf(await first.prepare(request()));
    if (phase === "prepared") await vi.waitFor(() => expect(storedPhases()).toEqual(["prepared"]));
    // The process dies before the client could write: nothing of it is left but the record.
    if (phase === "sending") vm.send = () => new Promise(() => undefined);
    if (phase !== "prepared") await first.go({ actId: "act-1", ticket });
    await vi.waitFor(() => expect(storedPhases()).toEqual([phase]));
    await first.close();
    vm.sent.length = 0;
    return makeDesk();
  }

  it.each(["sending", "going"] as const)("leaves an unknown outcome where it was %s, and never repeats it", async (phase) => {
    const desk = await killedWhile(phase);
    expect(desk.pending()).toMatchObject([{ actId: "act-1", progress: { state: "unknown", verdict: "unknown", isFinal: true } }]);
    expect(await desk.prepare(request())).toMatchObject({ code: "not-allowed" });
    expect(vm.sent).toEqual([]);
  });

  it("leaves not-sent where no go had come", async () => {
    const desk = await killedWhile("prepared");
    expect(desk.inquire("act-1", "vm-1")).toMatchObject({ progress: { state: "not-sent", isFinal: true } });
    expect(desk.pending()).toEqual([]);
  });

  it("remembers for an hour what a hub has acknowledged", async () => {
    const first = makeDesk();
    await first.go({ actId: "act-1", ticket: ticketOf(await first.prepare(request())) });
    await vi.waitFor(() => expect(states().at(-1)).toBe("accepted/pending"));
    clock.advance(11_000);
    await vi.waitFor(() => expect(states().at(-1)).toBe("accepted/no-visible-effect!"));
    first.acknowledge("act-1", "vm-1");
    await first.close();
    expect(await makeDesk().prepare(request())).toMatchObject({ code: "not-allowed" });
    const later = makeDesk({ nowUnixMs: () => Date.now() + 3_700_000 });
    clock.advance(1);
    expect(await later.prepare(request())).toMatchObject({ ok: true });
  });
});

describe("between the go and the command", () => {
  it("an act that is on its way is not said to have never come", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    const going = desk.go({ actId: "act-1", ticket });
    // The hub hung up after its go, and asks on its next connection while the record is still being written.
    const asked = desk.inquire("act-1", "vm-1");
    expect(await going).toEqual({ ok: true });
    expect(vm.sent).toHaveLength(1);
    expect(asked).toMatchObject({ progress: { state: "intended", verdict: "pending", isFinal: false } });
  });

  it("another process that took the address while the record was written gets nothing", async () => {
    const desk = makeDesk();
    const ticket = ticketOf(await desk.prepare(request()));
    const before = vm.present;
    let looks = 0;
    vm.report = () => (++looks === 1 ? before : { ...before, incarnation: { id: "two", by: "process" } });
    expect(await desk.go({ actId: "act-1", ticket })).toEqual({ ok: true });
    expect(vm.sent).toEqual([]);
    await vi.waitFor(() => expect(states()).toEqual(["not-sent/none!"]));
  });
});
