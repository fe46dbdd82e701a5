import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { isTrouble, type HealthKind } from "#lib/health/verdict";
import { LINK_NAMESPACE, REALTIME_PATH } from "#lib/link/contract";

export interface NullHub {
  url: string;
  /** VMs that are healthy and whose topology was read: nothing more happens to them but probes. */
  settledCount(): number;
  /** VMs whose verdict is trouble now. */
  troubledCount(): number;
  close(): Promise<void>;
}

/** What is looked at of a report. */
interface ReportLike {
  vmId: string;
  health: { verdict: { kind: HealthKind } };
  topologyAgeMs?: number;
}

/** A hub that acknowledges everything and keeps only who is settled, so that a bridge's own cost can be measured. */
export async function startNullHub(): Promise<NullHub> {
  const http = createServer();
  const io = new Server(http, { path: REALTIME_PATH, maxHttpBufferSize: 1_000_000 });
  const settled = new Set<string>();
  const troubled = new Set<string>();
  const take = (vms: readonly ReportLike[]): void => {
    for (const { vmId, health, topologyAgeMs } of vms) {
      if (health.verdict.kind === "healthy" && topologyAgeMs !== undefined) settled.add(vmId);
      else settled.delete(vmId);
      if (isTrouble(health.verdict.kind)) troubled.add(vmId);
      else troubled.delete(vmId);
    }
  };
  io.of(LINK_NAMESPACE).on("connection", (socket) => {
    socket.on("snapshot:begin", (_message: unknown, ack: (answer: unknown) => void) => ack({ ok: true }));
    socket.on("snapshot:chunk", (message: { vms: ReportLike[] }, ack: (answer: unknown) => void) => {
      take(message.vms);
      ack({ ok: true });
    });
    socket.on("snapshot:end", (_message: unknown, ack: (answer: unknown) => void) => ack({ ok: true }));
    socket.on("vms:changed", (message: { changed: ReportLike[] }) => take(message.changed));
    socket.on("facts:append", (batch: { facts: { seq: number }[] }, ack: (answer: unknown) => void) =>
      ack({ throughSeq: batch.facts.at(-1)?.seq ?? 0 }),
    );
    socket.on("act:progressed", (_report: unknown, ack: (answer: unknown) => void) => ack({ ok: true }));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    settledCount: () => settled.size,
    troubledCount: () => troubled.size,
    close: async () => {
      await io.close();
    },
  };
}
