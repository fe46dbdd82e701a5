import { assertNever } from "../assert-never.ts";
import { instanceName } from "../vm/instance.ts";
import type { InstanceReport, Serves } from "../vm/instance.ts";
import { hasNothingToCut } from "./nothing-to-cut.ts";
import type { Effect } from "./plan.ts";

const NODE_IS_LOST = "The node does not reconnect, also when its server answers again: the way back is to replace the node, or a new QEMU.";

/** What cutting an NBD node does to whatever stands on it. @see facts sheet 1.1, 10 */
export function blockNodeEffect(report: InstanceReport): Effect {
  const node = instanceName(report.instance);
  if (hasNothingToCut(report)) return nothingEffect(report, node);
  const effect = connectedEffect(report, node, report.farSide ? ` (${report.farSide.text})` : "");
  if (report.connection !== "unknown") return effect;
  return { ...effect, details: [...effect.details, `Whether ${node} is connected is not known; where it is not, nothing happens.`] };
}

function nothingEffect({ connection }: InstanceReport, node: string): Effect {
  switch (connection) {
    case "connecting":
    case "reconnecting":
      return {
        sentence: `Nothing happens: ${node} is ${connection}, and yank does not reach a connection that is still being made.`,
        details: ["Its requests wait until the server answers or the delay is over."],
        reversibility: "nothing",
      };
    case "given-up":
      return {
        sentence: `Nothing happens: the connection of ${node} is gone already, and its requests fail.`,
        details: [NODE_IS_LOST],
        reversibility: "nothing",
      };
    default:
      return { sentence: `Nothing happens: ${node} has no connection to cut.`, details: [], reversibility: "nothing" };
  }
}

function connectedEffect(report: InstanceReport, node: string, far: string): Effect {
  const { serves } = report;
  switch (serves.kind) {
    case "guest-disk":
      return isUnderQuorum(serves) ? quorumEffect(serves, node, far) : diskEffect(serves, node, far);
    case "job-target":
      return jobTargetEffect(serves, node, far);
    case "job-source":
      return {
        sentence: `Job ${serves.owner ?? "on this node"} loses its source: ${node}${far} answers every request with an I/O error from now on.`,
        details: ["The job ends or stops by its own error policy.", NODE_IS_LOST],
        reversibility: "one-way",
      };
    case "replication":
      return {
        sentence: `The COLO replication loses ${node}${far}: the guest goes on, and its disk is not replicated any more.`,
        details: [
          "On a primary the quorum drops this child; on a secondary a failover from then on starts with what was replicated before.",
          NODE_IS_LOST,
        ],
        reversibility: "one-way",
      };
    case "nothing":
      return {
        sentence: `No device or job uses ${node}${far}; it answers every request with an I/O error from now on.`,
        details: [NODE_IS_LOST],
        reversibility: "one-way",
      };
    default:
      return {
        sentence: `${node}${far} answers every request with an I/O error from now on; what uses it is not known.`,
        details: ["It may be a disk of the guest: be ready to lose it.", NODE_IS_LOST],
        reversibility: "unknown",
      };
  }
}

/** What the guest feels of an I/O error. `enospc` stops it only where space is short, and an error of a cut node is EIO. */
type Feels = "pauses" | "sees-errors" | "is-not-told" | "not-known";

function diskEffect(serves: Serves, node: string, far: string): Effect {
  const disk = serves.owner ?? "on this node";
  return {
    sentence: `The guest loses its disk ${disk}${consequence(serves)}: ${node}${far} answers every request with an I/O error from now on.`,
    details: [
      serves.isReadOnly ? "The disk is read-only: no write is lost." : "Writes and flushes in flight fail.",
      ...policyDetails(serves),
      ...jobDetails(serves),
      NODE_IS_LOST,
    ],
    reversibility: "one-way",
  };
}

/** The worst that it feels, for the sentence. */
function consequence(serves: Serves): string {
  const felt = feelings(serves);
  if (felt.includes("pauses")) return " and pauses at its next request (io-error)";
  if (felt.includes("is-not-told")) return " and is not told";
  return felt.includes("sees-errors") && !serves.isReadOnly ? " and may turn it read-only" : "";
}

function feelings({ isReadOnly, rerror, werror }: Serves): Feels[] {
  return [feelsOf(rerror), ...(isReadOnly === true ? [] : [feelsOf(werror)])];
}

function feelsOf(policy: Serves["werror"]): Feels {
  switch (policy) {
    case "stop":
      return "pauses";
    case "report":
    case "enospc":
      return "sees-errors";
    case "ignore":
      return "is-not-told";
    case undefined:
      return "not-known";
    default:
      return assertNever(policy);
  }
}

function policyDetails({ isReadOnly, rerror, werror }: Serves): string[] {
  if (isReadOnly === true) return [policyDetail("rerror", rerror)];
  if (rerror === werror && rerror === undefined) return [policyDetail("werror", werror)];
  return [policyDetail("werror", werror), policyDetail("rerror", rerror)];
}

function policyDetail(name: "rerror" | "werror", policy: Serves["werror"]): string {
  const requests = name === "rerror" ? "read" : "write";
  switch (policy) {
    case "stop":
      return `${name}=stop: the guest stops with io-error on its next ${requests}, and every continue stops it again until the node is replaced.`;
    case "ignore":
      return `${name}=ignore: the guest is not told of ${requests} errors and goes on without its data.`;
    case "report":
      return `${name}=report: the guest sees I/O errors${name === "werror" ? " and may remount the disk read-only" : " when it reads"}.`;
    case "enospc":
      return `${name}=enospc: the guest sees I/O errors and may remount the disk read-only; it stops only where space runs out, which this is not.`;
    case undefined:
      return `What the guest sees depends on the disk's ${name}, which is not known.`;
    default:
      return assertNever(policy);
  }
}

function jobDetails({ jobType }: Serves): string[] {
  return jobType === undefined ? [] : [`The ${jobType} job on it ends or stops by its own error policy.`];
}

function isUnderQuorum({ throughDrivers = [] }: Serves): boolean {
  return throughDrivers.includes("quorum");
}

function quorumEffect(serves: Serves, node: string, far: string): Effect {
  return {
    sentence:
      `The quorum of the guest's disk ${serves.owner ?? ""} loses ${node}${far}; the guest does not notice while enough of the others answer.`.replace(
        "  ",
        " ",
      ),
    details: [
      "Where fewer than vote-threshold children are left, the guest sees I/O errors.",
      "This child's copy of the data is out of date from now on.",
      NODE_IS_LOST,
    ],
    reversibility: "one-way",
  };
}

function jobTargetEffect({ owner, jobType }: Serves, node: string, far: string): Effect {
  return {
    sentence: `${jobName(jobType, owner)} loses its target: ${node}${far} fails, and the job ends or stops by its own error policy.`,
    details: ["The guest's own disk is not touched. The job has to be started again.", ...waitingWrites(jobType)],
    reversibility: "ends",
  };
}

function jobName(jobType: string | undefined, owner: string | undefined): string {
  const job = jobType === undefined ? "Job" : `${jobType.charAt(0).toUpperCase()}${jobType.slice(1)} job`;
  return `${job} ${owner ?? "on this node"}`;
}

/** Writes of the guest that wait for the target. @see QEMU block/mirror.c, copy-mode; block/copy-before-write.c, on-cbw-error */
function waitingWrites(jobType: string | undefined): string[] {
  switch (jobType) {
    case "mirror":
      return ["With copy-mode=write-blocking the guest's writes wait for the target; they go on when it is cut."];
    case "backup":
      return ["A write of the guest that waits for the old data to be copied first may end in an I/O error."];
    default:
      return [];
  }
}
