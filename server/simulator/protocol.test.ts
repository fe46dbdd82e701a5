import { describe, expect, test } from "vitest";
import { RawClient } from "./testing/raw-client.ts";
import { startTestVm } from "./testing/start-vm.ts";

const RUNNING = { status: "running", singlestep: false, running: true };

function failure(desc: string, qmpClass = "GenericError"): object {
  return { error: { class: qmpClass, desc } };
}

describe("the handshake", () => {
  test("greets with its version, says that it is simulated, and offers oob", async () => {
    const { path } = await startTestVm();
    const client = await RawClient.connect(path);
    const greeting = await client.next();
    expect(greeting).toMatchObject({ QMP: { version: { qemu: { major: 7, minor: 2, micro: 22 } }, capabilities: ["oob"] } });
    expect(JSON.stringify(greeting)).toContain("ripcord-simulator");
    await client.close();
  });

  test("refuses every other command before it, and exec-oob by its shape", async () => {
    const { path } = await startTestVm();
    const client = await RawClient.connect(path);
    await client.next();
    const expected = failure("Expecting capabilities negotiation with 'qmp_capabilities'", "CommandNotFound");
    expect(await client.ask({ execute: "query-status", id: 1 })).toEqual({ id: 1, ...expected });
    expect(await client.ask({ "exec-oob": "query-yank", id: 2 })).toEqual({
      id: 2,
      ...failure("QMP input member 'exec-oob' is unexpected"),
    });
    await client.close();
  });

  test("may be tried again after an unknown capability, and succeeds once", async () => {
    const { path } = await startTestVm();
    const client = await RawClient.connect(path);
    await client.next();
    const ask = (enable: string[]) => client.ask({ execute: "qmp_capabilities", arguments: { enable }, id: "h" });
    expect(await ask(["nope"])).toEqual({ id: "h", ...failure("Parameter 'null' does not accept value 'nope'") });
    expect(await ask(["oob"])).toEqual({ id: "h", return: {} });
    const again = failure("Capabilities negotiation is already complete, command ignored", "CommandNotFound");
    expect(await ask(["oob"])).toEqual({ id: "h", ...again });
    await client.close();
  });

  test("refuses oob where it is not offered", async () => {
    const { path } = await startTestVm({ version: "no-oob" });
    const client = await RawClient.connect(path);
    expect(await client.next()).toMatchObject({ QMP: { capabilities: [] } });
    const reply = await client.ask({ execute: "qmp_capabilities", arguments: { enable: ["oob"] } });
    expect(reply).toEqual(failure("Capability oob not available"));
    await client.close();
  });

  test("sends twelve bytes of telnet negotiation first on a telnet monitor", async () => {
    const { directory } = await startTestVm();
    const path = `${directory}/telnet.sock`;
    const { startSimulatedVm } = await import("./simulated-vm.ts");
    const vm = await startSimulatedVm({ monitors: [{ id: "mon", path, isTelnet: true }] });
    const client = await RawClient.connect(path);
    const text = await client.rawText(14);
    expect(text.indexOf('{"QMP"')).toBe(12);
    await client.close();
    await vm.close();
  });

  test("spreads objects over lines on a pretty monitor", async () => {
    const { directory } = await startTestVm();
    const path = `${directory}/pretty.sock`;
    const { startSimulatedVm } = await import("./simulated-vm.ts");
    const vm = await startSimulatedVm({ monitors: [{ id: "mon", path, isPretty: true }] });
    const client = await RawClient.negotiated(path);
    expect(await client.ask({ execute: "query-status", id: "s" })).toEqual({ return: RUNNING, id: "s" });
    expect(await client.ask({ "exec-oob": "query-yank", id: "y" })).toEqual({ return: [{ type: "chardev", id: "mon" }], id: "y" });
    await client.close();
    await vm.close();
  });
});

describe("requests", () => {
  // The replies below were taken from QEMU 7.2.22, byte by byte.
  const cases: [input: string | Buffer, replies: string[]][] = [
    ["{]\n", ["JSON parse error, expecting value"]],
    ["null\n", ["QMP input must be a JSON object"]],
    ["[1]\n", ["QMP input must be a JSON object"]],
    ["42\n", ["QMP input must be a JSON object"]],
    ["{}\n", ["QMP input lacks member 'execute'"]],
    ["nope\n", ["JSON parse error, invalid keyword 'nope'"]],
    ['{"execute":"query-status","execute":"x"}\n', ["JSON parse error, duplicate key"]],
    ['{"execute":"query-status" "id":14}\n', ["JSON parse error, expected separator in dict"]],
    ['{"execute":"query-status","id":%s}\n', ["JSON parse error, stray '%'", "JSON parse error, expecting value"]],
    ['{"execute":"query-status","id":012}\n', ["JSON parse error, stray '01'", "JSON parse error, expecting value"]],
    ['{"execute":"query-status","id":"\\x"}\n', ["JSON parse error, invalid escape sequence in string"]],
    ['{"execute":"query-status","id":"a\tb"}\n', ["JSON parse error, stray '\"a\t'", "JSON parse error, expecting value"]],
    ["\u0001\n", ["JSON parse error, stray '\u0001'"]],
    [Buffer.from([0xff, 0x0a]), ["JSON parse error, stray '\uFFFD'"]],
    [
      Buffer.from('{"execute":"query-status","id":"\xff"}\n', "latin1"),
      ["JSON parse error, stray '\"\uFFFD'", "JSON parse error, expecting value"],
    ],
    [`${"[".repeat(1025)}\n`, ["JSON nesting depth limit exceeded"]],
  ];

  test.each(cases)("answers %j without an id, and recovers", async (input, replies) => {
    const { client: open } = await startTestVm();
    const client = await open();
    client.sendText(input);
    expect(await client.take(replies.length)).toEqual(replies.map((desc) => failure(desc)));
    expect(await client.ask({ execute: "query-status", id: "after" })).toEqual({ return: RUNNING, id: "after" });
  });

  test("reads on after a broken object on the same line", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    client.sendText('{"execute":"query-status","id":12,} {"execute":"query-status","id":13}\n');
    expect(await client.take(2)).toEqual([failure("JSON parse error, expecting value"), { return: RUNNING, id: 13 }]);
  });

  test("starts parse errors with their position when it is like QEMU 11", async () => {
    const { client: open } = await startTestVm({ version: "11.1" });
    const client = await open();
    client.sendText("{]\n");
    expect(await client.next()).toMatchObject({ error: { desc: expect.stringMatching(/^\d+:\d+: JSON parse error, expecting value$/) } });
  });

  test.each([
    ["'sq'", '"sq"'],
    ["null", "null"],
    ["18446744073709551615", "18446744073709551615"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["18446744073709551616", "1.8446744073709552e+19"],
    ["1.5e2", "150"],
    ["1e400", "inf"],
    ['{"a": [1, true]}', '{"a": [1, true]}'],
    ['"\\u00e9\\ud83d\\ude00\\n/"', '"\\u00E9\\uD83D\\uDE00\\n/"'],
  ])("echoes the id %s as %s", async (sent, echoed) => {
    const { client: open } = await startTestVm();
    const client = await open();
    client.sendText(`{'execute': 'query-name', "id": ${sent}}\n{"execute": "stop"}\n`);
    const expected = `{"return": {}, "id": ${echoed}}\r\n`;
    // `inf` is no JSON, so the raw text is what there is to look at.
    if (echoed === "inf") expect(await client.rawText(expected.length)).toContain(expected);
    else expect(await client.next()).toEqual(JSON.parse(expected));
  });

  test("names what is wrong with a request that it understood, and echoes its id", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    const ask = (request: Record<string, unknown>) => client.ask({ ...request, id: 4 });
    expect(await ask({ execute: "query-status", extra: 1 })).toEqual({ id: 4, ...failure("QMP input member 'extra' is unexpected") });
    expect(await ask({ execute: 1 })).toEqual({ id: 4, ...failure("QMP input member 'execute' must be a string") });
    const clash = failure("QMP input member 'execute' clashes with 'exec-oob'");
    expect(await ask({ execute: "query-status", "exec-oob": "x" })).toEqual({ id: 4, ...clash });
    expect(await ask({ execute: "nope" })).toEqual({ id: 4, ...failure("The command nope has not been found", "CommandNotFound") });
    expect(await ask({ execute: "query-status", arguments: { a: 1 } })).toEqual({ id: 4, ...failure("Parameter 'a' is unexpected") });
    const noOob = failure("The command query-status does not support OOB");
    expect(await ask({ "exec-oob": "query-status" })).toEqual({ id: 4, ...noOob });
    expect(await ask({ "exec-oob": "nope" })).toEqual({ id: 4, ...failure("The command nope has not been found", "CommandNotFound") });
  });

  test("says in its schema which commands may go out of band, and only those", async () => {
    const { client: open } = await startTestVm();
    const client = await open();
    const reply = await client.ask({ execute: "query-qmp-schema" });
    const entities = Array.isArray(reply.return) ? reply.return : [];
    const oob = entities.filter((entity) => entity["allow-oob"] === true).map((entity) => entity.name);
    expect(oob.sort()).toEqual(["migrate-pause", "migrate-recover", "query-yank", "yank"]);
    const names = new Set(entities.map((entity) => entity.name));
    for (const entity of entities.filter((one) => one["meta-type"] === "command")) {
      expect(names).toContain(entity["arg-type"]);
      expect(names).toContain(entity["ret-type"]);
    }
  });

  test("does not let a half-sent object poison the next client", async () => {
    const { client: open } = await startTestVm();
    const first = await open();
    first.sendText('{"execute": "query-st');
    await first.close();
    const second = await open();
    expect(await second.ask({ execute: "query-status", id: 1 })).toEqual({ return: RUNNING, id: 1 });
  });
});
