import { clipForLink, MAX_LINK_EVENT_NAME, MAX_LINK_LIST } from "#lib/link/bounds";
import { MAX_LINK_MESSAGE_BYTES } from "#lib/link/contract";
import type { ActEvidence } from "#lib/link/contract";
import type { KnownYankInstance, YankInstance } from "#lib/qapi/yank";
import { instanceKey } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";

/** The answer to `act:prepare` is one message of the link, and half of it is room enough. */
const MAX_EVIDENCE_BYTES = MAX_LINK_MESSAGE_BYTES / 2;
const KEPT_WHEN_TOO_LONG = 100;

/**
 * Everything known right before an act. Where a VM's lists are too long for one message the instances named by the act
 * stay, and of the rest the first hundred.
 * @param report with the instances and the migration as they were just re-read.
 */
export function gatherEvidence(
  report: VmReport,
  yankInstances: readonly YankInstance[],
  events: ActEvidence["recentEvents"],
  named: readonly KnownYankInstance[],
): ActEvidence {
  const recentEvents = events.slice(-MAX_LINK_LIST).map((event) => ({ ...event, name: clipForLink(event.name, MAX_LINK_EVENT_NAME) }));
  const whole: ActEvidence = { report, yankInstances: [...yankInstances], recentEvents };
  const isShortEnough = report.instances.length <= MAX_LINK_LIST && yankInstances.length <= MAX_LINK_LIST;
  const text = isShortEnough ? toJson(whole) : undefined;
  // A copy: evidence must not change with the VM, and neither the link nor the record takes a bigint.
  if (text !== undefined && text.length <= MAX_EVIDENCE_BYTES) return JSON.parse(text) as ActEvidence;
  const keys = new Set(named.map(instanceKey));
  const instances = report.instances.filter((each, at) => at < KEPT_WHEN_TOO_LONG || keys.has(instanceKey(each.instance)));
  const shorter: ActEvidence = {
    report: { ...report, instances },
    yankInstances: yankInstances.slice(0, KEPT_WHEN_TOO_LONG),
    recentEvents: recentEvents.map(({ name, ageMs, count }) => ({ name, ageMs, count })),
  };
  const shorterText = toJson(shorter);
  if (instances.length <= MAX_LINK_LIST && shorterText.length <= MAX_EVIDENCE_BYTES) return JSON.parse(shorterText) as ActEvidence;
  const namedOnly = instances.filter((each) => keys.has(instanceKey(each.instance)));
  const least = { report: { ...report, instances: namedOnly.slice(0, KEPT_WHEN_TOO_LONG) }, yankInstances: [], recentEvents: [] };
  return JSON.parse(toJson(least)) as ActEvidence;
}

function toJson(evidence: ActEvidence): string {
  return JSON.stringify(evidence, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
