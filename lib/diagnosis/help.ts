/**
 * What helps, beside or instead of a yank, for one VM as it is now. Ripcord itself does none of it but what has an
 * `action`; commands are for a person to read, change and run.
 */
export const HELP_CODES = [
  "yank",
  "wait",
  "cancel-migration",
  "pause-postcopy",
  "recover-postcopy",
  "heal-far-side",
  "continue-process",
  "thaw-cgroup",
  "heal-storage",
  "end-child",
  "free-monitor",
  "restart-vm",
  "decide-failover",
  "give-monitor",
  "check-destination",
  "as-the-reason-says",
] as const;
export type HelpCode = (typeof HELP_CODES)[number];

export interface Help {
  code: HelpCode;
  /** One sentence, without a full stop: "continue pid 4711: the process is stopped". */
  text: string;
  /** Exact commands, ready to copy; everything that came from a VM in them is quoted. */
  commands?: string[];
  /** `instanceKey` where it is about one instance. */
  key?: string;
}
