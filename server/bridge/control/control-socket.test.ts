import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ControlReply, ControlRequest } from "#lib/link/contract";
import { systemClock } from "#server/qmp/clock";
import { readOrMakeBridgeToken } from "./bridge-token.ts";
import { askControl, BridgeRunsAlreadyError, ControlSocket, controlSocketPath, isNobodyThere } from "./control-socket.ts";

const IDENTITY: ControlReply = { ok: true, bridgeId: "b", epoch: "e", pid: 1, linkVersion: 1 };

describe("the control socket", () => {
  let dataDir: string;
  const taken: ControlSocket[] = [];
  const asked: ControlRequest[] = [];
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "ripcord-control-"));
  });
  afterEach(async () => {
    await Promise.all(taken.splice(0).map((control) => control.close()));
    asked.length = 0;
    rmSync(dataDir, { recursive: true, force: true });
  });
  async function take(): Promise<ControlSocket> {
    const control = await ControlSocket.take(dataDir, systemClock, async (request) => {
      asked.push(request);
      return IDENTITY;
    });
    taken.push(control);
    return control;
  }

  test("answers its own account, and belongs to it alone", async () => {
    await take();
    expect(await askControl(dataDir, { op: "adopt", hubUrl: "http://127.0.0.1:7979" })).toEqual(IDENTITY);
    expect(asked).toEqual([{ op: "adopt", hubUrl: "http://127.0.0.1:7979" }]);
    expect(statSync(join(dataDir, "bridge.sock")).mode & 0o777).toBe(0o600);
  });

  test("is a lock: a second bridge hears who has it", async () => {
    await take();
    await expect(take()).rejects.toThrow(BridgeRunsAlreadyError);
  });

  test("is a lock in the folder itself, which no other account can take", async () => {
    await take();
    expect(statSync(join(dataDir, "bridge.lock")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "bridge.lock")).uid).toBe(process.getuid?.());
  });

  test("no name outside of the folder keeps a bridge from starting", async () => {
    const { dev, ino, uid } = statSync(dataDir, { bigint: true });
    const name = createHash("sha256").update(`${dev}:${ino}:${uid}`).digest("hex").slice(0, 32);
    const squatter = createServer().listen(`\0ripcord-bridge-${name}`);
    await once(squatter, "listening");
    await take();
    expect(await askControl(dataDir, { op: "hello" })).toEqual(IDENTITY);
    squatter.close();
  });

  test("stays a lock when its socket's file is removed, and is freed by its end", async () => {
    const control = await take();
    rmSync(controlSocketPath(dataDir));
    let nowMonoMs = 0;
    const hasty = { ...systemClock, nowMonoMs: () => (nowMonoMs += 3_000) };
    await expect(ControlSocket.take(dataDir, hasty, async () => IDENTITY)).rejects.toThrow(BridgeRunsAlreadyError);
    await control.close();
    await take();
  });

  test("is made with its mode, whatever the account's own umask", async () => {
    const umask = process.umask(0);
    try {
      await take();
      expect(process.umask()).toBe(0);
      expect(statSync(controlSocketPath(dataDir)).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(umask);
    }
  });

  test("of two that start at once, one wins", async () => {
    const results = await Promise.allSettled([take(), take(), take()]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("left behind by a dead bridge is taken", async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(controlSocketPath(dataDir))}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    await expect(askControl(dataDir, { op: "hello" })).rejects.toSatisfy(isNobodyThere);
    await take();
    expect(await askControl(dataDir, { op: "hello" })).toEqual(IDENTITY);
  });

  test("is gone when its bridge ends, and closing twice is fine", async () => {
    const control = await take();
    await control.close();
    await control.close();
    await expect(askControl(dataDir, { op: "hello" })).rejects.toSatisfy(isNobodyThere);
  });

  test("in a folder with too long a name is refused with the reason", async () => {
    const deep = join(dataDir, "x".repeat(100));
    mkdirSync(deep);
    await expect(ControlSocket.take(deep, systemClock, async () => IDENTITY)).rejects.toThrow(/too long/);
  });

  test("the token is made once, whoever comes first, and is nobody else's to read", () => {
    const token = readOrMakeBridgeToken(dataDir);
    expect(token.length).toBeGreaterThanOrEqual(43);
    expect(readOrMakeBridgeToken(dataDir)).toBe(token);
    expect(readFileSync(join(dataDir, "bridge-token"), "utf8")).toBe(`${token}\n`);
    expect(statSync(join(dataDir, "bridge-token")).mode & 0o777).toBe(0o600);
  });
});
