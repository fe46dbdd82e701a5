import type { MonitorAddress } from "../vm/ports.ts";
import type { HostQuestion } from "./host-reading.ts";

/** Between the bridge and its helper: one JSON object per line on the helper's stdin and stdout. */
export type ProcQuestion =
  | { readonly op: "find-listener"; readonly address: MonitorAddress }
  | { readonly op: "read-state"; readonly pid: number }
  | { readonly op: "read-command-line"; readonly pid: number }
  | { readonly op: "has-other-peer"; readonly path: string }
  | ({ readonly op: "read-host" } & HostQuestion);

export type ProcRequest = ProcQuestion & { readonly id: number };

/** `value` is what the method of `ProcReader` resolves with; null stands for undefined. `alive` says that a long search goes on. */
export type ProcReply = { readonly id: number; readonly value: unknown } | { readonly alive: true };
