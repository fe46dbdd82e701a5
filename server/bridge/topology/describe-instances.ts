import { createHash } from "node:crypto";
import { assertNever } from "#lib/assert-never";
import { clipForLink, MAX_LINK_TEXT } from "#lib/link/bounds";
import { isTerminalMigration } from "#lib/qapi/migration";
import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import type { ConnectionState, FarSide, InstanceReport, NotYankable, Serves } from "#lib/vm/instance";
import type { Launcher, MigrationReport } from "#lib/vm/report";
import type { MonitorAddress } from "../vm/ports.ts";
import { describeChardev } from "./describe-chardev.ts";
import { readCommandLineFacts } from "./command-line.ts";
import { migrationFarSide, nbdFarSide, parseNbdFileName } from "./far-side.ts";
import type { BlockNodeReading, Topology } from "./topology.ts";

/** What is known of a VM beside its topology. */
export interface DescribeContext {
  readonly launcher: Launcher;
  /** QEMU's arguments, where /proc could be read. */
  readonly commandLine?: readonly string[];
  /** The chardev of our own monitor, where already known; `monitorAddress` finds it otherwise. */
  readonly ownChardevId?: string;
  readonly monitorAddress?: MonitorAddress;
  readonly hasOob?: boolean;
  /** Without OOB a yank goes in-band, so that it needs a living main loop. */
  readonly isMainLoopAnswering?: boolean;
  readonly migration?: MigrationReport;
  /** An id of this host that no other host shares (the bridge's): unix paths and loopback ports mean something here only. */
  readonly hostKey?: string;
}

/** A migration status older than this may not be the status any more: it then refuses nothing. */
const MIGRATION_SAMPLE_IS_FRESH_MS = 3_000;

/**
 * Says of each yank instance what it serves, where it leads, whether it is connected, whether it is a monitor, and whether
 * it may be yanked. Pure; in the order of `query-yank`. What was not positively read stays "unknown", and a chardev
 * without a positively read owner is refused.
 */
export function describeInstances(
  instances: readonly YankInstance[],
  topology: Topology | undefined,
  context: DescribeContext,
): InstanceReport[] {
  return instances.map((instance) => clipReport(withCord(describeInstance(instance, topology, context), context)));
}

/** Paths, export names and ids of any length come from QEMU; a hub would refuse the whole VM for one that is too long. */
function clipReport(report: InstanceReport): InstanceReport {
  const { serves, farSide, yankable } = report;
  return {
    ...report,
    serves: {
      ...serves,
      ...(serves.owner === undefined ? {} : { owner: clipIdentity(serves.owner) }),
      ...(serves.how === undefined ? {} : { how: clipForLink(serves.how) }),
    },
    ...(farSide === undefined ? {} : { farSide: clipFarSide(farSide) }),
    ...(yankable === true ? {} : { yankable: { ...yankable, text: clipForLink(yankable.text) } }),
  };
}

function clipFarSide({ server, nbd, ...farSide }: FarSide): FarSide {
  const clip = ({ key, text }: { key: string; text: string }) => ({ key: clipIdentity(key), text: clipForLink(text) });
  // An address that was cut is the address of something else.
  const isWhole = nbd !== undefined && Object.values(nbd).every((text) => text.length <= MAX_LINK_TEXT);
  return { ...clip(farSide), ...(server === undefined ? {} : { server: clip(server) }), ...(isWhole ? { nbd } : {}) };
}

/** Two that differ stay different. */
function clipIdentity(text: string): string {
  if (text.length <= MAX_LINK_TEXT) return text;
  const digest = createHash("sha256").update(text).digest("hex");
  return `${clipForLink(text, MAX_LINK_TEXT - digest.length)}${digest}`;
}

function describeInstance(instance: YankInstance, topology: Topology | undefined, context: DescribeContext): InstanceReport {
  if (!isKnownYankInstance(instance)) {
    const yankable: NotYankable = { code: "unknown-type", text: `Ripcord does not know what an instance of type ${instance.type} is` };
    return { instance, serves: { kind: "unknown" }, connection: "unknown", isMonitor: false, yankable };
  }
  switch (instance.type) {
    case "block-node":
      return describeBlockNode(instance, instance["node-name"], topology?.blockNodes.get(instance["node-name"]), context);
    case "chardev":
      return { instance, ...describeChardev(instance.id, topology, context) };
    case "migration":
      return describeMigration(instance, context);
    default:
      return assertNever(instance);
  }
}

function withCord(report: InstanceReport, context: DescribeContext): InstanceReport {
  if (report.yankable !== true || context.hasOob !== false || context.isMainLoopAnswering !== false) return report;
  const text = "this QEMU offers no out-of-band commands, and its main loop does not answer: nothing sent now would be carried out";
  return { ...report, yankable: { code: "no-cord", text } };
}

/** Only QEMU's NBD client registers block nodes, so what a node is needs no reading; what stands on it does. */
function describeBlockNode(
  instance: YankInstance,
  name: string,
  reading: BlockNodeReading | undefined,
  context: DescribeContext,
): InstanceReport {
  return {
    instance,
    serves: servesOfBlockNode(reading),
    farSide: nodeFarSide(name, reading, context),
    // QEMU has no command that tells whether an NBD client is connected, reconnecting or has been cut.
    connection: "unknown",
    isMonitor: false,
    yankable: true,
  };
}

function servesOfBlockNode(reading: BlockNodeReading | undefined): Serves {
  if (!reading) return { kind: "unknown" };
  const jobText = reading.jobs.map((job) => `${job.role} of ${job.type ?? "block"} job ${job.jobId}`).join(", ");
  const { disk } = reading;
  if (disk) {
    const through = disk.through.length > 0 ? ` through ${disk.through.join(", ")}` : "";
    const how = `${disk.type ?? "device"} ${disk.device}${through}${jobText === "" ? "" : `; also ${jobText}`}`;
    const { werror, rerror } = disk;
    return { kind: "guest-disk", owner: disk.device, how, werror, rerror, isReadOnly: reading.isReadOnly };
  }
  const job = reading.jobs.find((candidate) => candidate.role === "target") ?? reading.jobs[0];
  return job ? { kind: job.role === "target" ? "job-target" : "job-source", owner: job.jobId, how: jobText } : { kind: "unknown" };
}

function nodeFarSide(name: string, reading: BlockNodeReading | undefined, context: DescribeContext): FarSide | undefined {
  const read = reading?.fileName === undefined ? undefined : parseNbdFileName(reading.fileName);
  const named = context.commandLine && readCommandLineFacts(context.commandLine).nbdNodes.get(name);
  const source = read ?? named;
  return source && nbdFarSide(source, context.hostKey ?? "");
}

function describeMigration(instance: YankInstance, context: DescribeContext): InstanceReport {
  const { migration } = context;
  return {
    instance,
    serves: servesOfMigration(migration),
    farSide: migration?.uri === undefined ? undefined : migrationFarSide(migration.uri, context.hostKey ?? ""),
    connection: migration ? migrationConnection(migration) : "unknown",
    isMonitor: false,
    yankable: migration ? migrationYankable(migration) : true,
  };
}

function servesOfMigration(migration: MigrationReport | undefined): Serves {
  switch (migration?.direction) {
    case "outgoing":
      return { kind: "migration-out", how: `status ${migration.status}` };
    case "incoming":
      return { kind: "migration-in", how: `status ${migration.status}` };
    case "unknown":
    case undefined:
      return { kind: "unknown" };
  }
}

function migrationConnection(migration: MigrationReport): ConnectionState {
  if (migration.status === "setup") return "connecting";
  if (migration.status === "postcopy-paused") return "disconnected";
  if (migration.direction === "incoming" && migration.status === "none") return "listening";
  return isTerminalMigration(migration.status) ? "disconnected" : "connected";
}

/** @see facts sheet 6.3: the situations in which yank is accepted and cuts nothing */
function migrationYankable(migration: MigrationReport): true | NotYankable {
  const kind = migration.uri?.split(":", 1)[0];
  if (kind === "exec" || kind === "file") {
    return { code: "nothing-connected", text: `a migration to ${kind}: has no connection that yank could cut` };
  }
  if (migration.sampleAgeMs > MIGRATION_SAMPLE_IS_FRESH_MS) return true;
  if (migration.status === "setup") {
    return { code: "nothing-connected", text: "the migration is still connecting (setup): yank has nothing to cut yet; cancel it instead" };
  }
  if (migration.status === "postcopy-paused") {
    return { code: "nothing-connected", text: "the postcopy migration is paused: its connection is down already; recover it instead" };
  }
  return true;
}
