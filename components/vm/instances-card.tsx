import type { InstanceView, VmDetail } from "#lib/api/vm";
import { useNow } from "../realtime/live-clock.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords } from "../ui/format.ts";
import { instanceKey } from "#lib/vm/instance";
import { InstanceRow } from "./instance-row.tsx";

export interface InstancesCardProps {
  vm: VmDetail;
  /** What is shown was so when it was last heard. */
  isOld: boolean;
  /** Why nothing can be sent now, for people; undefined when it can. */
  cannotSend: string | undefined;
  onYank: (report: InstanceView) => void;
}

/** Everything this VM lists for yanking: what it serves, where it leads, what speaks for it, and its cord, or why there is none. */
export function InstancesCard({ vm, isOld, cannotSend, onYank }: InstancesCardProps) {
  const now = useNow();
  const aside =
    vm.topologyAtMs === undefined
      ? "what they serve has not been read"
      : `what they serve was read ${formatAgeInWords(now - vm.topologyAtMs)} ago`;
  return (
    <Card title="Yankable instances" aside={aside} isFlush>
      {vm.suspectsNote !== undefined && (
        <p className="border-b border-line px-4 py-3 text-strong first-letter:uppercase">{vm.suspectsNote}</p>
      )}
      {vm.instances.length === 0 ? (
        <p className="px-4 py-4">
          {vm.instancesAtMs === undefined
            ? "This VM has not been asked yet"
            : "Nothing on this VM can be yanked: it has no NBD disk, socket chardev or migration"}
        </p>
      ) : (
        <ul className={cx(isOld && "is-stale")}>
          {cordsFirst(vm.instances).map((report) => (
            <InstanceRow key={instanceKey(report.instance)} vm={vm} isOld={isOld} report={report} cannotSend={cannotSend} onYank={onYank} />
          ))}
        </ul>
      )}
    </Card>
  );
}

/**
 * What can be yanked before what cannot. Not by suspicion: that changes with the verdict, and a button must not move away
 * under a pointer.
 */
export function cordsFirst(instances: readonly InstanceView[]): InstanceView[] {
  return instances.toSorted((a, b) => Number(b.yankable === true) - Number(a.yankable === true));
}
