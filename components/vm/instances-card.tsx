import { Lock } from "lucide-react";
import type { InstanceView, VmDetail } from "#lib/api/vm";
import { isCancellableMigration } from "#lib/qapi/migration";
import { instanceKey, instanceName } from "#lib/vm/instance";
import { servesWords } from "#lib/vm/serves-words";
import { useNow } from "../realtime/live-clock.tsx";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { formatAgeInWords } from "../ui/format.ts";
import { connectionWords } from "./instance-words.ts";
import { VerdictIcon } from "./verdict-icon.tsx";

export interface InstancesCardProps {
  vm: VmDetail;
  /** Why nothing can be sent now, for people; undefined when it can. */
  cannotSend: string | undefined;
  onYank: (report: InstanceView) => void;
}

/** Everything this VM lists for yanking: what it serves, where it leads, and its cord, or why there is none. */
export function InstancesCard({ vm, cannotSend, onYank }: InstancesCardProps) {
  const now = useNow();
  const aside =
    vm.topologyAtMs === undefined
      ? "what they serve has not been read"
      : `what they serve was read ${formatAgeInWords(now - vm.topologyAtMs)} ago`;
  return (
    <Card title="Yankable instances" aside={aside} isFlush>
      {vm.instances.length === 0 ? (
        <p className="px-4 py-4">
          {vm.instancesAtMs === undefined
            ? "This VM has not been asked yet"
            : "Nothing on this VM can be yanked: it has no NBD disk, socket chardev or migration"}
        </p>
      ) : (
        <ul>
          {cordsFirst(vm.instances).map((report) => (
            <InstanceRow key={instanceKey(report.instance)} vm={vm} report={report} cannotSend={cannotSend} onYank={onYank} />
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

function InstanceRow({ vm, report, cannotSend, onYank }: { report: InstanceView } & InstancesCardProps) {
  const name = instanceName(report.instance);
  const isWanted = isSuspect(vm, report);
  const mark = report.isMonitor === true ? "monitor" : report.isMonitor === "possible" ? "possibly a monitor" : undefined;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line px-4 py-3 last:border-b-0">
      <span className="text-muted">
        {report.yankable === true ? <VerdictIcon kind={isWanted ? vm.health.kind : "healthy"} /> : <Lock size={16} aria-hidden="true" />}
      </span>
      <div className="min-w-0 flex-1 basis-60 wrap-anywhere">
        <p>
          <span className="font-semibold text-strong">{name}</span>{" "}
          {name !== report.instance.type && <span className="text-quiet">{report.instance.type}</span>}{" "}
          <span className="text-strong">
            {mark && report.serves.kind !== "monitor" ? `${mark}, ` : ""}
            {servesWords(report.serves)}
            {report.farSide && ` → ${report.farSide.text}`}
          </span>
        </p>
        <p className="text-body">
          {connectionWords(report.connection)}
          {report.serves.how && !isSaidElsewhere(report) && ` · ${report.serves.how}`}
        </p>
      </div>
      {report.yankable === true ? (
        <YankButton name={name} isWanted={isWanted && !hasSofterWay(vm, report)} reason={cannotSend} onClick={() => onYank(report)} />
      ) : (
        <p className="max-w-100 text-body sm:text-right">{report.yankable.text}</p>
      )}
    </li>
  );
}

/** Quiet until what it cuts is suspected. When it cannot be used it says why, in words beside it. */
function YankButton({
  name,
  isWanted,
  reason,
  onClick,
}: {
  name: string;
  isWanted: boolean;
  reason: string | undefined;
  onClick: () => void;
}) {
  return (
    <div className="flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
      {reason && <p className="text-sm text-body">{reason}</p>}
      <Button tone={isWanted ? "danger" : "plain"} disabled={reason !== undefined} onClick={onClick}>
        Yank {name}…
      </Button>
    </div>
  );
}

/** The reason at the end of the row may be the very reading that stands in it. */
function isSaidElsewhere({ serves, yankable }: InstanceView): boolean {
  return yankable !== true && yankable.text === serves.how;
}

/** A migration that can be cancelled is cancelled first, which takes a living main loop; its cord stays quiet beside that. */
function hasSofterWay(vm: VmDetail, report: InstanceView): boolean {
  return (
    vm.health.kind === "migration-stalled" &&
    report.instance.type === "migration" &&
    vm.migration !== undefined &&
    isCancellableMigration(vm.migration.status)
  );
}

/** Whether cutting this may end what is wrong. */
function isSuspect(vm: VmDetail, report: InstanceView): boolean {
  if (report.yankable !== true) return false;
  const { health } = vm;
  if (health.kind === "main-loop-hung") return report.connection === "connected" || report.connection === "unknown";
  if (health.kind === "io-stalled") return health.nodes.includes(instanceName(report.instance));
  return health.kind === "migration-stalled" && report.instance.type === "migration";
}
