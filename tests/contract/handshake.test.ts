import { expect, onTestFinished, test } from "vitest";
import { openClient, describePeers, makeClient, startVm } from "./peers.ts";
import { errorClass, RawMonitor } from "./raw-monitor.ts";

const NO_DEVICES = { nbd: false, serial: false };

async function connectRaw(path: string): Promise<RawMonitor> {
  const monitor = await RawMonitor.connect(path);
  onTestFinished(() => monitor.close());
  return monitor;
}

describePeers("the handshake", (peer) => {
  test("greets with its version and offers oob", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await connectRaw(vm.monitorPath);
    expect(await monitor.next()).toEqual({
      QMP: {
        version: {
          qemu: { major: expect.any(Number) as unknown, minor: expect.any(Number) as unknown, micro: expect.any(Number) as unknown },
          package: expect.any(String) as unknown,
        },
        capabilities: ["oob"],
      },
    });
    expect(monitor.text.endsWith("\r\n")).toBe(true);
  });

  test("takes no command before it", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await connectRaw(vm.monitorPath);
    await monitor.next();
    const early = await monitor.ask({ execute: "query-version", id: 1 });
    expect([errorClass(early), early["id"]]).toEqual(["CommandNotFound", 1]);
    const oob = await monitor.ask({ "exec-oob": "query-yank", id: 2 });
    expect([errorClass(oob), oob["id"]]).toEqual(["GenericError", 2]);
  });

  test("refuses a capability that it does not know and can be asked again", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await connectRaw(vm.monitorPath);
    await monitor.next();
    expect(errorClass(await monitor.ask({ execute: "qmp_capabilities", arguments: { enable: ["time-travel"] } }))).toBe("GenericError");
    expect(errorClass(await monitor.ask({ execute: "query-version" }))).toBe("CommandNotFound");
    expect(await monitor.ask({ execute: "qmp_capabilities", arguments: { enable: ["oob"] } })).toEqual({ return: {} });
    expect(await monitor.ask({ "exec-oob": "query-yank" })).toHaveProperty("return");
  });

  test("is done once", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await RawMonitor.open(vm.monitorPath);
    onTestFinished(() => monitor.close());
    expect(errorClass(await monitor.ask({ execute: "qmp_capabilities" }))).toBe("CommandNotFound");
    expect(errorClass(await monitor.ask({ execute: "query-version" }))).toBeUndefined();
  });

  test("gives no out-of-band to who did not ask for it", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await RawMonitor.open(vm.monitorPath, []);
    onTestFinished(() => monitor.close());
    const reply = await monitor.ask({ "exec-oob": "query-yank", id: "o" });
    expect([errorClass(reply), reply["id"]]).toEqual(["GenericError", "o"]);
    expect(await monitor.ask({ execute: "query-yank" })).toHaveProperty("return");
  });

  test("keeps no events for later", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const late = await connectRaw(vm.monitorPath);
    await late.next();
    const early = await RawMonitor.open(vm.secondMonitorPath);
    onTestFinished(() => early.close());
    await early.ask({ execute: "stop" });
    await early.event("STOP");
    await late.ask({ execute: "qmp_capabilities" });
    await early.ask({ execute: "cont" });
    await late.event("RESUME");
    expect(late.events.map((event) => event["event"])).toEqual(["RESUME"]);
  });

  test("works with a monitor that spreads its objects over lines", async () => {
    const vm = await startVm(peer, { ...NO_DEVICES, pretty: true });
    const raw = await RawMonitor.open(vm.monitorPath);
    expect(raw.text.trim().split("\r\n").length).toBeGreaterThan(5);
    raw.close();
    await raw.ended;
    const client = await openClient(vm.monitorPath);
    expect((await client.execute("query-status", undefined, { timeoutMs: 5_000 })).value).toMatchObject({ status: "running" });
    expect((await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 })).value).toContainEqual({ type: "chardev", id: "mon0" });
  });

  test("works over TCP as over a unix socket", async () => {
    const vm = await startVm(peer, { ...NO_DEVICES, tcp: true });
    const client = makeClient("", { address: vm.tcpMonitor ?? { path: "" } });
    const greeting = await client.connect();
    expect(greeting.capabilities).toContain("oob");
    expect((await client.executeOob("query-yank", undefined, { timeoutMs: 5_000 })).value).toContainEqual({ type: "chardev", id: "mon0" });
  });

  test("serves one client at a time: the second is greeted when the first has left", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const first = await RawMonitor.open(vm.monitorPath);
    const second = await connectRaw(vm.monitorPath);
    second.send('{"execute": "qmp_capabilities", "id": "early"}\n');
    for (let turn = 0; turn < 20; turn++) await first.ask({ "exec-oob": "query-yank" });
    expect(second.text).toBe("");
    first.close();
    expect(await second.next()).toHaveProperty("QMP");
    expect(await second.next()).toEqual({ return: {}, id: "early" });
  });

  test("a client that meets a busy monitor says that no greeting came, and leaves", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    await openClient(vm.monitorPath);
    const second = makeClient(vm.monitorPath, { greetingTimeoutMs: 200 });
    await expect(second.connect()).rejects.toMatchObject({ code: "no-greeting", outcome: "not-sent" });
    expect(second.state).toMatchObject({ kind: "closed", reason: { kind: "no-greeting" } });
  });

  test("half an object dies with its client", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const rude = await RawMonitor.open(vm.monitorPath);
    rude.send('{"execute": "query-sta');
    await rude.ask({ "exec-oob": "query-yank" }).catch(() => undefined);
    rude.close();
    await rude.ended;
    const client = await openClient(vm.monitorPath);
    expect((await client.execute("query-status", undefined, { timeoutMs: 5_000 })).value).toMatchObject({ status: "running" });
  });
});
