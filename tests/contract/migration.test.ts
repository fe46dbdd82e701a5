import { expect, onTestFinished, test } from "vitest";
import { describePeers, startVm } from "./peers.ts";
import { errorClass, RawMonitor, type Message } from "./raw-monitor.ts";
import { until } from "./wait.ts";

const NO_DEVICES = { nbd: false, serial: false };
const MIGRATION = { type: "migration" };
const PAUSE = { "exec-oob": "migrate-pause", id: "pause" };

describePeers("migration", (peer) => {
  test("that never was reads as nothing, is not listed, and cannot be paused", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await RawMonitor.open(vm.monitorPath);
    onTestFinished(() => monitor.close());
    expect(await monitor.ask({ execute: "query-migrate" })).toEqual({ return: {} });
    expect(await monitor.ask({ execute: "query-colo-status" })).toEqual({ return: { mode: "none", "last-mode": "none", reason: "none" } });
    expect((await monitor.ask({ execute: "query-yank" }))["return"]).not.toContainEqual(MIGRATION);
    expect(errorClass(await monitor.ask(PAUSE))).toBe("GenericError");
    const yank = { "exec-oob": "yank", arguments: { instances: [MIGRATION] } };
    expect(errorClass(await monitor.ask(yank))).toBe("DeviceNotFound");
  });

  test("in postcopy is paused out of band, stays listed and stopped, and takes a yank without effect", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const monitor = await RawMonitor.open(vm.monitorPath);
    onTestFinished(() => monitor.close());
    const info = async () => (await monitor.ask({ execute: "query-migrate" }))["return"] as Message;
    await vm.startPostcopy();
    expect(await info()).toMatchObject({ status: "postcopy-active", ram: { transferred: expect.any(Number) as unknown } });
    expect((await monitor.ask({ execute: "query-status" }))["return"]).toMatchObject({ status: "finish-migrate", running: false });
    expect(await monitor.ask(PAUSE)).toEqual({ return: {}, id: "pause" });
    await until(async () => (await info())["status"] === "postcopy-paused", "the migration paused");
    expect(errorClass(await monitor.ask(PAUSE))).toBe("GenericError");
    expect((await monitor.ask({ execute: "query-yank" }))["return"]).toContainEqual(MIGRATION);
    expect(await monitor.ask({ "exec-oob": "yank", arguments: { instances: [MIGRATION] } })).toEqual({ return: {} });
    const paused = await info();
    expect(paused).toMatchObject({ status: "postcopy-paused" });
    expect("error-desc" in paused).toBe(peer.major >= 10);
    expect((await monitor.ask({ execute: "query-status" }))["return"]).toMatchObject({ status: "finish-migrate" });
  });
});
