import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FleetSnapshot } from "#lib/api/vm";
import { REALTIME_PATH } from "#lib/link/contract";
import type { ClientToServerEvents, FleetDelta, ServerToClientEvents, Tick } from "#lib/realtime/events";
import type { FakeBridge } from "../../../tests/support/fake-bridge.ts";
import { startTestHub } from "../../../tests/support/hub.ts";
import type { TestHub } from "../../../tests/support/hub.ts";
import { hungVm, vmReport } from "../../../tests/support/vm-report.ts";
import { isBehind, MAX_WAITING_BYTES, MAX_WAITING_PACKETS } from "./outbox.ts";

type Client = Socket<ServerToClientEvents, ClientToServerEvents>;

let ripcord: TestHub;
let bridge: FakeBridge;
let clients: Client[];
beforeEach(async () => {
  clients = [];
  ripcord = await startTestHub();
  bridge = ripcord.bridge({ vms: [vmReport({ vmId: "aaaaaa" }), vmReport({ vmId: "bbbbbb" })] });
  await vi.waitUntil(() => ripcord.hub.fleet.vmCount === 2, { timeout: 5_000, interval: 5 });
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  await ripcord.close();
});

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

function connect(options: Parameters<typeof io>[1] = {}, url = ripcord.hub.url): Client {
  const client: Client = io(url, { path: REALTIME_PATH, transports: ["websocket"], forceNew: true, reconnection: false, ...options });
  clients.push(client);
  return client;
}

async function connected(client: Client): Promise<Client> {
  if (!client.connected) await new Promise<void>((resolve, reject) => void client.once("connect", resolve).once("connect_error", reject));
  return client;
}

const refusal = (client: Client) => new Promise<string>((resolve) => client.once("connect_error", (error) => resolve(error.message)));
const snapshot = async () => (await ripcord.call("/api/v1/vms")).body as unknown as FleetSnapshot;

test("incidents are told of to all, whole and at most twice a second each", async () => {
  const { epoch } = await snapshot();
  const told: { atMs: number; message: Parameters<ServerToClientEvents["incident:changed"]>[0] }[] = [];
  const client = await connected(connect());
  client.on("incident:changed", (message) => told.push({ atMs: performance.now(), message }));
  const later = await connected(connect());
  const alsoTold: string[] = [];
  later.on("incident:changed", ({ incident }) => alsoTold.push(incident.title));
  bridge.set(hungVm({ vmId: "aaaaaa" }));
  await until(() => expect(told).toHaveLength(1));
  for (let index = 0; index < 30; index += 1) bridge.set(index % 2 === 0 ? vmReport({ vmId: "aaaaaa" }) : hungVm({ vmId: "aaaaaa" }));
  bridge.set(hungVm({ vmId: "bbbbbb" }));
  await until(() => expect(told.at(-1)?.message).toMatchObject({ epoch, incident: { number: 1, state: "open", memberCount: 2 } }));
  expect(alsoTold.at(-1)).toBe(told.at(-1)?.message.incident.title);
  expect(told.at(-1)?.message.incident).not.toHaveProperty("members");
  expect(told.length).toBeLessThanOrEqual(2 + Math.ceil((told.at(-1)!.atMs - told[0]!.atMs) / 500));
  const revisions = told.map(({ message }) => message.incident.revision);
  expect(revisions).toEqual(revisions.toSorted((left, right) => left - right));
});

describe("deltas", () => {
  test("join on to the snapshot, one revision after the other, to the newest state", async () => {
    const { epoch, revision } = await snapshot();
    const client = await connected(connect());
    const deltas: FleetDelta[] = [];
    client.on("fleet:changed", (delta) => deltas.push(delta));
    const answer = await client.emitWithAck("fleet:resume", { epoch, revision });
    expect(answer).toEqual({ ok: true, delta: expect.objectContaining({ fromRevision: revision, changed: [], removed: [] }) });
    for (let index = 0; index < 20; index += 1) bridge.set(hungVm({ vmId: "aaaaaa", name: `name-${index}` }));
    bridge.remove("bbbbbb");
    await until(() => expect(deltas.at(-1)?.toRevision).toBe(ripcord.hub.fleet.revision));
    await until(() => expect(ripcord.hub.fleet.vmCount).toBe(1));
    await until(() => expect(deltas.at(-1)?.toRevision).toBe(ripcord.hub.fleet.revision));
    let at = revision;
    for (const delta of deltas) {
      expect(delta.fromRevision).toBe(at);
      at = delta.toRevision;
    }
    const last = new Map(deltas.flatMap((delta) => delta.changed).map((vm) => [vm.vmId, vm]));
    expect(last.get("aaaaaa")!.name).toBe("name-19");
    expect(deltas.flatMap((delta) => delta.removed)).toEqual(["bbbbbb"]);
    // Twenty changes in a moment are told in a few messages.
    expect(deltas.length).toBeLessThan(15);
  });

  test("of a missed time come at once, of another start or of the future not at all", async () => {
    const { epoch, revision } = await snapshot();
    bridge.set(hungVm({ vmId: "aaaaaa" }));
    await until(() => expect(ripcord.hub.fleet.revision).toBeGreaterThan(revision));
    const client = await connected(connect());
    expect(await client.emitWithAck("fleet:resume", { epoch, revision })).toMatchObject({
      ok: true,
      delta: { changed: [{ vmId: "aaaaaa" }] },
    });
    expect(await client.emitWithAck("fleet:resume", { epoch: "other", revision })).toEqual({ ok: false, code: "fetch-again" });
    expect(await client.emitWithAck("fleet:resume", { epoch, revision: revision + 1_000 })).toEqual({ ok: false, code: "fetch-again" });
  });
});

test("a tick tells the time and the bridges' ages, at once and when a bridge is lost", async () => {
  const client = connect();
  const ticks: Tick[] = [];
  client.on("clock:ticked", (tick) => ticks.push(tick));
  await until(() =>
    expect(ticks[0]).toMatchObject({
      epoch: ripcord.hub.fleet.epoch,
      bridges: [{ isConnected: true, newestProbeAtMs: expect.any(Number) }],
    }),
  );
  bridge.close();
  await until(() => expect(ticks.at(-1)!.bridges[0]).toMatchObject({ isConnected: false, lostSinceAtMs: expect.any(Number) }));
});

describe("a VM's details", () => {
  test("go only to those who watch it, and bridges hear what is watched", async () => {
    const [watcher, other] = [await connected(connect()), await connected(connect())];
    const seen: string[] = [];
    watcher.on("vm:changed", ({ vm }) => seen.push(`${vm.vmId} ${vm.name}`));
    other.on("vm:changed", () => seen.push("told to whom did not ask"));
    expect(await watcher.emitWithAck("vm:watch", { vmId: "aaaaaa" })).toEqual({ ok: true });
    await until(() => expect(bridge.watched).toEqual(["aaaaaa"]));
    bridge.set(vmReport({ vmId: "aaaaaa", name: "renamed" }), vmReport({ vmId: "bbbbbb", name: "unwatched" }));
    await until(() => expect(seen).toEqual(["aaaaaa aaaaaa", "aaaaaa renamed"]));
    watcher.emit("vm:unwatch", { vmId: "aaaaaa" });
    await until(() => expect(bridge.watched).toEqual([]));
    bridge.set(vmReport({ vmId: "aaaaaa", name: "again" }));
    await until(() => expect(ripcord.hub.fleet.detail("aaaaaa")!.name).toBe("again"));
    expect(seen).toHaveLength(2);
  });

  test("are no longer asked for when the watcher hangs up", async () => {
    const client = await connected(connect());
    await client.emitWithAck("vm:watch", { vmId: "aaaaaa" });
    await until(() => expect(bridge.watched).toEqual(["aaaaaa"]));
    client.disconnect();
    await until(() => expect(bridge.watched).toEqual([]));
  });

  test("come with its events as they are stored", async () => {
    const client = await connected(connect());
    const titles: string[] = [];
    client.on("vm:events", ({ events }) => titles.push(...events.map((event) => event.title)));
    await client.emitWithAck("vm:watch", { vmId: "aaaaaa" });
    await bridge.facts(
      { kind: "qmp-event", name: "STOP", vmId: "aaaaaa", count: 1 },
      { kind: "qmp-event", name: "RESUME", vmId: "bbbbbb", count: 1 },
    );
    await until(() => expect(titles).toEqual(["STOP"]));
  });
});

describe("a client that stopped reading", () => {
  test("costs no queue, and gets the latest state when it reads again", async () => {
    // Polling makes it exact: what is not fetched waits in the hub, and in no buffer of the kernel.
    const slow = await PollingClient.connect();
    const quick = await connected(connect());
    let received = 0;
    quick.on("fleet:changed", () => (received += 1));
    const rounds = 2 * MAX_WAITING_PACKETS;
    for (let round = 1; round <= rounds; round += 1) {
      bridge.set(vmReport({ vmId: "aaaaaa", name: `name-${round}` }));
      await until(() => expect(received).toBe(round));
    }
    const waiting = await slow.poll();
    expect(waiting.filter((name) => name === "fleet:changed").length).toBeLessThanOrEqual(MAX_WAITING_PACKETS + 1);
    expect(waiting).not.toContain("fleet:outdated");
    // It has drained: one word that what it has is old, and from then on it is in step.
    expect(await slow.poll()).toContain("fleet:outdated");
    bridge.set(vmReport({ vmId: "aaaaaa", name: "after" }));
    await until(async () => expect(await slow.poll()).toContain("fleet:changed"));
  }, 30_000);

  test("is known by what waits in its socket, too", () => {
    const conn = (writeBuffer: unknown[], bufferedAmount?: number) => ({
      conn: { writeBuffer, transport: { socket: { bufferedAmount } } },
    });
    expect(isBehind(conn([]))).toBe(false);
    expect(isBehind(conn(Array(MAX_WAITING_PACKETS + 1).fill("packet")))).toBe(true);
    expect(isBehind(conn([], MAX_WAITING_BYTES))).toBe(false);
    expect(isBehind(conn([], MAX_WAITING_BYTES + 1))).toBe(true);
  });
});

/** A browser's socket that fetches only when it is told to. @see Engine.IO protocol 4, Socket.IO protocol 5 */
class PollingClient {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  static async connect(): Promise<PollingClient> {
    const base = `${ripcord.hub.url}${REALTIME_PATH}/?EIO=4&transport=polling`;
    const opened = await (await fetch(base)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    await (await fetch(`${base}&sid=${sid}`, { method: "POST", body: "40" })).text();
    return new PollingClient(`${base}&sid=${sid}`);
  }

  /** The names of the events that waited. */
  async poll(): Promise<string[]> {
    const packets = (await (await fetch(this.#url)).text()).split("\u001e");
    if (packets.includes("2")) await (await fetch(this.#url, { method: "POST", body: "3" })).text();
    return packets.filter((packet) => packet.startsWith("42")).map((packet) => (JSON.parse(packet.slice(2)) as [string])[0]);
  }
}

/** A handshake by polling; clients refuse to send some of these headers. */
function handshakeStatus(headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${ripcord.hub.url}${REALTIME_PATH}/?EIO=4&transport=polling`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject).end();
  });
}

describe("who may connect", () => {
  test.each([
    ["a foreign Origin", { origin: "http://evil.example" }],
    ["a foreign Host", { host: "evil.example" }],
  ])("not with %s, on either transport", async (_, extraHeaders) => {
    expect(await refusal(connect({ extraHeaders }))).toMatch(/error/);
    expect(await handshakeStatus(extraHeaders)).toBe(400);
    expect(await handshakeStatus({})).toBe(200);
  });

  test("our own pages", async () => {
    for (const options of [{ extraHeaders: { origin: ripcord.hub.url } }, { transports: ["polling"] }]) {
      expect((await connected(connect(options))).connected).toBe(true);
    }
  });

  test("with an access token only who has it, as cookie, Bearer or in the handshake", async () => {
    const closed = await startTestHub({ isOpen: false });
    const token = readFileSync(join(closed.dataDir, "access-token"), "utf8").trim();
    expect(await refusal(connect({}, closed.hub.url))).toBe("not-signed-in");
    expect(await refusal(connect({ auth: { token: "wrong" } }, closed.hub.url))).toBe("not-signed-in");
    const cookie = (await closed.call("/api/v1/session", { token })).headers.get("set-cookie")!.split(";")[0]!;
    await connected(connect({ extraHeaders: { cookie } }, closed.hub.url));
    await connected(connect({ extraHeaders: { authorization: `Bearer ${token}` } }, closed.hub.url));
    await connected(connect({ auth: { token } }, closed.hub.url));
    await closed.close();
  });

  test("ending the session cuts the sockets that its cookie opened, and no others", async () => {
    const closed = await startTestHub({ isOpen: false });
    try {
      const token = readFileSync(join(closed.dataDir, "access-token"), "utf8").trim();
      const cookie = (await closed.call("/api/v1/session", { token })).headers.get("set-cookie")!.split(";")[0]!;
      const headers: Record<string, string> = { cookie };
      const browser = await connected(connect({ extraHeaders: headers, reconnection: true, reconnectionDelay: 1 }, closed.hub.url));
      const program = await connected(connect({ auth: { token } }, closed.hub.url));
      const reasons: string[] = [];
      for (const client of [browser, program]) client.on("disconnect", (reason) => reasons.push(reason));
      const end = (sent: Record<string, string>) => closed.call("/api/v1/session", undefined, { method: "DELETE", headers: sent });
      // Nobody ends what is not theirs.
      expect((await end({})).status).toBe(204);
      expect((await end({ cookie: `${cookie}x` })).status).toBe(204);
      expect((await program.timeout(2_000).emitWithAck("fleet:resume", { epoch: "none", revision: 0 })).ok).toBe(false);
      expect(reasons).toEqual([]);
      // What a browser does with the answer's Set-Cookie.
      const refused = refusal(browser);
      headers.cookie = "";
      expect((await end({ cookie })).status).toBe(204);
      expect(await refused).toBe("not-signed-in");
      expect(reasons).toEqual(["transport close"]);
      expect(program.connected).toBe(true);
    } finally {
      await closed.close();
    }
  });
});

test("an upgrade to anything else is turned away, not left waiting", async () => {
  const status = await new Promise<number>((resolve, reject) => {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    httpRequest(`${ripcord.hub.url}/elsewhere`, { headers }, (response) => resolve(response.statusCode ?? 0))
      .once("error", reject)
      .end();
  });
  expect(status).toBe(404);
});

test("what makes no sense is ignored, and no act travels here", async () => {
  const client = await connected(connect());
  const raw = client as unknown as Socket;
  raw.emit("fleet:resume", { epoch: 5 }, () => undefined);
  raw.emit("fleet:resume");
  raw.emit("vm:watch", { vmId: "../../etc" }, () => undefined);
  raw.emit("acts", { planId: "x" });
  raw.emit("vm:unwatch", null);
  const { epoch, revision } = await snapshot();
  expect(await client.emitWithAck("fleet:resume", { epoch, revision })).toMatchObject({ ok: true });
  expect(bridge.prepared).toEqual([]);
});
