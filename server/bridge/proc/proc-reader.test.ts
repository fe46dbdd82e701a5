import { createConnection, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ManualClock } from "#server/qmp/manual-clock";
import type { ProcReader } from "../vm/ports.ts";
import { createProcReader, startHelperProcess } from "./proc-reader.ts";
import type { HelperProcess } from "./proc-reader.ts";

class FakeHelper implements HelperProcess {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  isKilled = false;
  readonly #exits: (() => void)[] = [];
  asked: { id: number; op: string }[] = [];

  constructor() {
    this.stdin.on("data", (chunk: Buffer) => {
      for (const line of String(chunk).trim().split("\n")) this.asked.push(JSON.parse(line) as { id: number; op: string });
    });
    this.stdin.on("finish", () => this.exit());
  }
  kill(): void {
    this.isKilled = true;
    this.exit();
  }
  exit(): void {
    for (const callback of this.#exits.splice(0)) callback();
  }
  onExit(callback: () => void): void {
    this.#exits.push(callback);
  }
  say(message: object): void {
    this.stdout.write(`${JSON.stringify(message)}\n`);
  }
}

describe("the reader and its helper", () => {
  function setUp() {
    const clock = new ManualClock();
    const helpers: FakeHelper[] = [];
    const startHelper = () => {
      const helper = new FakeHelper();
      helpers.push(helper);
      return helper;
    };
    const reader = createProcReader({ clock, startHelper });
    /** A helper that has loaded and answered once. */
    const warm = async (): Promise<FakeHelper> => {
      const first = reader.readState(1);
      await vi.waitFor(() => expect(helpers.at(-1)?.asked).toHaveLength(1));
      const helper = helpers.at(-1)!;
      helper.say({ id: helper.asked[0]!.id, value: { state: "S", startTimeTicks: "1" } });
      expect(await first).toEqual({ state: "S", startTimeTicks: "1" });
      return helper;
    };
    return { clock, helpers, reader, warm };
  }

  it("starts no process before there is a question, and matches answers by id", async () => {
    const { helpers, reader, warm } = setUp();
    expect(helpers).toHaveLength(0);
    const helper = await warm();
    const [state, line] = [reader.readState(7), reader.readCommandLine(7)];
    await vi.waitFor(() => expect(helper.asked).toHaveLength(3));
    helper.say({ id: helper.asked[2]!.id, value: ["qemu"] });
    helper.say({ id: helper.asked[1]!.id, value: { unknown: "gone" } });
    expect([await state, await line]).toEqual([{ unknown: "gone" }, ["qemu"]]);
    await reader.close();
  });

  it("kills a helper that says nothing, settles its questions, and starts another", async () => {
    const { clock, helpers, reader, warm } = setUp();
    const helper = await warm();
    const stuck = [
      reader.readState(7),
      reader.hasOtherPeer("/run/a.sock"),
      reader.findListener({ kind: "unix", path: "/run/a.sock" }),
    ] as const;
    clock.advance(1_000);
    expect(await Promise.all(stuck)).toEqual([{ unknown: "time-out" }, undefined, { unknown: "time-out" }]);
    expect(helper.isKilled).toBe(true);
    void reader.readState(8);
    expect(helpers).toHaveLength(2);
    await reader.close();
  });

  it("waits for a long search as long as the helper says that it is at work", async () => {
    const { clock, reader, warm } = setUp();
    const helper = await warm();
    const found = reader.findListener({ kind: "unix", path: "/run/a.sock" });
    await vi.waitFor(() => expect(helper.asked).toHaveLength(2));
    for (let slice = 0; slice < 5; slice += 1) {
      clock.advance(900);
      const timers = clock.timerCount;
      helper.say({ alive: true });
      await vi.waitFor(() => expect(clock.timerCount).toBe(timers));
      await new Promise((resume) => setImmediate(resume));
    }
    helper.say({ id: helper.asked[1]!.id, value: { pid: 9, startTimeTicks: "9" } });
    expect(await found).toEqual({ pid: 9, startTimeTicks: "9" });
    expect(helper.isKilled).toBe(false);
    await reader.close();
  });

  it("does not pile up helpers that hang as soon as they start", async () => {
    const { clock, helpers, reader } = setUp();
    for (let second = 0; second < 120; second += 1) {
      const state = reader.readState(1);
      clock.advance(5_000);
      expect(await state).toEqual({ unknown: "time-out" });
    }
    expect(helpers.length).toBeLessThan(30);
    await reader.close();
  });

  it("settles everything at close, twice, and starts nothing after it", async () => {
    const { helpers, reader, warm } = setUp();
    await warm();
    const open = reader.readState(7);
    await Promise.all([reader.close(), reader.close()]);
    expect(await open).toEqual({ unknown: "time-out" });
    expect(await reader.readState(8)).toEqual({ unknown: "time-out" });
    expect(helpers).toHaveLength(1);
  });
});

describe("the real helper on this machine's /proc", () => {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function listen(): Promise<{ path: string; server: Server }> {
    const folder = mkdtempSync(join(tmpdir(), "proc-reader-"));
    const path = join(folder, "monitor.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    closers.push(
      () => rmSync(folder, { recursive: true, force: true }),
      () => void server.close(),
    );
    return { path, server };
  }

  function openReader(): ProcReader {
    const reader = createProcReader({ timeoutMs: 5_000 });
    closers.push(() => reader.close());
    return reader;
  }

  async function connect(path: string, server: Server): Promise<Socket> {
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const client = createConnection(path);
    const peer = await accepted;
    closers.push(() => {
      client.destroy();
      peer.destroy();
    });
    return client;
  }

  it("finds this very process behind a socket, with its state and command line", async () => {
    const { path } = await listen();
    const reader = openReader();
    const found = await reader.findListener({ kind: "unix", path });
    expect(found).toMatchObject({ pid: process.pid });
    const state = await reader.readState(process.pid);
    expect(state).toMatchObject({ startTimeTicks: "startTimeTicks" in found ? found.startTimeTicks : "" });
    expect((await reader.readCommandLine(process.pid))?.[0]).toContain("node");
    expect(await reader.findListener({ kind: "unix", path: `${path}.none` })).toEqual({ unknown: "not-found" });
    expect(await reader.readState(2 ** 22 + 1)).toEqual({ unknown: "gone" });
  });

  it("sees the other client of a socket, and not our own", async () => {
    const { path, server } = await listen();
    const reader = openReader();
    await connect(path, server);
    expect(await reader.hasOtherPeer(path)).toBe(false);
    await connect(path, server);
    // The table is read at most every 200 ms.
    await vi.waitFor(async () => expect(await reader.hasOtherPeer(path)).toBe(true));
    expect(await reader.hasOtherPeer(`${path}.none`)).toBeUndefined();
  });
});

describe("the real helper on files that block", () => {
  it("gives up on them, and answers what is asked of others after that", async () => {
    const root = mkdtempSync(join(tmpdir(), "proc-fifo-"));
    for (const pid of [100, 200]) mkdirSync(join(root, `${pid}/task/${pid}`), { recursive: true });
    mkdirSync(join(root, "net"));
    writeFileSync(join(root, "net/unix"), "");
    const stat = "200 (qemu) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 4242 0";
    writeFileSync(join(root, "200/stat"), stat);
    writeFileSync(join(root, "200/task/200/stat"), stat);
    writeFileSync(join(root, "100/stat"), stat.replace("200", "100"));
    writeFileSync(join(root, "100/task/100/stat"), stat.replace("200", "100"));
    // Nobody ever writes to it: whoever opens it waits.
    execFileSync("mkfifo", [join(root, "100/task/100/wchan")]);
    const reader = createProcReader({ timeoutMs: 1_500, startHelper: () => startHelperProcess(root) });
    const target = (pid: number) => ({ pid, startTimeTicks: "4242", withThreads: true, vcpuTids: [] });
    try {
      expect(await reader.readState(200)).toMatchObject({ state: "S" });
      expect(await reader.readHost({ targets: [target(100)] })).toBeUndefined();
      await vi.waitFor(
        async () => expect((await reader.readHost({ targets: [target(200)] }))?.processes).toMatchObject([{ pid: 200, state: "S" }]),
        { timeout: 8_000, interval: 100 },
      );
    } finally {
      await reader.close();
      rmSync(root, { recursive: true, force: true });
    }
  }, 20_000);
});
