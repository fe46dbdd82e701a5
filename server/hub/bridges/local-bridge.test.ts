import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LINK_VERSION } from "#lib/link/contract";
import type { ControlRequest } from "#lib/link/contract";
import { silentLog } from "#server/log";
import { systemClock } from "../clock.ts";
import { controlSocketPath } from "./control-client.ts";
import { LocalBridge } from "./local-bridge.ts";
import type { StartedBridge } from "./local-bridge.ts";

let dataDir: string;
let notices: (string | undefined)[];
let bridges: PretendBridge[];
let keeper: LocalBridge | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "rc-local-"));
  notices = [];
  bridges = [];
});
afterEach(async () => {
  await keeper?.release();
  for (const bridge of bridges) bridge.die();
  rmSync(dataDir, { recursive: true });
});

const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

/** A process that holds the control socket, without the process. */
class PretendBridge {
  readonly asked: ControlRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(linkVersion = LINK_VERSION) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("data", (bytes) => {
        for (const line of bytes.toString().trim().split("\n")) {
          const request = JSON.parse(line) as ControlRequest;
          this.asked.push(request);
          socket.write(`${JSON.stringify({ ok: true, bridgeId: "b", epoch: "e", pid: 2 ** 30, linkVersion })}\n`);
          if (request.op === "stop") this.die();
        }
      });
    });
    this.#server.listen(controlSocketPath(dataDir));
    bridges.push(this);
  }

  die(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.end();
  }
}

function keep(start?: () => StartedBridge): LocalBridge {
  keeper = new LocalBridge({
    dataDir,
    hubUrl: "http://127.0.0.1:1",
    start,
    clock: systemClock,
    log: silentLog(),
    onNotice: (text) => notices.push(text),
  });
  return keeper;
}

const neverEnds: StartedBridge = { ended: new Promise(() => {}), kill: () => {} };

test("a bridge that runs is adopted and not started", async () => {
  const bridge = new PretendBridge();
  const start = vi.fn<() => StartedBridge>(() => neverEnds);
  keep(start);
  await until(() => expect(bridge.asked).toEqual([{ op: "hello" }, { op: "adopt", hubUrl: "http://127.0.0.1:1" }]));
  expect(start).not.toHaveBeenCalled();
  expect(await keeper!.reload()).toMatchObject({ ok: true });
});

test("one that is missing is started, and started again when it dies, and that is said", async () => {
  keep(() => {
    new PretendBridge();
    return neverEnds;
  });
  await until(() => expect(bridges[0]?.asked.map((request) => request.op)).toEqual(["hello", "adopt"]));
  expect(notices).toEqual([undefined]);
  bridges[0]!.die();
  await until(() => expect(notices).toContain("The bridge of this host ended; it is being started again"));
  await until(() => expect(bridges[1]?.asked.map((request) => request.op)).toEqual(["hello", "adopt"]));
  expect(notices.at(-1)).toBeUndefined();
});

test("one that ends before it is up says how, and is tried again", async () => {
  const start = vi.fn<() => StartedBridge>(() => ({ ended: Promise.resolve("ended with status 1"), kill: () => {} }));
  keep(start);
  await until(() =>
    expect(notices[0]).toMatch(/ended with status 1 before it was up; its log is .*bridge\.log; it is being started again/),
  );
  await until(() => expect(start.mock.calls.length).toBeGreaterThan(1));
});

test("one of another link version is left alone and said", async () => {
  const bridge = new PretendBridge(LINK_VERSION + 1);
  keep(() => neverEnds);
  await until(() => expect(notices[0]).toContain(`speaks link version ${LINK_VERSION + 1}`));
  expect(bridge.asked).toEqual([{ op: "hello" }]);
});

test("a hub alone starts none", async () => {
  keep();
  await until(() => expect(notices).toContain("No bridge runs on this host"));
  const bridge = new PretendBridge();
  await until(() => expect(bridge.asked).toHaveLength(2));
});

test("letting go leaves it running, stopping ends it", async () => {
  const bridge = new PretendBridge();
  const local = keep();
  await until(() => expect(bridge.asked).toHaveLength(2));
  await local.release();
  expect(bridge.asked.map((request) => request.op)).toEqual(["hello", "adopt"]);
  await local.stop();
  expect(bridge.asked.map((request) => request.op)).toEqual(["hello", "adopt", "hello", "stop"]);
});

test("a stop while the bridge is only coming up leaves none behind", async () => {
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const kill = vi.fn<() => void>(() => resolve("was ended by SIGKILL"));
  const start = vi.fn<() => StartedBridge>(() => ({ ended, kill }));
  const local = keep(start);
  await until(() => expect(start).toHaveBeenCalledOnce());
  await local.stop();
  expect(kill).toHaveBeenCalledOnce();
  expect(start).toHaveBeenCalledOnce();
});
