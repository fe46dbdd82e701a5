import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MonitorAddress } from "../vm/ports.ts";
import { ListenerSearch } from "./listener-search.ts";
import type { ListenerAnswer } from "./listener-search.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "proc-"));
  put("net/unix", "");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function addProcess(pid: number, name: string, options: { inodes?: string[]; commandLine?: string[]; cwd?: string } = {}): void {
  put(`${pid}/stat`, `${pid} (${name}) S ${Array.from({ length: 18 }, () => "0").join(" ")} ${pid}00 0\n`);
  put(`${pid}/cmdline`, (options.commandLine ?? [name]).map((argument) => `${argument}\0`).join(""));
  mkdirSync(join(root, `${pid}/fd`));
  for (const [fd, inode] of (options.inodes ?? []).entries()) symlinkSync(`socket:[${inode}]`, join(root, `${pid}/fd/${fd}`));
  if (options.cwd !== undefined) symlinkSync(options.cwd, join(root, `${pid}/cwd`));
}

const listening = (...sockets: [string, string][]) =>
  put("net/unix", sockets.map(([inode, path]) => `00000000307c415a: 00000002 00000000 00010000 0001 01 ${inode} ${path}\n`).join(""));

function find(...addresses: MonitorAddress[]): ListenerAnswer[] {
  const walk = new ListenerSearch(root).find(addresses);
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
  }
}
const unix = (path: string): MonitorAddress => ({ kind: "unix", path });

describe("who listens at a monitor's address", () => {
  it("is the process that has the listening socket open", () => {
    listening(["11", "/run/a.sock"], ["12", "/run/b.sock"]);
    addProcess(100, "qemu-system-x86", { inodes: ["5", "11"] });
    addProcess(101, "node", { inodes: ["12"] });
    expect(find(unix("/run/a.sock"), unix("/run/b.sock"), unix("/run/c.sock"))).toEqual([
      { pid: 100, startTimeTicks: "10000" },
      { pid: 101, startTimeTicks: "10100" },
      { unknown: "not-found" },
    ]);
  });

  it("is the QEMU where a service manager holds the socket too", () => {
    listening(["11", "/run/a.sock"]);
    addProcess(1, "systemd", { inodes: ["11"] });
    addProcess(100, "qemu-system-x86", { inodes: ["11"] });
    addProcess(200, "keeper", { inodes: ["11"] });
    expect(find(unix("/run/a.sock"))).toEqual([{ pid: 100, startTimeTicks: "10000" }]);
  });

  it("is not guessed where the path was bound twice", () => {
    listening(["11", "/run/a.sock"], ["12", "/run/a.sock"]);
    addProcess(100, "qemu-system-x86", { inodes: ["11"] });
    addProcess(101, "qemu-system-x86", { inodes: ["12"] });
    expect(find(unix("/run/a.sock"))).toEqual([{ unknown: "not-found" }]);
  });

  it("is the one that made the file where the path was bound twice, never the former", () => {
    const path = join(root, "a.sock");
    listening(["11", path], ["12", path]);
    writeFileSync(path, "");
    // Started 200 s and 260 s after the boot, which was 300 s ago; names of other order than ages.
    for (const [pid, inode, startTimeTicks] of [
      [300, "11", 20_000],
      [200, "12", 26_000],
    ] as const) {
      addProcess(pid, "qemu-system-x86", { inodes: [inode], commandLine: ["qemu-system-x86_64", "-qmp", `unix:${path},server=on`] });
      put(`${pid}/stat`, `${pid} (qemu) S ${Array.from({ length: 18 }, () => "0").join(" ")} ${startTimeTicks} 0\n`);
    }
    put("uptime", "300.00 600.00\n");
    const bootMs = 1_700_000_000_000;
    const findWhenMade = (secondsAfterBoot: number): ListenerAnswer | undefined => {
      utimesSync(path, bootMs / 1_000, bootMs / 1_000 + secondsAfterBoot);
      const walk = new ListenerSearch(root, undefined, () => bootMs + 300_000).find([unix(path)]);
      for (;;) {
        const step = walk.next();
        if (step.done) return step.value[0];
      }
    };
    expect(findWhenMade(260.2)).toEqual({ pid: 200, startTimeTicks: "26000" });
    // Older than the process that would have made it, or made long after both had started: anybody's.
    expect(findWhenMade(201)).toEqual({ unknown: "not-found" });
    expect(findWhenMade(295)).toEqual({ unknown: "not-found" });
    // Where the new listener's process cannot be seen, the former is not taken for it.
    rmSync(join(root, "200"), { recursive: true });
    expect(findWhenMade(260.2)).toEqual({ unknown: "not-found" });
  });

  it("is found though the socket was bound right after another one was asked about", () => {
    let nowMs = 0;
    const search = new ListenerSearch(root, () => nowMs);
    const once = () => {
      const walk = search.find([unix("/run/a.sock")]);
      for (;;) {
        const step = walk.next();
        if (step.done) return step.value;
      }
    };
    expect(once()).toEqual([{ unknown: "not-found" }]);
    listening(["11", "/run/a.sock"]);
    addProcess(100, "qemu-system-x86", { inodes: ["11"] });
    nowMs = 30;
    expect(once()).toMatchObject([{ pid: 100 }]);
  });

  it("is found by the command line where open files cannot be looked into", () => {
    listening(["11", "/run/a.sock"]);
    const commandLine = ["qemu-system-x86_64", "-qmp", "unix:a.sock,server=on,wait=off"];
    addProcess(100, "qemu-system-x86", { commandLine, cwd: "/run" });
    addProcess(101, "qemu-system-x86", { commandLine: ["qemu-system-x86_64", "-chardev", "socket,id=x,path=/run/a.sock"] });
    expect(find(unix("/run/a.sock"))).toEqual([{ pid: 100, startTimeTicks: "10000" }]);
  });

  it("is found where QEMU bound a relative path, or one through a symbolic link", () => {
    const folder = join(root, "real");
    mkdirSync(folder);
    symlinkSync(folder, join(root, "link"));
    writeFileSync(join(folder, "b.sock"), "");
    listening(["11", "real/a.sock"], ["12", join(root, "link/b.sock")]);
    addProcess(100, "qemu-system-x86", { inodes: ["11"], cwd: root });
    addProcess(101, "qemu-system-x86", { inodes: ["12"] });
    expect(find(unix(join(folder, "a.sock")), unix(join(folder, "b.sock")))).toMatchObject([{ pid: 100 }, { pid: 101 }]);
  });

  it("is the listener of a TCP port", () => {
    put("net/tcp", "   0: 0100007F:115C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31 1 0 100 0 0 10 0\n");
    addProcess(100, "qemu-system-x86", { inodes: ["31"] });
    expect(find({ kind: "tcp", host: "localhost", port: 4444 })).toMatchObject([{ pid: 100 }]);
  });

  it("is looked up again when the process that was found has closed it", () => {
    listening(["11", "/run/a.sock"]);
    addProcess(100, "qemu-system-x86", { inodes: ["11"] });
    const search = new ListenerSearch(root);
    const once = () => {
      const walk = search.find([unix("/run/a.sock")]);
      for (;;) {
        const step = walk.next();
        if (step.done) return step.value;
      }
    };
    expect(once()).toMatchObject([{ pid: 100 }]);
    rmSync(join(root, "100"), { recursive: true });
    addProcess(102, "qemu-system-x86", { inodes: ["11"] });
    expect(once()).toMatchObject([{ pid: 102 }]);
  });
});
