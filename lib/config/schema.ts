import { z } from "zod";
import { DEFAULT_THRESHOLDS } from "../health/thresholds.ts";
import { deadManSchema, notifySchema } from "./notify-schema.ts";

/**
 * `ripcord.yaml`. Strict: a key that is not here is an error. Every default stands here and nowhere else; durations
 * are ms.
 */
const durationMs = (defaultMs: number, min = 100, max = 3_600_000) => z.number().int().min(min).max(max).default(defaultMs);

const DEFAULT_MONITOR_GLOB = "/run/ripcord/monitors/*.sock";
export const DEFAULT_PORT = 7979;

export const monitorSchema = z.union([
  z.strictObject({
    /** A socket, or a glob of sockets (`*` and `?` in the last two path segments). */
    path: z.string().min(1).startsWith("/", "must be an absolute path"),
    /** Required to use a socket that libvirt, Proxmox or Incus made for itself. */
    takeOver: z.boolean().default(false),
  }),
  z.strictObject({
    tcp: z.string().regex(/^.+:\d{1,5}$/, 'must be "host:port"'),
    takeOver: z.boolean().default(false),
  }),
]);

const probeSchema = z.strictObject({
  intervalMs: durationMs(1_000, 200, 60_000),
  slowAfterMs: durationMs(DEFAULT_THRESHOLDS.slowAfterMs),
  hungAfterMs: durationMs(DEFAULT_THRESHOLDS.hungAfterMs),
  oobSilentAfterMs: durationMs(DEFAULT_THRESHOLDS.oobSilentAfterMs),
  ioStallAfterMs: durationMs(DEFAULT_THRESHOLDS.ioStallAfterMs),
  migrationStallAfterMs: durationMs(DEFAULT_THRESHOLDS.migrationStallAfterMs),
});

// Written out, because a default inside an optional member would override what `bridge.probe` says.
const overrideMs = z.number().int().min(100).max(3_600_000).optional();
const probeOverrideSchema = z.strictObject({
  intervalMs: overrideMs,
  slowAfterMs: overrideMs,
  hungAfterMs: overrideMs,
  oobSilentAfterMs: overrideMs,
  ioStallAfterMs: overrideMs,
  migrationStallAfterMs: overrideMs,
});

const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "letters, digits, dot, dash, underscore; at most 64");

export const configSchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().default("127.0.0.1"),
      port: z.number().int().min(0).max(65_535).default(DEFAULT_PORT),
    })
    .prefault({}),
  /** Absent: /var/lib/ripcord for root, else $XDG_STATE_HOME/ripcord or ~/.local/state/ripcord. */
  dataDir: z.string().min(1).optional(),
  bridge: z
    .strictObject({
      /** Absent: the host's name. */
      id: identifier.optional(),
      /** What operators call this host. Absent: the host's name. */
      label: z.string().min(1).max(64).optional(),
      monitors: z.array(monitorSchema).default([{ path: DEFAULT_MONITOR_GLOB, takeOver: false }]),
      /** Monitors over TCP on other machines carry no authentication: QEMU's own guidance is not to. */
      allowRemoteTcp: z.boolean().default(false),
      probe: probeSchema.prefault({}),
    })
    .prefault({}),
  vms: z
    .array(
      z.strictObject({
        /** A glob over the VM's name. */
        match: z.string().min(1),
        tags: z.array(z.string().min(1).max(64)).max(32).default([]),
        /** Only what differs from `bridge.probe`. */
        probe: probeOverrideSchema.optional(),
      }),
    )
    .default([]),
  queries: z
    .strictObject({
      /** May sizes be read with query-named-block-nodes, which can wait for storage that stalls? @see docs/decisions/0007 */
      block: z.boolean().default(true),
      virtioQueues: z.boolean().default(true),
      /** May the migration capability `events` be switched on where no migration runs? */
      enableMigrationEvents: z.boolean().default(true),
    })
    .prefault({}),
  /** Of the hub: acts on several VMs at once. */
  desk: z
    .strictObject({
      /** Targets of one act that are under way at once; the others wait for their turn and are looked at again then. */
      targetsAtOnce: z.number().int().min(1).max(100).default(5),
      /** Between the starts of two targets of one act. */
      staggerMs: z.number().int().min(0).max(60_000).default(200),
    })
    .prefault({}),
  /** Of the hub: when an incident is over. */
  incidents: z
    .strictObject({
      /** No member in trouble for this long: resolved. Until then it is mitigated, and a relapse only counts as flapping. */
      resolveAfterMs: durationMs(300_000, 1_000, 86_400_000),
    })
    .prefault({}),
  /** Of the hub: what Prometheus scrapes, at /metrics. @see docs/metrics.md */
  metrics: z
    .strictObject({
      /** A port of its own, where no token is asked for. Absent: only the hub's own port, with the token. */
      port: z.number().int().min(0).max(65_535).optional(),
      host: z.string().default("127.0.0.1"),
      /** With more VMs than this there are sums per host and verdict and no series per VM. */
      maxVms: z.number().int().min(0).max(100_000).default(5_000),
    })
    .prefault({}),
  /** Of the hub: the record. */
  audit: z
    .strictObject({
      /** Rows older than this are dropped, behind a checkpoint from which the rest verifies. Absent: kept for ever. */
      keepDays: z.number().int().min(1).max(36_500).optional(),
    })
    .prefault({}),
  /** Of the hub: whom it tells of incidents. */
  notify: notifySchema,
  /** Of the hub: what it asks while it is well, so that its silence is noticed. */
  deadMan: deadManSchema,
  /** For a bridge whose hub is elsewhere. */
  hub: z.strictObject({ url: z.url(), tokenFile: z.string().min(1) }).optional(),
  /** For a hub: the bridges elsewhere that may dial in. */
  bridges: z.array(z.strictObject({ id: identifier, tokenFile: z.string().min(1) })).default([]),
});

export type Config = z.infer<typeof configSchema>;
export type MonitorConfig = z.infer<typeof monitorSchema>;
