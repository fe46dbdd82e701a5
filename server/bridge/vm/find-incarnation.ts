import { randomBytes } from "node:crypto";
import type { Incarnation } from "#lib/vm/report";
import type { KnownVm } from "./known-vm.ts";
import type { MonitorAddress, ProcReader } from "./ports.ts";
import type { VmHost } from "./vm-host.ts";

/** A VM that nobody knew is shown by its connection when its process is not found by then: the helper may still be loading. */
const SEARCH_PATIENCE_MS = 3_000;
/** One that was known waits longer, so that it is not called another one because the helper had to be started anew. */
const SEARCH_PATIENCE_OF_KNOWN_MS = 10_000;
const SEARCH_AGAIN_MS = 2_000;
const SEARCH_ATTEMPTS = 5;

/** The process that listens, or why it is not known. */
export type FoundListener = Awaited<ReturnType<ProcReader["findListener"]>>;

export interface IncarnationSearch {
  address: MonitorAddress;
  /** The VM that was just greeted. */
  known: KnownVm;
  /** Who answered at this address before. */
  former: KnownVm | undefined;
  /** The path was bound anew while its former listener lives: the search must not bring that one back. */
  isReplaced: boolean;
  /** Whether the connection and the VM that this search is for are still the present ones. */
  isCurrent(): boolean;
  /** Called when patience ends without an answer, and again when a process is found after that. */
  onSettled(found: FoundListener): void;
  onCommandLine(commandLine: string[]): void;
}

/**
 * Which process answers. Among thousands of VMs at a start the search takes its time; a VM that nobody knew before is
 * shown meanwhile by its connection. One that was known waits, so that it is never taken for another.
 */
export async function findIncarnation(host: Pick<VmHost, "clock" | "proc">, search: IncarnationSearch): Promise<void> {
  const { known, former } = search;
  const formerId = search.isReplaced ? former?.incarnation?.id : undefined;
  const stopPatience = host.clock.setTimer(
    () => {
      if (search.isCurrent() && known.incarnation === undefined) search.onSettled({ unknown: "time-out" });
    },
    former === undefined ? SEARCH_PATIENCE_MS : SEARCH_PATIENCE_OF_KNOWN_MS,
  );
  const answer = await searchListener(host, search);
  stopPatience();
  if (!search.isCurrent()) return;
  const isFormer = "pid" in answer && processIncarnationId(answer) === formerId;
  const found = isFormer ? { unknown: "not-found" as const } : answer;
  if (known.incarnation === undefined || "pid" in found) search.onSettled(found);
  if (!search.isCurrent() || !("pid" in found)) return;
  const commandLine = await host.proc.readCommandLine(found.pid).catch(() => undefined);
  if (search.isCurrent() && commandLine !== undefined) search.onCommandLine(commandLine);
}

/** Writes down who it is. The simulator's VMs all live in one process: there the connection tells more. */
export function nameIncarnation(known: KnownVm, found: FoundListener, isSimulated: boolean): void {
  if ("pid" in found && !isSimulated) {
    known.incarnation = { id: processIncarnationId(found), pid: found.pid, by: "process" };
    known.startTimeTicks = found.startTimeTicks;
  } else known.incarnation ??= connectionIncarnation();
}

/** For whom no process is known: every connection is somebody new. */
export function connectionIncarnation(): Incarnation {
  return { id: `c-${randomBytes(6).toString("hex")}`, by: "connection" };
}

/** Certain only where /proc told both. */
export function isSameProcess(former: KnownVm, known: KnownVm): boolean {
  return former.incarnation?.by === "process" && former.incarnation.id === known.incarnation?.id;
}

/** What operators read when `known` answers where `former` did, and the two are not certainly one. */
export function describeChange(former: KnownVm, known: KnownVm): string {
  if (known.incarnation?.by !== "process") return "connected again; whether it is the same process cannot be read";
  const { pid } = known.incarnation;
  return former.incarnation?.by === "process"
    ? `another QEMU process (pid ${pid}) answers at this address`
    : `connected again, to pid ${pid}; whether it was that process before could not be read then`;
}

/** Asks again where the helper was too late: then nothing is known, and the next answer may tell. */
async function searchListener(host: Pick<VmHost, "clock" | "proc">, search: IncarnationSearch): Promise<FoundListener> {
  for (let attempt = 1; ; attempt++) {
    const found = await host.proc.findListener(search.address).catch(() => ({ unknown: "time-out" as const }));
    if ("pid" in found || found.unknown !== "time-out" || attempt === SEARCH_ATTEMPTS || !search.isCurrent()) return found;
    await new Promise<void>((resolve) => host.clock.setTimer(resolve, SEARCH_AGAIN_MS));
  }
}

function processIncarnationId({ pid, startTimeTicks }: { pid: number; startTimeTicks: string }): string {
  return `p${pid}-${startTimeTicks}`;
}
