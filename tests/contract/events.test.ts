import { expect, test } from "vitest";
import { knownEvent, type QmpEvent } from "#lib/qapi/events";
import type { QmpCloseReason } from "#server/qmp/client";
import { describePeers, openClient, startVm } from "./peers.ts";
import { RawMonitor } from "./raw-monitor.ts";
import { until, within } from "./wait.ts";

const NO_DEVICES = { nbd: false, serial: false };
const REPLY = { timeoutMs: 10_000 };

describePeers("events", (peer) => {
  test("go to every monitor in command mode, with the host's time, and before the reply of what caused them", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const order: string[] = [];
    const events: QmpEvent[] = [];
    const elsewhere: QmpEvent[] = [];
    const client = await openClient(vm.monitorPath, {
      handlers: {
        onEvent: (event) => {
          order.push(event.event);
          events.push(event);
        },
      },
    });
    await openClient(vm.secondMonitorPath, { handlers: { onEvent: (event) => elsewhere.push(event) } });
    for (const command of ["stop", "cont"]) {
      await client.execute(command, undefined, REPLY);
      order.push(command);
    }
    expect(order).toEqual(["STOP", "stop", "RESUME", "cont"]);
    await until(() => elsewhere.length === 2, "both events on the other monitor");
    expect(elsewhere).toEqual(events);
    for (const event of events) {
      expect(knownEvent(event)).toBe(event);
      expect(Math.abs(Date.now() - (event.atMs ?? 0))).toBeLessThan(60_000);
    }
  });

  test("a VM that quits says SHUTDOWN, and why, before it hangs up", async () => {
    const vm = await startVm(peer, NO_DEVICES);
    const events: QmpEvent[] = [];
    const closed = Promise.withResolvers<QmpCloseReason>();
    await openClient(vm.monitorPath, { handlers: { onEvent: (event) => events.push(event), onClosed: closed.resolve } });
    const other = await RawMonitor.open(vm.secondMonitorPath);
    other.send('{"execute": "quit", "id": 1}\n');
    expect(await within(closed.promise, "the end of the session")).toMatchObject({ kind: "lost" });
    const shutdown = events.map(knownEvent).find((event) => event?.event === "SHUTDOWN");
    expect(shutdown?.data).toEqual({ guest: false, reason: "host-qmp-quit" });
    await within(other.ended, "the end of the other monitor");
    expect(other.text).toContain('"return": {}');
  });
});
