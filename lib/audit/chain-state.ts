import type { ChainFault } from "./chain-check.ts";

/** `GET /api/v1/audit/state`: whether the record verifies, as far as the hub has looked. */
export interface AuditState {
  writer: string;
  /** The newest row; to be kept elsewhere. Absent while there is none. */
  head?: { sequence: number; hash: string };
  /** Absent until the first check after the start of the hub has ended. */
  check?: {
    isIntact: boolean;
    /** Everything up to this row is as it was written. */
    throughSequence: number;
    /** Where the record begins. */
    firstSequence: number;
    atMs: number;
    fault?: ChainFault;
    notes: string[];
  };
  isChecking: boolean;
  /** Why the newest row could not be noted apart from the table, or the check not be made. */
  trouble?: string;
  /** Absent: for ever. */
  keepDays?: number;
}
