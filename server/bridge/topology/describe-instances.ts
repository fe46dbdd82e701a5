import { createHash } from "node:crypto";
import { assertNever } from "#lib/assert-never";
import { clipForLink, MAX_LINK_TEXT } from "#lib/link/bounds";
import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import type { FarSide, InstanceReport, NotYankable, Serves } from "#lib/vm/instance";
import type { Launcher, MigrationReport } from "#lib/vm/report";
import type { MonitorAddress } from "../vm/ports.ts";
import { describeBlockNode } from "./describe-block-node.ts";
import { describeChardev } from "./describe-chardev.ts";
import { describeMigration } from "./describe-migration.ts";
import type { Topology } from "./topology.ts";

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
  /** Which side of a COLO pair it is, where it is one. */
  readonly coloRole?: "primary" | "secondary";
  /** An id of this host that no other host shares (the bridge's): unix paths and loopback ports mean something here only. */
  readonly hostKey?: string;
}

const MAX_SHORT_TEXT = 256;
const MAX_JOB_TYPE = 64;
/** Longest chain of nodes that is told; the rest is in between and tells nothing. */
const MAX_THROUGH = 32;

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
    serves: clipServes(serves),
    ...(farSide === undefined ? {} : { farSide: clipFarSide(farSide) }),
    ...(yankable === true ? {} : { yankable: { ...yankable, text: clipForLink(yankable.text) } }),
  };
}

function clipServes(serves: Serves): Serves {
  const { owner, how, deviceType, through, jobType, portName } = serves;
  return {
    ...serves,
    ...(owner === undefined ? {} : { owner: clipIdentity(owner) }),
    ...(how === undefined ? {} : { how: clipForLink(how) }),
    ...(deviceType === undefined ? {} : { deviceType: clipForLink(deviceType, MAX_SHORT_TEXT) }),
    ...(through === undefined ? {} : { through: through.slice(0, MAX_THROUGH).map((node) => clipForLink(node)) }),
    ...(jobType === undefined ? {} : { jobType: clipForLink(jobType, MAX_JOB_TYPE) }),
    ...(portName === undefined ? {} : { portName: clipForLink(portName) }),
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
      return { instance, ...describeBlockNode(instance["node-name"], topology, context) };
    case "chardev":
      return { instance, ...describeChardev(instance.id, topology, context) };
    case "migration":
      return { instance, ...describeMigration(context) };
    default:
      return assertNever(instance);
  }
}

function withCord(report: InstanceReport, context: DescribeContext): InstanceReport {
  if (report.yankable !== true || context.hasOob !== false || context.isMainLoopAnswering !== false) return report;
  const text = "this QEMU offers no out-of-band commands, and its main loop does not answer: nothing sent now would be carried out";
  return { ...report, yankable: { code: "no-cord", text } };
}
