import type { ProcessState } from "#lib/health/reduce-health";
import type { QmpClock } from "#server/qmp/client";
import type { MonitorAddress, ProcReader } from "./ports.ts";

export const PROCESS_RECHECK_MS = 1_000;

/** What /proc says of the process behind one monitor, asked at most once a second. Owned by the VM; it has no timer. */
export class ProcessSight {
  readonly #proc: ProcReader;
  readonly #clock: QmpClock;
  #seen: { state: ProcessState; readMonoMs: number; sightings: number } | undefined;
  #isReading = false;

  constructor(proc: ProcReader, clock: QmpClock) {
    this.#proc = proc;
    this.#clock = clock;
  }

  /** As it was read last. */
  get state(): ProcessState {
    return this.#seen?.state ?? "unknown";
  }

  /** State D passes in an instant on a busy disk, so that one sighting proves nothing. */
  get confirmedState(): ProcessState {
    return this.state === "uninterruptible" && (this.#seen?.sightings ?? 0) < 2 ? "unknown" : this.state;
  }

  forget(): void {
    this.#seen = undefined;
  }

  /** Somebody else read it: a first sighting. */
  take(state: ProcessState): void {
    this.#seen = { state, readMonoMs: this.#clock.nowMonoMs(), sightings: 1 };
  }

  /** Reads it unless that was done just now. The answer is dropped where `isCurrent` says that the VM is another one by then. */
  refresh(pid: number | undefined, isCurrent: () => boolean, onRead: () => void): void {
    if (pid === undefined || this.#isReading) return;
    if (this.#seen && this.#clock.nowMonoMs() - this.#seen.readMonoMs < PROCESS_RECHECK_MS * 0.8) return;
    this.#isReading = true;
    void readProcessState(this.#proc, pid)
      .then((state) => {
        if (!isCurrent()) return;
        const sightings = this.#seen?.state === state || this.#seen === undefined ? (this.#seen?.sightings ?? 0) + 1 : 1;
        this.#seen = { state, readMonoMs: this.#clock.nowMonoMs(), sightings };
        onRead();
      })
      .finally(() => {
        this.#isReading = false;
      });
  }
}

/** Whether another client is being served at this address; undefined where nobody can tell. */
export async function hasOtherPeer(proc: ProcReader, address: MonitorAddress): Promise<boolean | undefined> {
  return address.kind === "unix" ? proc.hasOtherPeer(address.path).catch(() => undefined) : undefined;
}

/** The state of whoever listens at this address. */
export async function readListenerState(proc: ProcReader, address: MonitorAddress): Promise<ProcessState> {
  const listener = await proc.findListener(address).catch(() => undefined);
  return listener && "pid" in listener ? readProcessState(proc, listener.pid) : "unknown";
}

async function readProcessState(proc: ProcReader, pid: number): Promise<ProcessState> {
  const answer = await proc.readState(pid).catch(() => undefined);
  if (!answer || "unknown" in answer) return "unknown";
  // Of a frozen one the kernel says S or D.
  if (answer.isFrozen === true) return "frozen";
  if (answer.state === "Z" || answer.state === "X") return "zombie";
  if (answer.state === "T" || answer.state === "t") return "stopped";
  return answer.state === "D" ? "uninterruptible" : "alive";
}
