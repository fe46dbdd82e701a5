import { describe, expect, test } from "vitest";
import { guestDisk, hungVm, migrationInstance, monitorChardev, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { Verdict } from "../health/verdict.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { ProcessReport } from "../vm/process.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import type { Clue, ClueCode } from "./clue.ts";
import type { Help } from "./help.ts";
import { rankSuspects } from "./rank-suspects.ts";
import { whatHelps } from "./what-helps.ts";

const HUNG: Verdict = { kind: "main-loop-hung", cord: "in-reach" };

const clues = (...codes: ClueCode[]): { clues: Clue[] } => ({ clues: codes.map((code) => ({ code, text: code, ageMs: 200 })) });

function vm(verdict: Verdict, overrides: Partial<VmReport> = {}): VmReport {
  return hungVm({ vmId: "vm0001", health: { verdict, sinceAgeMs: 37_000, readingAgeMs: 100, evidence: [] }, ...overrides });
}

function helpsOf(verdict: Verdict, overrides: Partial<VmReport> = {}): Help[] {
  const report = vm(verdict, overrides);
  return whatHelps(report, rankSuspects(report, { troubledCount: () => 0 }));
}

const codesOf = (helps: Help[]): string[] => helps.map(({ code }) => code);

function process(overrides: Partial<ProcessReport>): ProcessReport {
  return { pid: 4711, condition: "alive", text: "alive", threads: [], ageMs: 100, ...overrides };
}

function migration(overrides: Partial<MigrationReport> = {}): MigrationReport {
  return { direction: "outgoing", status: "active", startId: "m1", sampleAgeMs: 100, uri: "tcp:10.0.0.4:4444", ...overrides };
}

const stalled = (overrides: Partial<MigrationReport>, more: Partial<VmReport> = {}) =>
  helpsOf(
    { kind: "migration-stalled", migrationStatus: overrides.status ?? "active" },
    { migration: migration(overrides), instances: [migrationInstance()], ...more },
  );

describe("what helps a VM whose process stands still", () => {
  test("is to continue it where it is stopped", () => {
    expect(helpsOf({ kind: "silent", reason: "stopped" })).toEqual([
      { code: "continue-process", text: "continue pid 4711: it is stopped", commands: ["kill -CONT 4711"] },
    ]);
  });

  test("is to let the debugger go where one holds it", () => {
    const threads = [{ tid: 4711, role: "main" as const, name: "qemu", state: "t" }];
    const [help] = helpsOf({ kind: "silent", reason: "stopped" }, { process: process({ condition: "stopped", threads }) });
    expect(help?.text).toBe("let the debugger go that holds pid 4711");
  });

  test("is to thaw its cgroup where that is frozen, whatever the verdict calls it", () => {
    const [help] = helpsOf({ kind: "silent", reason: "unknown" }, { process: process({ condition: "frozen" }) });
    expect(help?.code).toBe("thaw-cgroup");
    expect(help?.commands?.at(-1)).toBe('echo 0 > "$cg/cgroup.freeze"');
  });

  test.each([
    ["nfs_wait_bit_killable", "the NFS server or its mount (it waits in nfs_wait_bit_killable)"],
    ["rpc_wait_bit_killable", "the NFS server"],
    ["ceph_mdsc_wait_request", "the Ceph cluster"],
    ["io_schedule", "the host's own storage"],
    ["something_new", "what it waits for in something_new"],
  ])("is to heal the storage that it waits for in %s", (waitChannel, words) => {
    const threads = [{ tid: 4711, role: "main" as const, name: "qemu", state: "D", waitChannel }];
    const [help] = helpsOf({ kind: "silent", reason: "uninterruptible" }, { process: process({ condition: "uninterruptible", threads }) });
    expect(help?.code).toBe("heal-storage");
    expect(help?.text).toContain(words);
  });

  test("is to start it again where it has exited", () => {
    expect(codesOf(helpsOf({ kind: "silent", reason: "zombie" }))).toEqual(["restart-vm"]);
  });

  test("is never a yank", () => {
    for (const reason of ["stopped", "frozen", "uninterruptible", "zombie", "no-oob", "unknown"] as const) {
      expect(codesOf(helpsOf({ kind: "silent", reason }, { instances: [guestDisk(clues("unread-at-peer"))] }))).not.toContain("yank");
    }
  });
});

describe("what helps a hung main loop", () => {
  const disk = (overrides: Partial<InstanceReport> = {}) =>
    helpsOf(HUNG, { instances: [guestDisk({ connection: "connected", ...clues("unread-at-peer"), ...overrides }), monitorChardev()] });

  test("is to heal the far side first, then the yank", () => {
    expect(disk()).toEqual([
      {
        code: "heal-far-side",
        text: "bring NBD 10.0.0.9:10809, export exp back: what waits for nbd0 then completes, and nothing is lost",
        key: "block-node:nbd0",
      },
      { code: "yank", text: "yank nbd0, likely what holds this VM", key: "block-node:nbd0" },
    ]);
  });

  test("says where its server runs when that is this host", () => {
    const sockets = [{ transport: "unix" as const, state: "ESTAB", peerProcess: { pid: 99, name: "qemu-nbd" } }];
    expect(disk({ sockets })[0]?.commands).toEqual(["ps -o pid,stat,wchan:32,args -p 99"]);
  });

  test("is to wait where a node waits to reconnect, and no yank", () => {
    const helps = disk({ connection: "reconnecting", waitLeftMs: 11_200, ...clues("being-connected") });
    expect(codesOf(helps)).toEqual(["wait", "heal-far-side"]);
    expect(helps[0]?.text).toContain("wait at most 12 s");
    const long = disk({ connection: "reconnecting", waitLeftMs: 3_600_000, ...clues("being-connected") });
    expect(codesOf(long)).toEqual(["heal-far-side", "wait"]);
  });

  test("is the far side where a node is still being connected, and no yank", () => {
    const helps = disk({ connection: "connecting", ...clues("being-connected") });
    expect(codesOf(helps)).toEqual(["heal-far-side"]);
    expect(helps[0]?.text).toContain("open-timeout");
  });

  test("is the reader of a console, then the yank", () => {
    const helps = helpsOf(HUNG, { instances: [serialConsole(clues("vcpu-in-write", "unread-at-peer"))] });
    expect(codesOf(helps)).toEqual(["heal-far-side", "yank"]);
    expect(helps[0]?.text).toBe("let whoever is connected to ser0 read again, or end it: serial console isa-serial on ser0 then goes on");
  });

  test("is no yank where the cord was never negotiated", () => {
    const helps = helpsOf({ kind: "main-loop-hung", cord: "out-of-reach" }, { instances: [guestDisk(clues("unread-at-peer"))] });
    expect(codesOf(helps)).toEqual(["as-the-reason-says", "heal-far-side"]);
  });

  test("leaves out what is not suspect", () => {
    const other = guestDisk({ instance: { type: "block-node", "node-name": "nbd1" }, ...clues("idle-connection") });
    const helps = helpsOf(HUNG, { instances: [guestDisk(clues("unread-at-peer")), other] });
    expect(helps.some(({ key }) => key === "block-node:nbd1")).toBe(false);
  });

  test("is to wait first where slow work is known to end by itself", () => {
    const report = vm(HUNG);
    report.health.mayStillFinish = "a flush of vda is under way";
    expect(whatHelps(report, new Map())[0]).toEqual({ code: "wait", text: "wait: a flush of vda is under way" });
  });

  test("is the child process where a cancelled exec: migration waits for it", () => {
    const threads = [{ tid: 4711, role: "main" as const, name: "qemu", state: "S", syscall: "wait4" }];
    const helps = helpsOf(HUNG, {
      migration: migration({ status: "cancelling", uri: "exec:sleep 600" }),
      instances: [migrationInstance()],
      process: process({ threads, children: [{ pid: 4800, name: "sh" }] }),
    });
    expect(helps).toMatchObject([{ code: "end-child", commands: ["kill 4800"] }]);
  });
});

test("what helps an incoming migration that stands still is its source, before a yank that ends this process", () => {
  const helps = stalled({ direction: "incoming" }, { instances: [migrationInstance({ serves: { kind: "migration-in" } })] });
  expect(helps[0]).toMatchObject({ code: "heal-far-side", key: "migration" });
});

test("what helps a hang of a VM that has nothing to cut is its storage", () => {
  expect(codesOf(helpsOf(HUNG, { instances: [monitorChardev()] }))).toEqual(["heal-storage"]);
});

describe("what helps stalled I/O", () => {
  test("is the storage where no connection is known below it", () => {
    expect(codesOf(helpsOf({ kind: "io-stalled", nodes: ["throttle0"] }, { instances: [monitorChardev()] }))).toEqual(["heal-storage"]);
  });

  test("is the throttle first, where one stands between the disk and a node that owes nothing that was read", () => {
    const serves = { kind: "guest-disk" as const, owner: "vda", through: ["fmt0", "throttle0"], throughDrivers: ["raw", "throttle"] };
    const verdict: Verdict = { kind: "io-stalled", nodes: ["nbd0"] };
    expect(codesOf(helpsOf(verdict, { instances: [guestDisk({ serves })] }))).toEqual(["heal-storage", "heal-far-side", "yank"]);
    const owing = guestDisk({ serves, ...clues("sent-unanswered") });
    expect(codesOf(helpsOf(verdict, { instances: [owing] }))).toEqual(["heal-far-side", "yank"]);
  });

  test("is the far side of the node, then its yank", () => {
    const serves = { kind: "guest-disk" as const, owner: "vda", through: ["fmt0"] };
    const helps = helpsOf({ kind: "io-stalled", nodes: ["fmt0"] }, { instances: [guestDisk({ serves })] });
    expect(codesOf(helps)).toEqual(["heal-far-side", "yank"]);
  });
});

describe("what helps a migration", () => {
  test("that does not move is to cancel it, then the yank", () => {
    expect(codesOf(stalled({}))).toEqual(["cancel-migration", "yank"]);
  });

  test("that still connects is to cancel it, and no yank", () => {
    expect(codesOf(stalled({ status: "setup" }))).toEqual(["cancel-migration"]);
  });

  test("through a child process is to end that, and neither cancel nor yank", () => {
    const helps = stalled({ uri: "exec:cat > /dev/null" }, { process: process({ children: [{ pid: 4800, name: "sh" }] }) });
    expect(helps).toMatchObject([{ code: "end-child", commands: ["kill 4800"] }]);
  });

  test("in postcopy is to pause it and to recover it, on both sides", () => {
    const helps = stalled({ status: "postcopy-active" });
    expect(codesOf(helps)).toEqual(["pause-postcopy", "yank"]);
    expect(helps[0]?.text).toContain("never restart the source");
  });

  test("paused in postcopy is to recover it with the commands of both sides", () => {
    const report = vmReport({ vmId: "vm0001", migration: migration({ status: "postcopy-paused" }) });
    expect(whatHelps(report, new Map())).toMatchObject([
      {
        code: "recover-postcopy",
        commands: [
          '{"exec-oob":"migrate-recover","arguments":{"uri":"tcp:10.0.0.4:4444"}}',
          '{"execute":"migrate","arguments":{"uri":"tcp:10.0.0.4:4444","resume":true}}',
        ],
      },
    ]);
  });

  test("of a COLO pair that broke is a decision by a person, with the command for one side", () => {
    const colo = { role: "secondary" as const, isFailoverDue: true, reason: "error", ageMs: 100 };
    const [help] = whatHelps(vmReport({ vmId: "vm0001", colo }), new Map());
    expect(help).toMatchObject({ code: "decide-failover", commands: ['{"execute":"x-colo-lost-heartbeat"}'] });
    expect(help?.text).toContain("this one is the secondary");
  });
});

describe("what helps where nothing can be asked", () => {
  test("is to free the monitor, its path quoted", () => {
    const helps = helpsOf({ kind: "monitor-busy", peerPid: 99 }, { address: "/run/a b.sock" });
    expect(codesOf(helps)).toEqual(["free-monitor", "give-monitor"]);
    expect(helps[0]?.commands).toEqual(["ss -xpH src '/run/a b.sock'"]);
  });

  test("is to start a VM again whose process is gone", () => {
    expect(codesOf(helpsOf({ kind: "unreachable", reason: "process-gone" }))).toEqual(["restart-vm"]);
  });
});

test("a VM that is well needs no help", () => {
  expect(whatHelps(vmReport({ vmId: "vm0001", instances: [guestDisk()] }), new Map())).toEqual([]);
});
