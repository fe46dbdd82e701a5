import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { QmpClient, type QmpClientOptions } from "./client.ts";
import { greetingMessage } from "./memory-transport.ts";
import { openSocket } from "./transport.ts";

const ALLOWED = new Set(["query-status", "query-yank"]);

async function temporaryPath(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "ripcord-qmp-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return join(dir, `${randomUUID().slice(0, 8)}.sock`);
}

/** A server at a temporary path that does with each connection what it is told. */
async function serve(onConnection: (socket: Socket) => void): Promise<{ path: string; server: Server; sockets: Socket[] }> {
  const path = await temporaryPath();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => socket.destroy());
    onConnection(socket);
  });
  server.listen(path);
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { path, server, sockets };
}

/** Speaks QMP as far as these tests need it: greets, and answers everything with `{}`. */
function speakQmp(socket: Socket): void {
  socket.write(`${JSON.stringify(greetingMessage())}\r\n`);
  socket.on("data", (bytes) => {
    for (const line of bytes.toString("utf8").split("\n").filter(Boolean)) {
      const { id } = JSON.parse(line) as { id: string };
      socket.write(`${JSON.stringify({ return: {}, id })}\r\n`);
    }
  });
}

function makeClient(path: string, options: Partial<QmpClientOptions> = {}): QmpClient {
  const client = new QmpClient({ address: { path }, allowedCommands: ALLOWED, inBandWindow: 1, connectTimeoutMs: 10_000, ...options });
  onTestFinished(() => client.close());
  return client;
}

describe("a client on real sockets", () => {
  test("says what is wrong with a path that is not there, not listened to, or no socket", async () => {
    const path = await temporaryPath();
    await expect(makeClient(path).connect()).rejects.toMatchObject({ code: "no-such-socket" });
    await writeFile(path, "");
    await expect(makeClient(path).connect()).rejects.toMatchObject({ code: "refused" });
    await expect(makeClient(`/${"x".repeat(300)}`).connect()).rejects.toMatchObject({ name: "QmpConnectError", outcome: "not-sent" });
  });

  test("says what is wrong with a TCP address", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    await expect(makeClient("", { address: { host: "127.0.0.1", port } }).connect()).rejects.toMatchObject({ code: "refused" });
    await expect(makeClient("", { address: { host: "127.0.0.1", port: 123_456 } }).connect()).rejects.toMatchObject({
      code: "connect-failed",
    });
  });

  test("many clients share the read buffer without mixing their words", async () => {
    const { path } = await serve(speakQmp);
    const clients = Array.from({ length: 50 }, () => makeClient(path));
    await Promise.all(clients.map((client) => client.connect()));
    const replies = await Promise.all(
      clients.flatMap((client) => [
        client.execute("query-status", undefined, { timeoutMs: 10_000 }),
        client.executeOob("query-yank", undefined, { timeoutMs: 10_000 }),
      ]),
    );
    expect(replies).toHaveLength(100);
    for (const client of clients) expect(client.counters).toMatchObject({ droppedReplies: 0, droppedMessages: 0 });
  });

  test("sees the peer hang up, at once or after its last words", async () => {
    for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.destroy()]) {
      const { path, sockets } = await serve(speakQmp);
      const closed = Promise.withResolvers<string>();
      const client = makeClient(path, { handlers: { onClosed: ({ kind }) => closed.resolve(kind) } });
      await client.connect();
      for (const socket of sockets) leave(socket);
      expect(await closed.promise).toBe("lost");
    }
  });

  test("keeps what a full socket will not take, says so, and loses nothing when it drains", async () => {
    const peer = await serve((socket) => {
      socket.write(`${JSON.stringify(greetingMessage())}\r\n`);
      socket.once("data", (bytes) => {
        const { id } = JSON.parse(bytes.toString("utf8")) as { id: string };
        socket.pause();
        socket.write(`${JSON.stringify({ return: {}, id })}\r\n`);
      });
    });
    const blocked = Promise.withResolvers<void>();
    const client = makeClient(peer.path, { writeBlockedAfterMs: 50, handlers: { onWriteBlocked: blocked.resolve } });
    await client.connect();
    // Larger than what any kernel keeps for a unix socket.
    const large = client.execute("query-status", { filler: "x".repeat(8 * 1024 * 1024) }, { timeoutMs: 30_000 });
    await expect(client.executeOob("query-yank", undefined, { timeoutMs: 100 })).rejects.toMatchObject({
      code: "write-blocked",
      outcome: "not-sent",
    });
    await blocked.promise;
    expect(client.outOfBand.openSinceMonoMs).toBeDefined();
    expect(client.counters.blockedWrites).toBe(1);
    const [socket] = peer.sockets;
    let text = "";
    socket?.on("data", (bytes) => {
      text += bytes.toString("latin1");
      if (!text.endsWith("}\n")) return;
      for (const line of text.split("\n").filter(Boolean)) {
        const { id } = JSON.parse(line) as { id: string };
        socket.write(`${JSON.stringify({ return: [], id })}\r\n`);
      }
      text = "";
    });
    socket?.resume();
    await large;
    expect(client.writeBlockedSinceMonoMs).toBeUndefined();
    expect((await client.executeOob("query-yank", undefined, { timeoutMs: 10_000 })).value).toEqual([]);
    expect(client.counters.droppedReplies).toBe(0);
  });

  test("drains a flood while its own handlers are slow to come", async () => {
    const event = `${JSON.stringify({ event: "BLOCK_IO_ERROR", data: { reason: "x".repeat(150) }, timestamp: { seconds: 1, microseconds: 0 } })}\r\n`;
    const count = 20_000;
    const { path, sockets } = await serve(speakQmp);
    let seen = 0;
    const all = Promise.withResolvers<void>();
    const client = makeClient(path, {
      handlers: {
        onEvent: () => {
          if (++seen === count) all.resolve();
        },
      },
    });
    await client.connect();
    sockets[0]?.write(event.repeat(count));
    await all.promise;
    expect(client.counters.events).toBe(count);
    await client.executeOob("query-yank", undefined, { timeoutMs: 10_000 });
  });
});

test("a destroyed transport says nothing more", async () => {
  const { path } = await serve(speakQmp);
  const said: string[] = [];
  const opened = Promise.withResolvers<void>();
  const transport = openSocket(
    { path },
    {
      onOpen: () => {
        said.push("open");
        transport.destroy();
        transport.destroy();
        opened.resolve();
      },
      onBytes: () => said.push("bytes"),
      onDrain: () => said.push("drain"),
      onClose: () => said.push("close"),
    },
  );
  await opened.promise;
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(said).toEqual(["open"]);
});
