import type { YankInstance } from "#lib/qapi/yank";
import type { GoAnswer, GoRequest, PrepareAnswer, PrepareRequest, ProgressReport } from "#lib/link/contract";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport, VmId, VmReport } from "#lib/vm/report";
import type { HostAnswer, HostQuestion } from "../proc/host-reading.ts";

/**
 * What the parts of a bridge know of each other: the VM's side on one hand, `proc`, `topology` and `yank` on the other.
 * Types only, so that neither side has to import the other's code.
 */

/** Where a monitor listens. */
export type MonitorAddress = { kind: "unix"; path: string } | { kind: "tcp"; host: string; port: number };

/** /proc through a helper process with a time-out; every answer may be "not permitted" or "unknown". */
export interface ProcReader {
  /** Who listens on this unix socket path (or loopback TCP port) and since when. */
  findListener(
    address: MonitorAddress,
  ): Promise<{ pid: number; startTimeTicks: string } | { unknown: "not-permitted" | "not-found" | "time-out" }>;
  /** One character of /proc/PID/stat: R S D T t Z …, with the start time so that a reused pid is noticed; and whether its cgroup is frozen. */
  readState(
    pid: number,
  ): Promise<{ state: string; startTimeTicks: string; isFrozen?: boolean } | { unknown: "gone" | "not-permitted" | "time-out" }>;
  /** The command line, read at attach only. */
  readCommandLine(pid: number): Promise<string[] | undefined>;
  /** Whether the listening socket at this path has a connected peer other than ours (local inode count in /proc/net/unix). */
  hasOtherPeer(path: string): Promise<boolean | undefined>;
  /** Sockets, states and threads of these processes; undefined where it took too long. In the order of the targets. */
  readHost(question: HostQuestion): Promise<HostAnswer | undefined>;
  close(): Promise<void>;
}

/**
 * Sends one read through the VM's only in-band slot, while the VM is well. Rejects when in-band turns slow, so that a
 * reading of many commands stops at once instead of adding to a hang.
 */
export type AskInBand = (command: string, args?: Record<string, unknown>) => Promise<unknown>;

/** One VM as the desk needs it. */
export interface ActVm {
  vmId: VmId;
  /** The present report, made now. */
  report(): VmReport;
  /** Fresh `query-yank` over OOB (in-band where there is no OOB and the main loop lives), within timeoutMs. */
  requeryInstances(timeoutMs: number): Promise<YankInstance[]>;
  describe(instances: YankInstance[]): InstanceReport[];
  /** Re-reads `query-migrate` in-band, only when in-band is free; undefined when it could not be read. */
  requeryMigration(timeoutMs: number): Promise<MigrationReport | undefined>;
  /** Sends one command; the client enforces lanes, slot and allow-list. Rejects with the qmp error classes. */
  send(
    lane: "oob" | "in-band",
    command: string,
    args: Record<string, unknown> | undefined,
    options: { timeoutMs: number; slotWaitMs: number; onWritten: () => void },
  ): Promise<{ replyAfterMs: number }>;
  /** Calls back after every probe answer, verdict change and connection end until the returned function is called. */
  observe(listener: (observation: ActObservation) => void): () => void;
  /** Reads its sockets and threads anew; whether that was done within the time. What was read is in the next report. */
  freshenHost(timeoutMs: number): Promise<boolean>;
  /** What was read of its topology, for the record; undefined where nothing was. */
  topology(): unknown;
  recentEvents(): { name: string; data?: unknown; ageMs: number; count: number }[];
}

export type ActObservation =
  | { type: "probe-answered"; lane: "in-band" | "oob"; report: VmReport }
  | { type: "changed"; report: VmReport }
  | { type: "connection-lost"; report: VmReport };

/** The bridge's half of the yank desk, as the link needs it. */
export interface ActsDesk {
  prepare(request: PrepareRequest): Promise<PrepareAnswer>;
  go(request: GoRequest): Promise<GoAnswer>;
  acknowledge(actId: string, vmId: VmId): void;
  inquire(actId: string, vmId: VmId): ProgressReport | { unknown: true };
  /** Reports that no hub has acknowledged yet. */
  pending(): ProgressReport[];
}
