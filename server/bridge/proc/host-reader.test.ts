import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findFrozenCgroup, parseCgroupMounts } from "./cgroup-freeze.ts";
import { HostReader } from "./host-reader.ts";
import { runSs } from "./run-ss.ts";
import type { SsOutput } from "./run-ss.ts";
import { nameOfSyscall } from "./thread-reader.ts";

const STAT_TAIL = "1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 4242 0";
const TCP_ROW =
  "ESTAB 0 0 127.0.0.1:56510 127.0.0.1:40401 ino:42989 sk:1 <-> ts bytes_sent:513 bytes_acked:514 bytes_received:7743 lastsnd:3692 lastrcv:3748 lastack:3648";
const FAR_ROW = "ESTAB 28 0 127.0.0.1:40401 127.0.0.1:56510 ino:42990 sk:2 <-> ts bytes_sent:7743 lastsnd:3748 lastrcv:3692 lastack:3748";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "proc-host-"));
  mkdirSync(join(root, "self/ns"), { recursive: true });
  symlinkSync("net:[1]", join(root, "self/ns/net"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A process as /proc shows it. */
function addProcess(pid: number, options: { namespace?: string; sockets?: string[]; state?: string; name?: string } = {}): string {
  const folder = join(root, String(pid));
  mkdirSync(join(folder, "fd"), { recursive: true });
  mkdirSync(join(folder, "ns"));
  symlinkSync(options.namespace ?? "net:[1]", join(folder, "ns/net"));
  (options.sockets ?? []).forEach((inode, at) => symlinkSync(`socket:[${inode}]`, join(folder, "fd", String(at + 9))));
  const stat = (tid: number, name: string, state: string) => `${tid} (${name}) ${state} ${STAT_TAIL}\n`;
  writeFileSync(join(folder, "stat"), stat(pid, options.name ?? "qemu-system-x86", options.state ?? "S"));
  writeFileSync(join(folder, "comm"), `${options.name ?? "qemu-system-x86"}\n`);
  const thread = (tid: number, name: string, wchan: string, syscall: string) => {
    const task = join(folder, "task", String(tid));
    mkdirSync(task, { recursive: true });
    writeFileSync(join(task, "stat"), stat(tid, name, options.state ?? "S"));
    writeFileSync(join(task, "wchan"), wchan);
    writeFileSync(join(task, "syscall"), syscall);
  };
  thread(pid + 1, "CPU 0/TCG", "hrtimer_nanosleep", "230 0x0 0x0\n");
  thread(pid, "qemu-system-x86", "futex_do_wait", "202 0x5636 0x0\n");
  thread(pid + 2, "a) b (worker", "0", "running\n");
  writeFileSync(join(folder, "task", String(pid), "children"), "77 ");
  return folder;
}

function reader(tcp: SsOutput = { text: `${TCP_ROW}\n${FAR_ROW}\n` }, unix: SsOutput = { text: "" }) {
  return new HostReader({ root, run: async (args) => (args[0]?.startsWith("-t") ? tcp : unix) });
}

function target(pid: number) {
  return { pid, startTimeTicks: "4242", withThreads: true, vcpuTids: [] };
}

describe("one reading", () => {
  test.runIf(process.arch === "x64")("tells sockets with their far ends, states, threads and children", async () => {
    addProcess(100, { sockets: ["42989", "555"] });
    addProcess(77, { name: "sleep" });
    addProcess(900, { sockets: ["42990"], name: "qemu-nbd", state: "T" });
    const { processes } = await reader().read({ targets: [target(100)] });
    expect(processes).toHaveLength(1);
    expect(processes[0]).toMatchObject({
      pid: 100,
      state: "S",
      main: { tid: 100, role: "main", syscall: "futex" },
      threads: [
        { tid: 100, role: "main", waitChannel: "futex_do_wait", syscall: "futex" },
        { tid: 101, role: "vcpu", name: "CPU 0/TCG", syscall: "clock_nanosleep" },
        { tid: 102, role: "other", name: "a) b (worker", state: "S" },
      ],
      children: [{ pid: 77, name: "sleep" }],
      sockets: {
        list: [
          {
            inode: "42989",
            fd: 9,
            peer: "127.0.0.1:40401",
            tcp: { lastSentAgeMs: 3692 },
            far: { unreadBytes: 28, process: { pid: 900, name: "qemu-nbd", state: "T" } },
          },
        ],
      },
    });
    expect(processes[0]?.threads?.[2]).not.toHaveProperty("waitChannel");
  });

  test("never looks at another process that has the pid by now, nor at sockets of another namespace", async () => {
    addProcess(100, { sockets: ["42989"] });
    addProcess(200, { sockets: ["42989"], namespace: "net:[2]" });
    const { processes } = await reader().read({ targets: [{ ...target(100), startTimeTicks: "1" }, target(200), target(300)] });
    expect(processes).toMatchObject([
      { pid: 100, unread: "gone", sockets: { unread: "gone" } },
      { pid: 200, state: "S", sockets: { unread: "other-namespace" } },
      { pid: 300, unread: "gone" },
    ]);
  });

  test.each(["no-ss", "ss-failed", "time-out"] as const)("still tells states and threads where ss says %s", async (unread) => {
    addProcess(100, { sockets: ["42989"] });
    const { processes } = await reader({ unread }).read({ targets: [target(100)] });
    expect(processes[0]).toMatchObject({ state: "S", sockets: { unread } });
    expect(processes[0]?.threads).toHaveLength(3);
  });
});

describe("ss", () => {
  test("is given up when it hangs, and told apart from one that is not there or fails", async () => {
    expect(await runSs(["30"], 50, "sleep")).toEqual({ unread: "time-out" });
    expect(await runSs([], 5_000, "ripcord-no-such-program")).toEqual({ unread: "no-ss" });
    expect(await runSs([], 5_000, "false")).toEqual({ unread: "ss-failed" });
    expect(await runSs(["hello"], 5_000, "echo")).toEqual({ text: "hello\n" });
  });
});

describe("the cgroup freezer", () => {
  const MOUNTS = parseCgroupMounts(
    [
      "28 21 0:24 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer",
      "29 21 0:25 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
      "30 21 0:26 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw",
    ].join("\n"),
  );
  const frozen = (cgroup: string, files: Record<string, string>) => findFrozenCgroup(cgroup, MOUNTS, (path) => files[path]);

  test("names the group that was frozen, which may be one above the process's own", () => {
    const files = {
      "/sys/fs/cgroup/unified/machine/vm/cgroup.events": "populated 1\nfrozen 1\n",
      "/sys/fs/cgroup/unified/machine/vm/cgroup.freeze": "0\n",
      "/sys/fs/cgroup/unified/machine/cgroup.freeze": "1\n",
    };
    expect(frozen("5:memory:/\n0::/machine/vm\n", files)).toBe("/machine");
    expect(frozen("0::/other\n", files)).toBeUndefined();
  });

  test("knows version 1 too", () => {
    const files = {
      "/sys/fs/cgroup/freezer/vm/freezer.state": "FROZEN\n",
      "/sys/fs/cgroup/freezer/vm/freezer.self_freezing": "1\n",
    };
    expect(frozen("6:freezer:/vm\n0::/\n", files)).toBe("/vm");
    expect(frozen("6:freezer:/\n0::/\n", files)).toBeUndefined();
  });

  test("says nothing where the group lies outside of what can be seen", () => {
    expect(frozen("0::/../vm\n", { "/sys/fs/cgroup/unified/../vm/cgroup.events": "frozen 1" })).toBeUndefined();
  });
});

test("names the system calls that tell something, by architecture", () => {
  expect(nameOfSyscall("230 0x0 0x0", "x64")).toBe("clock_nanosleep");
  expect(nameOfSyscall("115 0x0 0x0", "arm64")).toBe("clock_nanosleep");
  expect(nameOfSyscall("running", "x64")).toBeUndefined();
  expect(nameOfSyscall("202 0x0", "riscv64")).toBeUndefined();
});
