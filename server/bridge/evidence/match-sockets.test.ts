import { expect, test } from "vitest";
import type { HostSocket } from "../proc/host-reading.ts";
import { matchSockets } from "./match-sockets.ts";
import type { Matchable } from "./match-sockets.ts";

let inode = 100;
function socket(over: Partial<HostSocket>): HostSocket {
  inode++;
  return { inode: String(inode), fd: inode, transport: "tcp", state: "ESTAB", unreadBytes: 0, unsentBytes: 0, ...over };
}
function tcpNode(key: string, host: string, port = "10809"): Matchable {
  return { key, endpoint: { kind: "tcp", role: "client", host, port }, isMigration: false };
}
const MIGRATION: Matchable = { key: "migration", endpoint: undefined, isMigration: true };

test("finds an NBD node's connection by its server's address, also in other words", () => {
  const toServer = socket({ local: "10.0.0.4:40000", peer: "10.0.0.9:10809" });
  const other = socket({ local: "10.0.0.4:40001", peer: "10.0.0.9:10810" });
  const loopback = socket({ local: "[::1]:40002", peer: "[::1]:10809" });
  const named = (host: string) => matchSockets([tcpNode("a", host)], [toServer, other, loopback], false).byKey.get("a");
  expect(named("10.0.0.9")?.sockets).toEqual([toServer]);
  expect(named("localhost")?.sockets).toEqual([loopback]);
  expect(named("nbd.example")?.sockets).toEqual([toServer, loopback]);
  expect(named("10.0.0.8")?.sockets).toEqual([]);
});

test("finds a unix client by the path of its far end, and a server's client by the path of the listener", () => {
  const client = socket({ transport: "unix", peer: "/run/nbd.sock" });
  const listener = socket({ transport: "unix", state: "LISTEN", local: "/run/con.sock" });
  const accepted = socket({ transport: "unix", local: "/run/con.sock" });
  const { byKey, unexplained } = matchSockets(
    [
      { key: "node", endpoint: { kind: "unix", role: "client", path: "/var/run/nbd.sock" }, isMigration: false },
      { key: "con", endpoint: { kind: "unix", role: "server", path: "/run/con.sock" }, isMigration: false },
    ],
    [client, listener, accepted],
    false,
  );
  expect(byKey.get("node")?.sockets).toEqual([client]);
  expect(byKey.get("con")).toMatchObject({ sockets: [accepted], isListening: true });
  expect(unexplained).toEqual([]);
});

test("does not say whose is whose where two nodes have one server", () => {
  const sockets = [socket({ peer: "10.0.0.9:10809" }), socket({ peer: "10.0.0.9:10809" })];
  const { byKey } = matchSockets([tcpNode("a", "10.0.0.9"), tcpNode("b", "10.0.0.9")], sockets, false);
  expect(byKey.get("a")).toMatchObject({ sharedBy: 2, sockets });
  expect(byKey.get("b")).toMatchObject({ sharedBy: 2, sockets });
});

test("finds a migration's channels by elimination, and only where one far side is left", () => {
  const node = socket({ peer: "10.0.0.9:10809" });
  const channels = [socket({ local: "10.0.0.4:1", peer: "10.0.0.5:4444" }), socket({ local: "10.0.0.4:2", peer: "10.0.0.5:4444" })];
  const stdio = socket({ fd: 1, transport: "unix", peer: "/run/log" });
  const display = [socket({ state: "LISTEN", local: "0.0.0.0:5900" }), socket({ local: "10.0.0.4:5900", peer: "10.0.0.77:50000" })];
  const instances = [tcpNode("a", "10.0.0.9"), MIGRATION];
  const found = matchSockets(instances, [node, ...channels, stdio, ...display], true);
  expect(found.byKey.get("migration")).toMatchObject({ by: "elimination", sockets: channels });
  expect(matchSockets(instances, [node, ...channels], false).byKey.get("migration")).toBeUndefined();

  const iscsi = socket({ local: "10.0.0.4:3", peer: "10.0.0.6:3260" });
  const ambiguous = matchSockets(instances, [node, ...channels, iscsi], true);
  expect(ambiguous.byKey.get("migration")).toBeUndefined();
  expect(ambiguous.unexplained).toEqual([...channels, iscsi]);
});

test("takes a unix client that nobody has accepted for the only node without a connection", () => {
  const pending = socket({ transport: "unix", isUnaccepted: true });
  const unread = { key: "new", endpoint: undefined, isMigration: false };
  expect(matchSockets([unread], [pending], false).byKey.get("new")).toMatchObject({ by: "elimination", sockets: [pending] });
  expect(matchSockets([unread, { ...unread, key: "newer" }], [pending], false).byKey.size).toBe(0);
});

test("takes the only connection left for the only block node of which was not read where it leads", () => {
  const known = socket({ peer: "10.0.0.9:10809" });
  const left = socket({ peer: "10.0.0.10:10809" });
  const instances = [tcpNode("block-node:a", "10.0.0.9"), { key: "block-node:b", endpoint: undefined, isMigration: false }];
  expect(matchSockets(instances, [known, left], false).byKey.get("block-node:b")).toMatchObject({ by: "elimination", sockets: [left] });
  expect(matchSockets(instances, [known, left, socket({ peer: "10.0.0.6:3260" })], false).byKey.has("block-node:b")).toBe(false);
});

test("does not take a connection that was shut down for a connection", () => {
  const cut = socket({ peer: "10.0.0.9:10809", isShut: true });
  expect(matchSockets([tcpNode("a", "10.0.0.9")], [cut], false).byKey.get("a")).toMatchObject({ sockets: [], isShut: true });
});
