import { expect, onTestFinished, test } from "vitest";
import { parseJson, writeJson } from "#server/qmp/json";
import type { ContractPeer } from "./peer.ts";
import { describePeers, startVm } from "./peers.ts";
import { errorClass, RawMonitor, type Message } from "./raw-monitor.ts";

async function openRaw(peer: ContractPeer): Promise<RawMonitor> {
  const vm = await startVm(peer, { nbd: true, serial: false });
  const monitor = await RawMonitor.open(vm.monitorPath);
  onTestFinished(() => monitor.close());
  return monitor;
}

/** Sends it, and gives everything that comes before the answer to a request sent after it. */
async function repliesTo(monitor: RawMonitor, words: string | Buffer): Promise<Message[]> {
  monitor.send(words);
  monitor.send('\n{"execute": "query-name", "id": "after"}\n');
  const replies: Message[] = [];
  for (;;) {
    const reply = await monitor.next();
    if (reply["id"] === "after") return replies;
    replies.push(reply);
  }
}

const IDS: readonly [text: string, id: unknown][] = [
  ['"a word"', "a word"],
  ['"gr\\u00fc\\u00dfe \\ud83d\\ude00 \\" \\\\ \\n"', 'grüße 😀 " \\ \n'],
  ["null", null],
  ["true", true],
  ["0", 0],
  ["-1", -1],
  ["1.5", 1.5],
  ["9007199254740993", 9007199254740993n],
  ["-9223372036854775808", -9223372036854775808n],
  ["18446744073709551615", 18446744073709551615n],
  ["18446744073709551616", 18446744073709551616],
  ["[]", []],
  ['[1, "a", [null]]', [1, "a", [null]]],
  ['{"a": {"b": []}, "c": 2}', { a: { b: [] }, c: 2 }],
];

/** Input that is no request: where it has an id, the error has it too; where it was not understood, it has none. */
const MALFORMED: readonly [what: string, words: string | Buffer, id: unknown][] = [
  ["brackets that do not match", "{]", undefined],
  ["null", "null", undefined],
  ["a number", "42", undefined],
  ["a string", '"query-name"', undefined],
  ["an array", "[1]", undefined],
  ["a word", "hello", undefined],
  ["an empty object", "{}", undefined],
  ["no command", '{"id": 7}', 7],
  ["a command that is no string", '{"execute": true, "id": 7}', 7],
  ["an OOB command that is no string", '{"exec-oob": 3, "id": 7}', 7],
  ["arguments that are no object", '{"execute": "query-name", "arguments": [], "id": 7}', 7],
  ["a member that nobody knows", '{"execute": "query-name", "extra": 1, "id": 7}', 7],
  ["execute and exec-oob at once", '{"execute": "query-yank", "exec-oob": "query-yank", "id": 7}', 7],
  ["an argument that nobody knows", '{"execute": "query-name", "arguments": {"extra": 1}, "id": 7}', 7],
  ["a key twice", '{"execute": "query-name", "execute": "query-name", "id": 7}', undefined],
  ["a missing comma", '{"execute": "query-name" "id": 7}', undefined],
  ["a control byte", Buffer.from([0x01]), undefined],
];

/** `yank` by QAPI: QEMU's own two examples, and everything that the schema does not allow. */
const MALFORMED_YANKS: readonly [what: string, args: unknown][] = [
  ["no arguments", undefined],
  ["no instances", {}],
  ["instances that are no list", { instances: {} }],
  ["an instance that is no object", { instances: ["nbd0"] }],
  ["an instance without a type", { instances: [{ "node-name": "nbd0" }] }],
  ["a type that nobody knows", { instances: [{ type: "netdev", id: "n0" }] }],
  ["a block node without a name", { instances: [{ type: "block-node" }] }],
  ["a chardev without an id", { instances: [{ type: "chardev" }] }],
  ["a name that is no string", { instances: [{ type: "block-node", "node-name": 5 }] }],
  ["a member of another type", { instances: [{ type: "chardev", id: "mon1", "node-name": "nbd0" }] }],
  ["a migration with a name", { instances: [{ type: "migration", id: "m" }] }],
  ["one good and one bad", { instances: [{ type: "block-node", "node-name": "nbd0" }, { type: "chardev" }] }],
];

describePeers("requests", (peer) => {
  test("echoes any JSON id, on success and on error, in both lanes", async () => {
    const monitor = await openRaw(peer);
    for (const [text, id] of IDS) {
      monitor.send(`{"execute": "query-name", "id": ${text}}\n`);
      expect(await monitor.next()).toEqual({ return: expect.any(Object) as unknown, id });
      monitor.send(`{"execute": "no-such-command", "id": ${text}}\n`);
      expect(await monitor.next()).toMatchObject({ error: { class: "CommandNotFound" }, id });
      monitor.send(`{"exec-oob": "query-yank", "id": ${text}}\n`);
      expect(await monitor.next()).toMatchObject({ id, return: expect.any(Array) as unknown });
    }
    // What goes out is ASCII: everything else is escaped.
    expect(/^[\n\r -~]*$/.test(monitor.text)).toBe(true);
  });

  test("answers a request without an id without one", async () => {
    const monitor = await openRaw(peer);
    expect(await monitor.ask({ execute: "query-name" })).not.toHaveProperty("id");
    expect(await monitor.ask({ execute: "no-such-command" })).not.toHaveProperty("id");
  });

  test("writes an id beyond a double as a bare inf, which is no JSON", async () => {
    const monitor = await openRaw(peer);
    monitor.send('{"execute": "query-name", "id": 1e400}\n');
    await monitor.saw("inf");
    expect(() => parseJson(monitor.text.trim().split("\r\n").at(-1) ?? "")).toThrow(SyntaxError);
  });

  test("takes single quotes, and a message in pieces", async () => {
    const monitor = await openRaw(peer);
    monitor.send("{'execute': 'query-name', 'id': 'quoted'}\n");
    expect(await monitor.next()).toMatchObject({ id: "quoted" });
    for (const piece of ['{"exec', 'ute": "query-na', 'me"', ', "id": "pie', 'ces"', "}"]) {
      monitor.send(piece);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await monitor.next()).toMatchObject({ id: "pieces" });
    monitor.send('{"execute":"query-name","id":1}{"execute":"query-name","id":2} {"execute":"query-name","id":3}');
    expect([(await monitor.next())["id"], (await monitor.next())["id"], (await monitor.next())["id"]]).toEqual([1, 2, 3]);
  });

  test.each(MALFORMED)("answers %s with one GenericError and goes on", async (_what, words, id) => {
    const monitor = await openRaw(peer);
    expect((await repliesTo(monitor, words)).map((reply) => [errorClass(reply), reply["id"]])).toEqual([["GenericError", id]]);
  });

  test("answers a broken character with an error and one more for the rest of the line", async () => {
    const monitor = await openRaw(peer);
    const replies = await repliesTo(
      monitor,
      Buffer.concat([Buffer.from('{"execute": "query-'), Buffer.from([0xff]), Buffer.from('name"}')]),
    );
    expect(replies.map(errorClass)).toEqual(["GenericError", "GenericError"]);
  });

  test("refuses nesting beyond 1024, and finds its feet at a control byte", async () => {
    const monitor = await openRaw(peer);
    const replies = await repliesTo(monitor, `{"a": ${"[".repeat(1_100)}\u{1}`);
    expect(replies.length).toBeGreaterThan(0);
    expect(new Set(replies.map(errorClass))).toEqual(new Set(["GenericError"]));
  });

  test("runs out of band only what QAPI allows there", async () => {
    const monitor = await openRaw(peer);
    expect(errorClass(await monitor.ask({ "exec-oob": "query-status" }))).toBe("GenericError");
    expect(errorClass(await monitor.ask({ "exec-oob": "no-such-command" }))).toBe("CommandNotFound");
    expect(errorClass(await monitor.ask({ execute: "query-yank" }))).toBeUndefined();
  });

  test.each(MALFORMED_YANKS)("refuses a yank with %s, and cuts nothing", async (_what, args) => {
    const monitor = await openRaw(peer);
    for (const verb of ["execute", "exec-oob"]) {
      const reply = await monitor.ask({ [verb]: "yank", ...(args === undefined ? {} : { arguments: args }), id: verb });
      expect([errorClass(reply), reply["id"]]).toEqual(["GenericError", verb]);
    }
  });

  test("answers QAPI's own examples as QAPI says", async () => {
    const monitor = await openRaw(peer);
    const listed = await monitor.ask({ execute: "query-yank" });
    expect(listed["return"]).toContainEqual({ type: "block-node", "node-name": "nbd0" });
    const yank = { execute: "yank", arguments: { instances: [{ type: "block-node", "node-name": "nbd0" }] } };
    expect(await monitor.ask(yank)).toEqual({ return: {} });
  });

  test("lists every instance by its type, in an order that stays, and only what is one", async () => {
    const monitor = await openRaw(peer);
    const first = await monitor.ask({ "exec-oob": "query-yank" });
    const instances = first["return"] as Message[];
    for (const id of ["mon0", "mon1"]) expect(instances).toContainEqual({ type: "chardev", id });
    expect(instances).not.toContainEqual({ type: "block-node", "node-name": "fmt0" });
    expect(writeJson(await monitor.ask({ execute: "query-yank" }))).toBe(writeJson(first));
    expect(errorClass(await monitor.ask({ "exec-oob": "yank", arguments: { instances: [{ type: "migration" }] } }))).toBe("DeviceNotFound");
  });
});
