import type { InstanceReport, Serves } from "#lib/vm/instance";
import { startingDisk } from "./command-line-disks.ts";
import { readCommandLineFacts } from "./command-line.ts";
import type { DescribeContext } from "./describe-instances.ts";
import { nbdFarSide } from "./far-side.ts";
import { nbdNode } from "./nbd-node.ts";
import type { BlockJobUse, BlockNodeReading, GuestDisk, Topology } from "./topology.ts";

/** Only QEMU's NBD client registers block nodes, so what a node is needs no reading; what stands on it does. */
export function describeBlockNode(
  name: string,
  topology: Topology | undefined,
  context: DescribeContext,
): Omit<InstanceReport, "instance"> {
  const { source } = nbdNode(name, topology, context.commandLine);
  return {
    serves: withDrivers(
      topology ? servesOfBlockNode(topology.blockNodes.get(name), context) : servesAtStart(name, context),
      context.commandLine,
    ),
    farSide: source && nbdFarSide(source, context.hostKey ?? ""),
    // QEMU has no command that tells whether an NBD client is connected, reconnecting or has been cut.
    connection: "unknown",
    isMonitor: false,
    yankable: true,
  };
}

/** What the nodes on the way are, where the command line tells it of each: whoever replaces one has to know. */
function withDrivers(serves: Serves, commandLine: DescribeContext["commandLine"]): Serves {
  if (serves.through === undefined || commandLine === undefined) return serves;
  const { nodeDrivers } = readCommandLineFacts(commandLine);
  const throughDrivers = serves.through.flatMap((node) => nodeDrivers.get(node) ?? []);
  return throughDrivers.length === serves.through.length ? { ...serves, throughDrivers } : serves;
}

/** Of a VM that hung before anything could be asked: its command line is the only reading there will be. */
function servesAtStart(name: string, { commandLine }: DescribeContext): Serves {
  const disk = commandLine && startingDisk(name, readCommandLineFacts(commandLine));
  if (!disk) return { kind: "unknown" };
  const serves = servesOfDisk(disk, { jobs: [] }, {});
  return { ...serves, how: `${serves.how}, by QEMU's command line, as it was started` };
}

function servesOfBlockNode(reading: BlockNodeReading | undefined, { coloRole }: DescribeContext): Serves {
  if (!reading) return { kind: "unknown" };
  const { disk, jobs } = reading;
  const isCopyOfPrimary = coloRole === "primary" && disk?.isOneOfSeveralCopies === true;
  const replication = reading.replication ?? (isCopyOfPrimary ? "a COLO primary copies its writes to the secondary through it" : undefined);
  // 0: QEMU did not tell.
  const common = { ...(reading.sizeBytes ? { sizeBytes: reading.sizeBytes } : {}), isReadOnly: reading.isReadOnly };
  const job = jobs.find(({ role }) => role === "target") ?? jobs[0];
  if (disk) return servesOfDisk(disk, { ...reading, replication }, common);
  const also = replication === undefined ? "" : `; ${replication}`;
  if (job) {
    const kind = job.role === "target" ? "job-target" : "job-source";
    return { kind, owner: job.jobId, how: `${jobsText(jobs)}${also}`, jobType: job.type, ...common };
  }
  const [exported, ...more] = reading.exportIds ?? [];
  if (exported !== undefined) {
    const others = more.length > 0 ? ` and ${more.length} more` : "";
    return { kind: "other-device", owner: exported, how: `this QEMU itself exports it: export ${exported}${others}`, ...common };
  }
  if (replication !== undefined) return { kind: "replication", how: replication, ...common };
  if (reading.isGraphRead !== true) return { kind: "unknown", ...common };
  if (reading.hasUnnamedUser === true) return { kind: "unknown", how: "something that QEMU does not name uses it", ...common };
  return { kind: "nothing", how: "no device, job or export uses it", ...common };
}

function servesOfDisk(disk: GuestDisk, reading: BlockNodeReading, common: Partial<Serves>): Serves {
  const { jobs, replication, moreDisks = [] } = reading;
  const device =
    disk.type !== undefined && disk.device.startsWith(`${disk.type} `) ? disk.device : `${disk.type ?? "device"} ${disk.device}`;
  const texts = [
    `${device}${disk.through.length > 0 ? ` through ${disk.through.join(", ")}` : ""}`,
    ...(disk.isBacking === true ? ["what the disk's image is based on"] : []),
    ...(disk.isOneOfSeveralCopies === true ? ["one of several copies below a quorum"] : []),
    ...(moreDisks.length > 0 ? [`also ${moreDisks.join(", ")}`] : []),
    ...(jobs.length > 0 ? [`also ${jobsText(jobs)}`] : []),
    ...(replication === undefined ? [] : [replication]),
  ];
  return {
    kind: replication === undefined ? "guest-disk" : "replication",
    owner: disk.device,
    how: texts.join("; "),
    werror: disk.werror,
    rerror: disk.rerror,
    ...common,
    ...(disk.type === undefined ? {} : { deviceType: disk.type }),
    ...(disk.through.length > 0 ? { through: [...disk.through] } : {}),
    ...(jobs[0]?.type === undefined ? {} : { jobType: jobs[0].type }),
  };
}

function jobsText(jobs: readonly BlockJobUse[]): string {
  return jobs.map((job) => `${job.role} of ${job.type ?? "block"} job ${job.jobId}`).join(", ");
}
