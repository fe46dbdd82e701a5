import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Server } from "socket.io";
import { LINK_NAMESPACE, REALTIME_PATH } from "#lib/link/contract";
import type { BridgeToHubEvents, GoAnswer, HubToBridgeEvents, PrepareAnswer, PrepareRequest, ProgressReport } from "#lib/link/contract";
import type { VmId, VmReport } from "#lib/vm/report";

const ANSWERED_WITHIN_MS = 5_000;

/** The hub's end of the link, and nothing else of a hub: it shows what a bridge says, and passes acts on to it. */
export interface LinkHub {
  readonly url: string;
  readonly port: number;
  /** As the newest snapshot and the changes since tell. */
  readonly vms: ReadonlyMap<VmId, VmReport>;
  /** Called with every report that comes, whether of a snapshot or a change. */
  onReport(listener: (report: VmReport) => void): void;
  /** What became of acts, in order. */
  readonly progress: readonly ProgressReport[];
  /** The epoch of the bridge that is connected and whose snapshot is whole. */
  bridgeEpoch(): string | undefined;
  prepare(request: PrepareRequest): Promise<PrepareAnswer>;
  go(actId: string, ticket: string): Promise<GoAnswer>;
  /** As the kernel does for a process that was killed: every connection breaks off without a word. */
  kill(): Promise<void>;
}

/** @param port where the former one listened, so that a bridge finds it; 0 takes a free one. */
export async function startLinkHub(port = 0): Promise<LinkHub> {
  const http = createServer();
  const connections = new Set<Socket>();
  http.on("connection", (connection) => connections.add(connection));
  const io = new Server<BridgeToHubEvents, HubToBridgeEvents>(http, { path: REALTIME_PATH, maxHttpBufferSize: 1_000_000 });
  const namespace = io.of(LINK_NAMESPACE);
  const vms = new Map<VmId, VmReport>();
  const progress: ProgressReport[] = [];
  const listeners: ((report: VmReport) => void)[] = [];
  let epoch: string | undefined;
  function keep(reports: readonly VmReport[]): void {
    for (const report of reports) {
      vms.set(report.vmId, report);
      for (const listener of listeners) listener(report);
    }
  }
  namespace.on("connection", (socket) => {
    socket.on("snapshot:begin", (_message, ack) => {
      vms.clear();
      ack({ ok: true });
    });
    socket.on("snapshot:chunk", (message, ack) => {
      keep(message.vms);
      ack({ ok: true });
    });
    socket.on("snapshot:end", (_message, ack) => {
      epoch = String(socket.handshake.auth["epoch"]);
      ack({ ok: true });
    });
    socket.on("vms:changed", ({ changed, removed }) => {
      keep(changed);
      for (const vmId of removed) vms.delete(vmId);
    });
    socket.on("facts:append", (batch, ack) => ack({ throughSeq: batch.facts.at(-1)?.seq ?? 0 }));
    socket.on("act:progressed", (report, ack) => {
      progress.push(report);
      ack({ ok: true });
    });
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, "127.0.0.1", resolve);
  });
  const taken = (http.address() as AddressInfo).port;

  async function bridge() {
    const [socket] = await namespace.fetchSockets();
    const live = socket && namespace.sockets.get(socket.id);
    if (live === undefined) throw new Error("No bridge is connected");
    return live.timeout(ANSWERED_WITHIN_MS);
  }
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    vms,
    onReport: (listener) => void listeners.push(listener),
    progress,
    bridgeEpoch: () => epoch,
    prepare: async (request) => (await bridge()).emitWithAck("act:prepare", request),
    go: async (actId, ticket) => (await bridge()).emitWithAck("act:go", { actId, ticket }),
    async kill() {
      for (const connection of connections) connection.destroy();
      await io.close();
    },
  };
}
