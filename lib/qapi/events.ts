/**
 * One event as a monitor sent it. `data` is what the VM says: untrusted, and `{}` where QEMU sent none. `atMs` is the
 * host's wall clock (Unix, ms, with fractions); undefined where QEMU could not read its clock, and it may step back.
 * @see QEMU docs/interop/qmp-spec.rst, "Asynchronous events"
 */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly atMs: number | undefined;
}

type MemberKind = "string" | "boolean" | "integer" | "object" | "string?" | "boolean?" | "integer?" | "object?";

/**
 * The members of each event that Ripcord reads: a subset of what QEMU sends, checked by `knownEvent`.
 * @see QEMU qapi/*.json (run-state, block-core, job, migration, char, qdev, net); facts sheet 5
 */
const EVENT_MEMBERS = {
  STOP: {},
  RESUME: {},
  SHUTDOWN: { guest: "boolean", reason: "string" },
  RESET: { guest: "boolean", reason: "string" },
  POWERDOWN: {},
  SUSPEND: {},
  SUSPEND_DISK: {},
  WAKEUP: {},
  WATCHDOG: { action: "string" },
  GUEST_PANICKED: { action: "string", info: "object?" },
  GUEST_CRASHLOADED: { action: "string", info: "object?" },
  GUEST_PVSHUTDOWN: {},
  MEMORY_FAILURE: { recipient: "string", action: "string", flags: "object" },
  // `qom-path` since 9.2; `device` may be empty; `node-name` names the node at the device, not the failing one below.
  BLOCK_IO_ERROR: {
    device: "string",
    "node-name": "string?",
    "qom-path": "string?",
    operation: "string",
    action: "string",
    nospace: "boolean?",
    reason: "string",
  },
  BLOCK_IMAGE_CORRUPTED: { device: "string", "node-name": "string?", msg: "string", fatal: "boolean" },
  BLOCK_WRITE_THRESHOLD: { "node-name": "string", "amount-exceeded": "integer", "write-threshold": "integer" },
  BLOCK_JOB_READY: { type: "string", device: "string", len: "integer", offset: "integer", speed: "integer" },
  BLOCK_JOB_COMPLETED: { type: "string", device: "string", len: "integer", offset: "integer", speed: "integer", error: "string?" },
  BLOCK_JOB_CANCELLED: { type: "string", device: "string", len: "integer", offset: "integer", speed: "integer" },
  BLOCK_JOB_ERROR: { device: "string", operation: "string", action: "string" },
  BLOCK_JOB_PENDING: { type: "string", id: "string" },
  JOB_STATUS_CHANGE: { id: "string", status: "string" },
  QUORUM_FAILURE: { reference: "string", "sector-num": "integer", "sectors-count": "integer" },
  BLOCK_EXPORT_DELETED: { id: "string" },
  // Both only where the migration capability `events` is on.
  MIGRATION: { status: "string" },
  MIGRATION_PASS: { pass: "integer" },
  UNPLUG_PRIMARY: { "device-id": "string" },
  COLO_EXIT: { mode: "string", reason: "string" },
  VSERPORT_CHANGE: { id: "string", open: "boolean" },
  DEVICE_DELETED: { device: "string?", path: "string" },
  DEVICE_UNPLUG_GUEST_ERROR: { device: "string?", path: "string" },
  NETDEV_STREAM_CONNECTED: { "netdev-id": "string", addr: "object" },
  NETDEV_STREAM_DISCONNECTED: { "netdev-id": "string" },
  NETDEV_VHOST_USER_CONNECTED: { "netdev-id": "string", "chardev-id": "string" },
  NETDEV_VHOST_USER_DISCONNECTED: { "netdev-id": "string" },
} as const satisfies Record<string, Record<string, MemberKind>>;

type Shapes = typeof EVENT_MEMBERS;
type KindValue<K> = K extends "string" | "string?"
  ? string
  : K extends "boolean" | "boolean?"
    ? boolean
    : K extends "integer" | "integer?"
      ? number | bigint
      : Readonly<Record<string, unknown>>;
type RequiredKeys<S> = { [M in keyof S]: S[M] extends `${string}?` ? never : M }[keyof S];
type OptionalKeys<S> = { [M in keyof S]: S[M] extends `${string}?` ? M : never }[keyof S];
type EventData<S> = { readonly [M in RequiredKeys<S>]: KindValue<S[M]> } & { readonly [M in OptionalKeys<S>]?: KindValue<S[M]> };

export type KnownQmpEventName = keyof Shapes;

/** A checked event. Enum members (`action`, `status`, `reason`, …) stay plain strings: newer QEMUs add values. */
export type KnownQmpEvent = {
  [Name in KnownQmpEventName]: { readonly event: Name; readonly data: EventData<Shapes[Name]>; readonly atMs: number | undefined };
}[KnownQmpEventName];

/** The typed form of an event that Ripcord knows; undefined for any other, and for one whose members are not as QAPI says. */
export function knownEvent(event: QmpEvent): KnownQmpEvent | undefined {
  return isKnown(event) ? event : undefined;
}

function isKnown(event: QmpEvent): event is KnownQmpEvent {
  if (!Object.hasOwn(EVENT_MEMBERS, event.event)) return false;
  const members: Record<string, MemberKind> = EVENT_MEMBERS[event.event as KnownQmpEventName];
  for (const name in members) {
    const kind = members[name];
    if (kind !== undefined && !isOfKind(event.data[name], kind)) return false;
  }
  return true;
}

function isOfKind(value: unknown, kind: MemberKind): boolean {
  if (value === undefined) return kind.endsWith("?");
  switch (kind) {
    case "string":
    case "string?":
      return typeof value === "string";
    case "boolean":
    case "boolean?":
      return typeof value === "boolean";
    case "integer":
    case "integer?":
      return typeof value === "bigint" || Number.isInteger(value);
    case "object":
    case "object?":
      return typeof value === "object" && value !== null && !Array.isArray(value);
  }
}
