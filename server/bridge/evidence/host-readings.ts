import type { InstanceReport } from "#lib/vm/instance";
import type { ProcessReport } from "#lib/vm/process";

/** What the sockets of a process say of one instance beside its description. */
export type SocketSight = Pick<InstanceReport, "connection" | "connectionHow" | "waitLeftMs" | "sockets">;

/**
 * What the host tells of one incarnation without QMP: its sockets, its threads. Made when somebody first looks, filled by
 * the host's sampler while somebody goes on looking, and empty again after that.
 */
export class HostReadings {
  /** Undefined where it was not read. */
  process(nowMonoMs: number): ProcessReport | undefined {
    void nowMonoMs;
    return undefined;
  }

  /** What its connections show of this instance; undefined where nothing was read or nothing can be told. */
  sight(report: InstanceReport, nowMonoMs: number): Partial<SocketSight> | undefined {
    void report;
    void nowMonoMs;
    return undefined;
  }

  /**
   * How long ago bytes moved on this instance's connection, either way and acknowledged by the far side; by TCP's counters
   * over at least two readings. Undefined where nothing can tell (unix sockets, not measured, no connection).
   */
  movedAgeMs(instanceKey: string, nowMonoMs: number): number | undefined {
    void instanceKey;
    void nowMonoMs;
    return undefined;
  }
}
