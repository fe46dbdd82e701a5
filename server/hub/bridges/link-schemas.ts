import { z } from "zod";
import { MAX_LINK_AFTERMATH, MAX_LINK_ERROR_CLASS, MAX_LINK_EVENT_NAME, MAX_LINK_LIST, MAX_LINK_TEXT } from "#lib/link/bounds";
import type { Fact, ProgressReport, Pulse, VmDetailReport } from "#lib/link/contract";
import { yankInstanceSchema } from "#lib/qapi/yank";
import { CLOCK_BUCKETS } from "#lib/health/lane";
import type { LaneReport } from "#lib/health/lane";
import type { Verdict } from "#lib/health/verdict";
import { CLUE_CODES } from "#lib/diagnosis/clue";
import type { DiskReport } from "#lib/vm/disk";
import { CONNECTION_STATES } from "#lib/vm/instance";
import type { InstanceReport, NbdAddress, NotYankable, ServesKind } from "#lib/vm/instance";
import type { ProcessReport } from "#lib/vm/process";
import { MIGRATION_CHANNELS } from "#lib/vm/report";
import type { VmReport } from "#lib/vm/report";
import type { SocketReport } from "#lib/vm/socket";
import { ACT_STATES, ACT_VERDICTS, RECOVERED_PARTS } from "#lib/yank/act";
import { vmIdSchema } from "#lib/api/requests";

/**
 * What may come over the link, checked once, here. A bridge is trusted with its VMs and with nothing else; what it passes
 * on from a VM is bounded in length. Members that a newer bridge adds are dropped, values it adds to a closed union refused.
 */
const text = z.string().max(MAX_LINK_TEXT);
const ageMs = z.number().min(0);
const count = z.number().min(0);
const sequence = z.number().int().min(1);

export const helloSchema = z.object({
  linkVersion: z.number().int(),
  bridgeId: z.string().min(1).max(64),
  label: z.string().min(1).max(64),
  epoch: z.string().min(1).max(64),
  token: z.string().min(1).max(256),
  pid: z.number().int(),
  isSimulated: z.boolean(),
});

const verdictSchema: z.ZodType<Verdict> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("unknown"), reason: z.enum(["not-asked", "bridge-lost", "no-valid-reading", "bridge-stalled"]) }),
  z.object({
    kind: z.literal("unreachable"),
    reason: z.enum([
      "refused",
      "no-such-socket",
      "not-permitted",
      "not-qmp",
      "no-greeting",
      "process-gone",
      "lost",
      "time-out",
      "not-ours",
    ]),
  }),
  z.object({ kind: z.literal("monitor-busy"), peerPid: z.number().int().optional() }),
  z.object({ kind: z.literal("silent"), reason: z.enum(["stopped", "uninterruptible", "frozen", "zombie", "no-oob", "unknown"]) }),
  z.object({ kind: z.literal("main-loop-hung"), cord: z.enum(["in-reach", "out-of-reach"]) }),
  z.object({ kind: z.literal("slow") }),
  z.object({ kind: z.literal("migration-stalled"), migrationStatus: text }),
  z.object({ kind: z.literal("io-stalled"), nodes: z.array(text).max(256) }),
  z.object({ kind: z.literal("guest-stopped"), runState: text }),
  z.object({ kind: z.literal("healthy") }),
]);

const laneSchema: z.ZodType<LaneReport> = z.discriminatedUnion("state", [
  z.object({ state: z.literal("absent"), reason: z.enum(["no-oob", "not-connected", "not-negotiated"]) }),
  z.object({ state: z.literal("answered"), bucket: z.enum(CLOCK_BUCKETS), roundTripMs: ageMs }),
  z.object({ state: z.literal("open"), openAgeMs: ageMs, lastRoundTripMs: ageMs.optional() }),
]);

const clueSchema = z.object({ code: z.enum(CLUE_CODES), text, ageMs });
const socketSchema: z.ZodType<SocketReport> = z.object({
  transport: z.enum(["tcp", "unix"]),
  state: z.string().max(32),
  local: text.optional(),
  peer: text.optional(),
  lastSentAgeMs: ageMs.optional(),
  lastReceivedAgeMs: ageMs.optional(),
  bytesSent: count.optional(),
  bytesReceived: count.optional(),
  unsentBytes: count.optional(),
  unreadBytes: count.optional(),
  peerUnreadBytes: count.optional(),
  stillAgeMs: ageMs.optional(),
  peerProcess: z.object({ pid: z.number().int(), name: z.string().max(256) }).optional(),
});
const processSchema: z.ZodType<ProcessReport> = z.object({
  pid: z.number().int(),
  condition: z.enum(["alive", "stopped", "uninterruptible", "frozen", "zombie", "gone", "not-permitted", "unknown"]),
  text,
  threads: z
    .array(
      z.object({
        tid: z.number().int(),
        role: z.enum(["main", "vcpu", "iothread", "other"]),
        name: z.string().max(64),
        state: z.string().max(4),
        waitChannel: z.string().max(128).optional(),
        syscall: z.string().max(64).optional(),
      }),
    )
    .max(64),
  children: z
    .array(z.object({ pid: z.number().int(), name: z.string().max(256) }))
    .max(64)
    .optional(),
  ageMs,
});
const diskSchema: z.ZodType<DiskReport> = z.object({
  device: text,
  nodeName: text.optional(),
  completedCount: count,
  stillAgeMs: ageMs.optional(),
  wasBusy: z.boolean(),
  outstandingCount: count.optional(),
  outstandingStillAgeMs: ageMs.optional(),
  ageMs,
});

const SERVES = [
  "guest-disk",
  "job-source",
  "job-target",
  "replication",
  "serial-console",
  "debug-console",
  "virtio-port",
  "guest-agent",
  "tpm",
  "vhost-user",
  "netdev",
  "rng",
  "filter",
  "other-device",
  "migration-out",
  "migration-in",
  "monitor",
  "nothing",
  "unknown",
] as const satisfies readonly ServesKind[];
const POLICIES = ["report", "ignore", "enospc", "stop"] as const;
const NOT_YANKABLE = [
  "is-monitor",
  "possible-monitor",
  "unknown-type",
  "unknown-owner",
  "nothing-connected",
  "topology-unread",
  "no-cord",
] as const satisfies readonly NotYankable["code"][];

const nbdAddressSchema: z.ZodType<NbdAddress> = z.union([
  z.object({ path: text, exportName: text }),
  z.object({ host: text, port: text, exportName: text }),
]);

const instanceSchema: z.ZodType<InstanceReport> = z.object({
  instance: yankInstanceSchema,
  serves: z.object({
    kind: z.enum(SERVES),
    owner: text.optional(),
    how: text.optional(),
    werror: z.enum(POLICIES).optional(),
    rerror: z.enum(POLICIES).optional(),
    isReadOnly: z.boolean().optional(),
    sizeBytes: count.optional(),
    deviceType: z.string().max(256).optional(),
    through: z.array(text).max(32).optional(),
    throughDrivers: z.array(z.string().max(64)).max(32).optional(),
    jobType: z.string().max(64).optional(),
    portName: text.optional(),
  }),
  farSide: z.object({ key: text, text, server: z.object({ key: text, text }).optional(), nbd: nbdAddressSchema.optional() }).optional(),
  connection: z.enum(CONNECTION_STATES),
  connectionHow: text.optional(),
  waitLeftMs: ageMs.optional(),
  clues: z.array(clueSchema).max(32).optional(),
  sockets: z.array(socketSchema).max(16).optional(),
  reconnectMs: ageMs.optional(),
  isServer: z.boolean().optional(),
  isMonitor: z.union([z.boolean(), z.literal("possible")]),
  yankable: z.union([z.literal(true), z.object({ code: z.enum(NOT_YANKABLE), text })]),
});

const evidenceLineSchema = z.object({ code: z.string().max(64), text });

export const vmReportSchema: z.ZodType<VmReport> = z.object({
  vmId: vmIdSchema,
  address: text,
  incarnation: z.object({ id: z.string().max(256), pid: z.number().int().optional(), by: z.enum(["process", "connection"]) }),
  name: z.string().max(1_024),
  uuid: z.string().max(64).optional(),
  launcher: z.enum(["libvirt", "proxmox", "incus", "plain", "simulated"]),
  qemuVersion: z.object({ major: z.number(), minor: z.number(), micro: z.number(), package: text }).optional(),
  hasOob: z.boolean().optional(),
  isSimulated: z.boolean(),
  tags: z.array(z.string().max(64)).max(64),
  runState: z.object({ value: z.string().max(64), ageMs, isLastKnown: z.boolean() }).optional(),
  health: z.object({
    verdict: verdictSchema,
    sinceAgeMs: ageMs,
    readingAgeMs: ageMs,
    evidence: z.array(evidenceLineSchema).max(64),
    mayStillFinish: text.optional(),
  }),
  lanes: z.object({ inBand: laneSchema, outOfBand: laneSchema }),
  migration: z
    .object({
      direction: z.enum(["outgoing", "incoming", "unknown"]),
      status: z.string().max(64),
      startId: z.string().max(256),
      transferredBytes: count.optional(),
      remainingBytes: count.optional(),
      totalBytes: count.optional(),
      bytesPerSecond: count.optional(),
      dirtyBytesPerSecond: count.optional(),
      isNotConverging: z.boolean().optional(),
      errorDesc: text.optional(),
      uri: text.optional(),
      channel: z.enum(MIGRATION_CHANNELS).optional(),
      startedAgeMs: ageMs.optional(),
      stalledAgeMs: ageMs.optional(),
      sampleAgeMs: ageMs,
    })
    .optional(),
  colo: z
    .object({ role: z.enum(["primary", "secondary"]), isFailoverDue: z.boolean(), reason: z.string().max(64).optional(), ageMs })
    .optional(),
  process: processSchema.optional(),
  disks: z.array(diskSchema).max(64).optional(),
  instances: z.array(instanceSchema).max(MAX_LINK_LIST),
  instancesAgeMs: ageMs.optional(),
  topologyAgeMs: ageMs.optional(),
  notices: z.array(text).max(64),
  ended: z.object({ reason: z.enum(["shutdown", "socket-removed", "replaced"]), ageMs }).optional(),
});

const factBase = { seq: sequence, vmId: vmIdSchema.optional(), incarnationId: z.string().max(256).optional(), ageMs };
const factSchema: z.ZodType<Fact> = z.discriminatedUnion("kind", [
  z.object({
    ...factBase,
    kind: z.literal("qmp-event"),
    name: z.string().max(256),
    data: z.unknown().optional(),
    qemuAtMs: z.number().optional(),
    count,
  }),
  z.object({ ...factBase, kind: z.literal("verdict"), from: text, to: text, text }),
  z.object({ ...factBase, kind: z.literal("vm-appeared") }),
  z.object({ ...factBase, kind: z.literal("vm-ended"), reason: text }),
  z.object({ ...factBase, kind: z.literal("incarnation-changed"), text }),
  z.object({ ...factBase, kind: z.literal("connection"), text }),
  z.object({ ...factBase, kind: z.literal("dropped"), count, text }),
]);

const generation = z.number().int().min(0);
export const snapshotBeginSchema = z.object({ generation, total: z.number().int().min(0) });
/** The VMs themselves are checked one by one, so that one bad report does not take the others with it. */
export const snapshotChunkSchema = z.object({ generation, index: z.number().int().min(0), vms: z.array(z.unknown()) });
export const snapshotEndSchema = z.object({ generation });
export const vmsChangedSchema = z.object({
  generation,
  sequence,
  changed: z.array(z.unknown()),
  removed: z.array(vmIdSchema),
});
/** The facts, too, are checked one by one. */
export const factBatchSchema = z.object({ missedBefore: count, facts: z.array(z.unknown()) });
export { factSchema };

export const pulseSchema: z.ZodType<Pulse> = z.object({
  newestProbeAgeMs: ageMs.optional(),
  eventLoopDelayMs: ageMs,
  vmCount: count,
  notices: z.array(text).max(64),
});

export const progressReportSchema: z.ZodType<ProgressReport> = z.object({
  actId: z.string().max(64),
  vmId: vmIdSchema,
  progress: z.object({
    state: z.enum(ACT_STATES),
    verdict: z.enum(ACT_VERDICTS),
    detail: text.optional(),
    qmpError: z.object({ class: z.string().max(MAX_LINK_ERROR_CLASS), desc: text }).optional(),
    replyAfterMs: ageMs.optional(),
    recoveredAfterMs: ageMs.optional(),
    recoveredParts: z.array(z.enum(RECOVERED_PARTS)).max(8).optional(),
    aftermath: z.array(text).max(MAX_LINK_AFTERMATH),
    isFinal: z.boolean(),
  }),
  sentAgeMs: ageMs.optional(),
});

export const detailReportSchema: z.ZodType<VmDetailReport> = z.object({
  vmId: vmIdSchema,
  inBandRoundTripMs: ageMs.optional(),
  outOfBandRoundTripMs: ageMs.optional(),
  counters: z.object({ eventsSeen: count, repliesDropped: count, lateReplies: count, bytesRead: count, reconnects: count }),
});

const voidSchema = z.object({
  code: z.enum(["vm-gone", "incarnation-changed", "health-changed", "instance-gone", "topology-changed", "migration-changed", "expired"]),
  text,
});
export const prepareAnswerSchema = z.union([
  z.object({
    ok: z.literal(true),
    ticket: z.string().max(256),
    evidence: z.object({
      report: vmReportSchema,
      yankInstances: z.array(z.unknown()).max(MAX_LINK_LIST),
      recentEvents: z
        .array(z.object({ name: z.string().max(MAX_LINK_EVENT_NAME), data: z.unknown().optional(), ageMs, count }))
        .max(MAX_LINK_LIST),
      topology: z.unknown().optional(),
      leftOut: z.array(text).max(64).optional(),
    }),
  }),
  z.object({ ok: z.literal(false), code: z.literal("void"), void: voidSchema }),
  z.object({
    ok: z.literal(false),
    code: z.enum(["act-in-progress", "no-cord", "in-band-busy", "not-answering", "unknown-vm", "not-allowed"]),
    text,
  }),
]);
export const goAnswerSchema = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.enum(["late-ticket", "unknown-ticket", "already-executed", "not-recorded"]), text }),
]);
export const inquireAnswerSchema = z.union([progressReportSchema, z.object({ unknown: z.literal(true) })]);
