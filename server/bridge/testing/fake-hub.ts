import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { LINK_NAMESPACE, REALTIME_PATH } from "#lib/link/contract";
import type { BridgeToHubEvents, HubToBridgeEvents, Pulse } from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";

export interface FakeHub {
  url: string;
  /** As the newest snapshot and the changes since tell. */
  vms: Map<VmId, VmReport>;
  /** The newest, of the bridge that is connected now. */
  pulse(): Pulse | undefined;
  close(): Promise<void>;
}

/** The hub's end of the link, for tests of the bridge as a process: it takes everything and asks for nothing. */
export async function startFakeHub(): Promise<FakeHub> {
  const http = createServer();
  const hub = new Server<BridgeToHubEvents, HubToBridgeEvents>(http, { path: REALTIME_PATH });
  const vms = new Map<VmId, VmReport>();
  let pulse: Pulse | undefined;
  hub.of(LINK_NAMESPACE).on("connection", (socket) => {
    socket.on("snapshot:begin", (_message, ack) => {
      vms.clear();
      ack({ ok: true });
    });
    socket.on("snapshot:chunk", (message, ack) => {
      for (const vm of message.vms) vms.set(vm.vmId, vm);
      ack({ ok: true });
    });
    socket.on("snapshot:end", (_message, ack) => ack({ ok: true }));
    socket.on("vms:changed", ({ changed, removed }) => {
      for (const vm of changed) vms.set(vm.vmId, vm);
      for (const vmId of removed) vms.delete(vmId);
    });
    socket.on("facts:append", (batch, ack) => ack({ throughSeq: batch.facts.at(-1)?.seq ?? 0 }));
    socket.on("pulse:sent", (message) => {
      pulse = message;
    });
    socket.on("disconnect", () => {
      pulse = undefined;
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    vms,
    pulse: () => pulse,
    close: () => hub.close(),
  };
}
