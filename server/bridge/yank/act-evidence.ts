import { clipForLink, MAX_LINK_EVENT_NAME, MAX_LINK_LIST } from "#lib/link/bounds";
import { MAX_LINK_MESSAGE_BYTES } from "#lib/link/contract";
import type { ActEvidence } from "#lib/link/contract";
import type { KnownYankInstance, YankInstance } from "#lib/qapi/yank";
import { instanceKey } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";

/** The answer to `act:prepare` is one message of the link, and half of it is room enough. */
const MAX_EVIDENCE_BYTES = MAX_LINK_MESSAGE_BYTES / 2;
const MAX_EVENTS = 200;
const FEW_EVENTS = 30;
const KEPT_WHEN_TOO_LONG = 100;

export interface EvidenceSources {
  /** With the instances and the migration as they were just re-read. */
  readonly report: VmReport;
  readonly yankInstances: readonly YankInstance[];
  /** The newest last. */
  readonly events: ActEvidence["recentEvents"];
  /** The instances that the act names: they are never left out. */
  readonly named: readonly KnownYankInstance[];
  readonly topology: unknown;
  /** What is missing already, in words. */
  readonly leftOut: readonly string[];
}

/** One way of making it shorter, with what it leaves out; undefined where it leaves out nothing. */
type Shortening = (evidence: ActEvidence, sources: EvidenceSources) => { evidence: ActEvidence; leftOut: string } | undefined;

/**
 * Everything known right before an act, as a copy that no longer changes with the VM. Where it is too long for one message
 * of the link, what matters least goes first: what the events carried, the topology, the instances that the act does not
 * name. What was left out is said.
 */
export function gatherEvidence(sources: EvidenceSources): ActEvidence {
  const { report, yankInstances, topology } = sources;
  let evidence: ActEvidence = {
    report,
    yankInstances: [...yankInstances],
    recentEvents: sources.events.slice(-MAX_EVENTS).map((event) => ({ ...event, name: clipForLink(event.name, MAX_LINK_EVENT_NAME) })),
    ...(topology === undefined ? {} : { topology }),
  };
  const leftOut = topology === undefined ? [...sources.leftOut, "the topology was not read yet"] : [...sources.leftOut];
  for (const shorten of SHORTENINGS) {
    const text = toJson({ ...evidence, leftOut });
    if (isWithinLists(evidence) && Buffer.byteLength(text) <= MAX_EVIDENCE_BYTES) break;
    const shorter = shorten(evidence, sources);
    if (!shorter) continue;
    evidence = shorter.evidence;
    leftOut.push(shorter.leftOut);
  }
  return JSON.parse(toJson(leftOut.length === 0 ? evidence : { ...evidence, leftOut })) as ActEvidence;
}

const SHORTENINGS: readonly Shortening[] = [
  (evidence) => {
    const recentEvents = evidence.recentEvents.map((event, at, all) => (at >= all.length - FEW_EVENTS ? event : withoutData(event)));
    return { evidence: { ...evidence, recentEvents }, leftOut: `what the events but the newest ${FEW_EVENTS} carried: too long` };
  },
  ({ topology, ...evidence }) => (topology === undefined ? undefined : { evidence, leftOut: "the topology: too long" }),
  (evidence) => ({
    evidence: { ...evidence, recentEvents: evidence.recentEvents.map(withoutData) },
    leftOut: "what the events carried: too long",
  }),
  (evidence, sources) => {
    const keys = namedKeys(sources);
    const { instances } = evidence.report;
    const kept = instances.filter((each, at) => at < KEPT_WHEN_TOO_LONG || keys.has(instanceKey(each.instance)));
    if (kept.length === instances.length && evidence.yankInstances.length <= KEPT_WHEN_TOO_LONG) return undefined;
    return {
      evidence: {
        ...evidence,
        report: { ...evidence.report, instances: kept },
        yankInstances: evidence.yankInstances.slice(0, KEPT_WHEN_TOO_LONG),
      },
      leftOut: `instances that the act does not name, beyond the first ${KEPT_WHEN_TOO_LONG} of ${instances.length}`,
    };
  },
  (evidence, sources) => {
    const keys = namedKeys(sources);
    const instances = evidence.report.instances.filter((each) => keys.has(instanceKey(each.instance))).slice(0, KEPT_WHEN_TOO_LONG);
    const report = { ...evidence.report, instances, disks: undefined, process: undefined };
    return {
      evidence: { report, yankInstances: [], recentEvents: [] },
      leftOut: "events, disks, threads and every instance that the act does not name: too long",
    };
  },
];

function isWithinLists({ report, yankInstances }: ActEvidence): boolean {
  return report.instances.length <= MAX_LINK_LIST && yankInstances.length <= MAX_LINK_LIST;
}

function namedKeys({ named }: EvidenceSources): ReadonlySet<string> {
  return new Set(named.map(instanceKey));
}

function withoutData({ name, ageMs, count }: ActEvidence["recentEvents"][number]): ActEvidence["recentEvents"][number] {
  return { name, ageMs, count };
}

/** Neither the link nor the record takes a bigint, and a topology is made of maps. */
function toJson(evidence: ActEvidence): string {
  return JSON.stringify(evidence, (_key, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
    return value instanceof Set ? [...(value as Set<unknown>)] : value;
  });
}
