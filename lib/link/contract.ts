import type { ActProgress } from "../yank/act.ts";
import type { Action, Bindings, VoidReason } from "../yank/plan.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { VmId, VmReport } from "../vm/report.ts";

/**
 * The link: a socket.io namespace between one bridge and its hub. The bridge dials. Messages stay below
 * MAX_LINK_MESSAGE_BYTES; times cross it only as ages, because two machines' clocks never agree.
 */
export const LINK_VERSION = 1;
export const LINK_NAMESPACE = "/bridge";
/** The one socket.io path of the hub, for browsers and bridges. */
export const REALTIME_PATH = "/realtime";
export const MAX_LINK_MESSAGE_BYTES = 256 * 1024;
/** Facts that a bridge keeps while no hub listens. */
export const FACT_BACKLOG = 10_000;
/** A ticket from `act:prepare` is good for this long on the bridge's own clock. */
export const TICKET_LIFETIME_MS = 3_000;

/** Sent in the socket.io handshake (`auth`). */
export interface BridgeHello {
  linkVersion: number;
  bridgeId: string;
  /** What operators call the host. */
  label: string;
  /** Random per bridge start. */
  epoch: string;
  token: string;
  pid: number;
  isSimulated: boolean;
}

/** `connect_error` messages of the namespace, with what the bridge should do. */
export type HelloRefusal = "bad-token" | "bad-hello" | "link-version" | "duplicate-bridge";

export interface Pulse {
  /** Age of the newest probe answer or time-out of any VM; undefined with no VM to probe. */
  newestProbeAgeMs?: number;
  eventLoopDelayMs: number;
  vmCount: number;
  /** Problems of the bridge itself that an operator should read (no permission for /proc, a bad config reload). */
  notices: string[];
}

/** Something that happened, once. State travels apart from it, in `vms:changed`. */
export type FactBody =
  | { kind: "qmp-event"; name: string; data?: unknown; qemuAtMs?: number; count: number }
  | { kind: "verdict"; from: string; to: string; text: string }
  | { kind: "vm-appeared" }
  | { kind: "vm-ended"; reason: string }
  | { kind: "incarnation-changed"; text: string }
  | { kind: "connection"; text: string }
  | { kind: "dropped"; count: number; text: string };

export type Fact = FactBody & {
  /** Gapless per bridge epoch, from 1. */
  seq: number;
  vmId?: VmId;
  incarnationId?: string;
  ageMs: number;
};

export interface FactBatch {
  /** Facts that were lost before the first of this batch because nobody listened; 0 normally. */
  missedBefore: number;
  facts: Fact[];
}

export interface VmsChanged {
  generation: number;
  /** Gapless within a generation, from 1; a gap means: ask for a new snapshot by disconnecting. */
  sequence: number;
  changed: VmReport[];
  removed: VmId[];
}

export interface PrepareRequest {
  actId: string;
  vmId: VmId;
  action: Action;
  instances: KnownYankInstance[];
  bindings: Bindings;
}

export type PrepareAnswer =
  | { ok: true; ticket: string; evidence: ActEvidence }
  | { ok: false; code: "void"; void: VoidReason }
  | { ok: false; code: "act-in-progress" | "no-cord" | "in-band-busy" | "not-answering" | "unknown-vm" | "not-allowed"; text: string };

/** Everything known before the act; stored with it. */
export interface ActEvidence {
  report: VmReport;
  /** The answer to the re-read right before the act. */
  yankInstances: unknown[];
  /** The newest 200. */
  recentEvents: { name: string; data?: unknown; ageMs: number; count: number }[];
  /** What was read of the topology, as the bridge keeps it: chardevs, owners, block nodes. Plain JSON, for people and exports. */
  topology?: unknown;
  /** What was left out because it was too long or not read in time, in words. */
  leftOut?: string[];
}

export interface GoRequest {
  actId: string;
  ticket: string;
}
/** `going`: the command is being written; all else arrives as `act:progressed`. */
export type GoAnswer =
  { ok: true } | { ok: false; code: "late-ticket" | "unknown-ticket" | "already-executed" | "not-recorded"; text: string };

export interface ProgressReport {
  actId: string;
  vmId: VmId;
  progress: ActProgress;
  /** How long ago the command was written; undefined when it was not. */
  sentAgeMs?: number;
}

/** What goes only to those who watch one VM. */
export interface VmDetailReport {
  vmId: VmId;
  inBandRoundTripMs?: number;
  outOfBandRoundTripMs?: number;
  counters: { eventsSeen: number; repliesDropped: number; lateReplies: number; bytesRead: number; reconnects: number };
}

export interface BridgeToHubEvents {
  "snapshot:begin": (message: { generation: number; total: number }, ack: (answer: { ok: true }) => void) => void;
  "snapshot:chunk": (message: { generation: number; index: number; vms: VmReport[] }, ack: (answer: { ok: true }) => void) => void;
  "snapshot:end": (message: { generation: number }, ack: (answer: { ok: true }) => void) => void;
  "vms:changed": (message: VmsChanged) => void;
  "facts:append": (batch: FactBatch, ack: (answer: { throughSeq: number }) => void) => void;
  "pulse:sent": (pulse: Pulse) => void;
  "act:progressed": (report: ProgressReport, ack: (answer: { ok: true }) => void) => void;
  "detail:changed": (detail: VmDetailReport) => void;
}

export interface HubToBridgeEvents {
  "act:prepare": (request: PrepareRequest, ack: (answer: PrepareAnswer) => void) => void;
  "act:go": (request: GoRequest, ack: (answer: GoAnswer) => void) => void;
  /** The hub has committed the final outcome; the bridge may forget it. */
  "act:acknowledge": (message: { actId: string; vmId: VmId }) => void;
  /** Asks what became of an act that a hub has in its record without an outcome. */
  "act:inquire": (message: { actId: string; vmId: VmId }, ack: (answer: ProgressReport | { unknown: true }) => void) => void;
  /** The whole set of VMs that anybody looks at. */
  "detail:watch": (message: { vmIds: VmId[] }) => void;
  /** An operator has seen that this VM's process is gone. */
  "vm:dismiss": (message: { vmId: VmId }, ack: (answer: { ok: boolean }) => void) => void;
}

/**
 * The bridge's control socket (`dataDir/bridge.sock`, mode 0600): one JSON object per line each way. That this data folder
 * has its bridge is said by the lock beside it (`dataDir/bridge.lock`), which its bridge holds as long as it lives.
 */
export type ControlRequest = { op: "hello" } | { op: "adopt"; hubUrl: string } | { op: "reload" } | { op: "stop" };
export type ControlReply =
  { ok: true; bridgeId: string; epoch: string; pid: number; linkVersion: number; hubUrl?: string } | { ok: false; error: string };
