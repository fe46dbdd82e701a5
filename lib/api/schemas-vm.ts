import { z } from "zod";
import { CLUE_CODES } from "../diagnosis/clue.ts";
import { HELP_CODES } from "../diagnosis/help.ts";
import { SUSPICION_SCORES } from "../diagnosis/suspicion.ts";
import { CLOCK_BUCKETS } from "../health/lane.ts";
import { HEALTH_KINDS } from "../health/verdict.ts";
import { CONNECTION_STATES } from "../vm/instance.ts";
import { MIGRATION_CHANNELS } from "../vm/report.ts";
import { vmIdSchema } from "./requests.ts";

/**
 * What the API answers of VMs, for its document and for the tests that hold it to that document. The types beside the
 * interfaces are held equal by `schemas.test.ts`; nothing is checked by these while the hub runs.
 */
const text = z.string();
export const atMsSchema = z.number().describe("Unix milliseconds on the hub's clock");
const ms = z.number().min(0);
const count = z.number().min(0);

const verdictSchema = z.discriminatedUnion("kind", [
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
  z.object({ kind: z.literal("io-stalled"), nodes: z.array(text) }),
  z.object({ kind: z.literal("guest-stopped"), runState: text }),
  z.object({ kind: z.literal("healthy") }),
]);

const healthSchema = z.intersection(
  verdictSchema,
  z.object({
    sinceAtMs: atMsSchema,
    readingAtMs: atMsSchema,
    was: z.object({ verdict: verdictSchema, atMs: atMsSchema }).optional(),
    mayStillFinish: text.optional(),
  }),
);

const laneSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("absent"), reason: z.enum(["no-oob", "not-connected", "not-negotiated"]) }),
  z.object({ state: z.literal("answered"), bucket: z.enum(CLOCK_BUCKETS), roundTripMs: ms }),
  z.object({ state: z.literal("open"), openSinceAtMs: atMsSchema, lastRoundTripMs: ms.optional() }),
]);

const yankInstanceAnswerSchema = z
  .looseObject({ type: text })
  .describe("QEMU's own object, as `query-yank` sent it; members keep QEMU's spelling");

export const suspicionSchema = z.object({ score: z.enum(SUSPICION_SCORES), reasons: z.array(text) });
const suspectSchema = z.object({
  key: text,
  name: text,
  score: z.enum(SUSPICION_SCORES),
  reason: text,
  serves: text,
  farSide: z.object({ key: text, text }).optional(),
});

const policies = z.enum(["report", "ignore", "enospc", "stop"]);
export const servesSchema = z.object({
  kind: z.enum([
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
  ]),
  owner: text.optional(),
  how: text.optional(),
  werror: policies.optional(),
  rerror: policies.optional(),
  isReadOnly: z.boolean().optional(),
  sizeBytes: count.optional(),
  deviceType: text.optional(),
  through: z.array(text).optional(),
  throughDrivers: z.array(text).optional(),
  jobType: text.optional(),
  portName: text.optional(),
});

export const farSideSchema = z.object({
  key: text,
  text,
  server: z.object({ key: text, text }).optional(),
  nbd: z.union([z.object({ path: text, exportName: text }), z.object({ host: text, port: text, exportName: text })]).optional(),
});

const socketSchema = z.object({
  transport: z.enum(["tcp", "unix"]),
  state: text,
  local: text.optional(),
  peer: text.optional(),
  bytesSent: count.optional(),
  bytesReceived: count.optional(),
  unsentBytes: count.optional(),
  unreadBytes: count.optional(),
  peerUnreadBytes: count.optional(),
  peerProcess: z.object({ pid: z.number().int(), name: text }).optional(),
  lastSentAtMs: atMsSchema.optional(),
  lastReceivedAtMs: atMsSchema.optional(),
  stillSinceAtMs: atMsSchema.optional(),
});

const clueViewSchema = z.object({ code: z.enum(CLUE_CODES), text, atMs: atMsSchema });

export const instanceSchema = z.object({
  instance: yankInstanceAnswerSchema,
  serves: servesSchema,
  farSide: farSideSchema.optional(),
  connection: z.enum(CONNECTION_STATES),
  connectionHow: text.optional(),
  reconnectMs: ms.optional(),
  isServer: z.boolean().optional(),
  isMonitor: z.union([z.boolean(), z.literal("possible")]),
  yankable: z.union([
    z.literal(true),
    z.object({
      code: z.enum(["is-monitor", "possible-monitor", "unknown-type", "unknown-owner", "nothing-connected", "topology-unread", "no-cord"]),
      text,
    }),
  ]),
  clues: z.array(clueViewSchema),
  suspicion: suspicionSchema,
  waitEndsAtMs: atMsSchema.optional(),
  sockets: z.array(socketSchema).optional(),
});

const migrationSchema = z.object({
  direction: z.enum(["outgoing", "incoming", "unknown"]),
  status: text,
  startId: text,
  transferredBytes: count.optional(),
  remainingBytes: count.optional(),
  totalBytes: count.optional(),
  bytesPerSecond: count.optional(),
  dirtyBytesPerSecond: count.optional(),
  isNotConverging: z.boolean().optional(),
  errorDesc: text.optional(),
  uri: text.optional(),
  channel: z.enum(MIGRATION_CHANNELS).optional(),
  sampleAtMs: atMsSchema,
  stalledSinceAtMs: atMsSchema.optional(),
  startedAtMs: atMsSchema.optional(),
});

export const vmSummarySchema = z.object({
  vmId: vmIdSchema,
  name: text,
  bridgeId: text,
  host: text,
  address: text,
  launcher: z.enum(["libvirt", "proxmox", "incus", "plain", "simulated"]),
  isSimulated: z.boolean(),
  qemuVersion: text.optional(),
  hasOob: z.boolean().optional(),
  runState: text.optional(),
  runStateAtMs: atMsSchema.optional(),
  runStateIsLastKnown: z.boolean().describe("The run state is old: show it as what was"),
  health: healthSchema,
  lanes: z.object({ inBand: laneSchema, outOfBand: laneSchema }),
  migration: migrationSchema.optional(),
  yankableCount: count,
  instanceCount: count,
  suspect: suspectSchema.optional(),
  incidentId: text.optional(),
  tags: z.array(text),
  farSides: z.array(text).optional(),
  actInProgress: z.object({ actId: text, who: text, sinceAtMs: atMsSchema }).optional(),
  changedAtRevision: count,
  endedAtMs: atMsSchema.optional(),
  endedReason: text.optional(),
});

const processSchema = z.object({
  pid: z.number().int(),
  condition: z.enum(["alive", "stopped", "uninterruptible", "frozen", "zombie", "gone", "not-permitted", "unknown"]),
  text,
  threads: z.array(
    z.object({
      tid: z.number().int(),
      role: z.enum(["main", "vcpu", "iothread", "other"]),
      name: text,
      state: text,
      waitChannel: text.optional(),
      syscall: text.optional(),
    }),
  ),
  children: z.array(z.object({ pid: z.number().int(), name: text })).optional(),
  atMs: atMsSchema,
});

const diskSchema = z.object({
  device: text,
  nodeName: text.optional(),
  completedCount: count,
  wasBusy: z.boolean(),
  outstandingCount: count.optional(),
  atMs: atMsSchema,
  stillSinceAtMs: atMsSchema.optional(),
  outstandingSinceAtMs: atMsSchema.optional(),
});

const helpSchema = z.object({
  code: z.enum(HELP_CODES),
  text,
  commands: z.array(text).optional(),
  key: text.optional(),
});

export const vmDetailSchema = vmSummarySchema.extend({
  epoch: text.optional(),
  uuid: text.optional(),
  incarnation: z.object({ id: text, pid: z.number().int().optional(), by: z.enum(["process", "connection"]) }),
  qemuPackage: text.optional(),
  evidence: z.array(z.object({ code: text, text })),
  helps: z.array(helpSchema),
  suspectsNote: text.optional(),
  process: processSchema.optional(),
  disks: z.array(diskSchema).optional(),
  colo: z
    .object({ role: z.enum(["primary", "secondary"]), isFailoverDue: z.boolean(), reason: text.optional(), atMs: atMsSchema })
    .optional(),
  instances: z.array(instanceSchema),
  instancesAtMs: atMsSchema.optional(),
  topologyAtMs: atMsSchema.optional(),
  notices: z.array(text),
  readings: z
    .object({
      atMs: atMsSchema,
      inBandRoundTripMs: ms.optional(),
      outOfBandRoundTripMs: ms.optional(),
      counters: z.object({ eventsSeen: count, repliesDropped: count, lateReplies: count, bytesRead: count, reconnects: count }),
    })
    .optional(),
});

/** `GET /api/v1/vms/{vmId}` */
export const vmAnswerSchema = vmDetailSchema.extend({ epoch: text, revision: count, serverTimeMs: atMsSchema });

export const bridgeViewSchema = z.object({
  bridgeId: text,
  host: text,
  isSimulated: z.boolean(),
  isConnected: z.boolean(),
  isSyncing: z.boolean(),
  newestProbeAtMs: atMsSchema.optional(),
  lostSinceAtMs: atMsSchema.optional(),
  vmCount: count,
  notices: z.array(text),
  refused: z.object({ reason: text, atMs: atMsSchema }).optional(),
});

export const fleetSnapshotSchema = z.object({
  epoch: text,
  revision: count,
  serverTimeMs: atMsSchema,
  bridges: z.array(bridgeViewSchema),
  counts: z.partialRecord(z.enum(HEALTH_KINDS), count).optional().describe("Of each verdict in all; only where `limit` was asked for"),
  vms: z.array(vmSummarySchema),
});

export const vmEventSchema = z.object({
  eventId: z.number().int(),
  vmId: vmIdSchema,
  incarnationId: text.optional(),
  atMs: atMsSchema,
  kind: z.enum(["qmp-event", "verdict", "vm-appeared", "vm-ended", "incarnation-changed", "connection", "dropped"]),
  title: text,
  text: text.optional(),
  data: z.unknown().optional(),
  qemuAtMs: atMsSchema.optional(),
  count,
});
