import { useQuery } from "@tanstack/react-query";
import type { InstanceView, VmDetail } from "#lib/api/vm";
import type { HealthKind } from "#lib/health/verdict";
import { isTerminalMigration } from "#lib/qapi/migration";
import type { MigrationStatus } from "#lib/qapi/migration";
import { isKnownYankInstance } from "#lib/qapi/yank-instance";
import { HangAnnouncer } from "../fleet/hang-announcer.tsx";
import { fleetQuery } from "../queries/fleet.ts";
import type { AsOf } from "../realtime/freshness.ts";
import { cx } from "../ui/cx.ts";
import { formatUtcTime } from "../ui/format.ts";
import type { YankDesk } from "../yank/use-yank-desk.ts";
import { ActsCard } from "./acts-card.tsx";
import { ClocksCard } from "./clocks-card.tsx";
import { ColoCard } from "./colo-card.tsx";
import { DismissButton } from "./dismiss-button.tsx";
import { DisksCard } from "./disks-card.tsx";
import { EventsCard } from "./events-card.tsx";
import { EvidenceCard } from "./evidence-card.tsx";
import { FactsCard } from "./facts-card.tsx";
import { HelpsCard } from "./helps-card.tsx";
import { InstancesCard } from "./instances-card.tsx";
import { MigrationCard } from "./migration-card.tsx";
import { ProcessCard } from "./process-card.tsx";
import { VmHeader } from "./vm-header.tsx";
import { WhereItHangs } from "./where-it-hangs.tsx";

export interface LiveVmProps {
  vm: VmDetail;
  asOf: AsOf;
  desk: YankDesk;
  /** Why nothing can be sent now, for people; undefined when it can. */
  cannotSend: string | undefined;
}

/** A VM that is there: the five questions, the clocks, the place where it hangs, its cords, and all that is known of it. */
export function LiveVm({ vm, asOf, desk, cannotSend }: LiveVmProps) {
  const { data: fleet } = useQuery(fleetQuery());
  // A second act would be refused; while one's own dialog shows the first, it says so itself.
  const cannotAsk = cannotSend ?? (vm.actInProgress ? "An act is under way" : undefined);
  const { kind } = vm.health;
  const hasPlace = hasPlaceToShow(kind) && vm.instances.length > 0;
  const isSilent = kind === "silent";
  const process = vm.process && <ProcessCard process={vm.process} isOld={asOf.hasOldReadings} />;
  const helps = vm.helps.length > 0 && <HelpsCard helps={vm.helps} isOld={asOf.isStale} />;
  return (
    <>
      {fleet && <HangAnnouncer vms={fleet.vms} />}
      <VmHeader vm={vm} asOf={asOf}>
        {vm.health.kind === "unreachable" && vm.health.reason === "process-gone" && (
          <DismissButton vmId={vm.vmId} cannotSend={cannotSend} />
        )}
      </VmHeader>
      {vm.actInProgress && (
        <p role="status" className="mt-4 rounded-xl border border-line-strong bg-raised px-4 py-3 text-strong">
          An act by {vm.actInProgress.who} is under way since {formatUtcTime(vm.actInProgress.sinceAtMs)}; a second one has to wait for its
          verdict
        </p>
      )}
      {/* Where the cards stand below each other, what can be done comes before what it is known by. */}
      <div className="mt-4 grid gap-4 xl:grid-cols-[3fr_2fr]">
        <ClocksCard vm={vm} asOf={asOf} />
        <div className="grid min-w-0 content-start gap-4 max-xl:-order-2 xl:has-[>:only-child]:content-stretch">
          {hasPlace ? <WhereItHangs vm={vm} asOf={asOf} /> : helps || <EvidenceCard vm={vm} asOf={asOf} />}
          {isSilent && process}
        </div>
        <div className="min-w-0 max-xl:-order-1 xl:col-span-2">
          <InstancesCard vm={vm} isOld={asOf.hasOldReadings} cannotSend={cannotAsk} onYank={(report) => askToYank(desk, vm, report)} />
        </div>
        <div className="min-w-0 max-xl:contents xl:grid xl:content-start xl:gap-4">
          <MigrationAndColo vm={vm} desk={desk} cannotSend={cannotAsk} />
          {hasPlace && helps && <div className="min-w-0 max-xl:-order-1">{helps}</div>}
          {vm.disks && vm.disks.length > 0 && vm.health.kind === "io-stalled" && (
            <DisksCard disks={vm.disks} nodes={vm.health.nodes} asOf={asOf} />
          )}
          <EventsCard vmId={vm.vmId} />
        </div>
        <div className="grid min-w-0 content-start gap-4">
          {(hasPlace || helps) && <EvidenceCard vm={vm} asOf={asOf} />}
          {!isSilent && process}
          <ActsCard vmId={vm.vmId} />
          <FactsCard vm={vm} asOf={asOf} />
        </div>
      </div>
    </>
  );
}

function MigrationAndColo({ vm, desk, cannotSend }: { vm: VmDetail; desk: YankDesk; cannotSend: string | undefined }) {
  const instance = vm.instances.find((report) => report.instance.type === "migration");
  return (
    <>
      {vm.migration && vm.migration.status !== "none" && (
        <div className={cx("min-w-0", migrationOrder(vm, vm.migration.status))}>
          <MigrationCard
            vm={vm}
            migration={vm.migration}
            cannotSend={cannotSend}
            onCancel={() => desk.ask({ action: "cancel-migration", targets: [{ vmId: vm.vmId }] })}
            onPausePostcopy={() => desk.ask({ action: "pause-postcopy", targets: [{ vmId: vm.vmId }] })}
            onYank={instance?.yankable === true ? () => askToYank(desk, vm, instance) : undefined}
          />
        </div>
      )}
      {vm.colo && <ColoCard colo={vm.colo} />}
    </>
  );
}

function askToYank(desk: YankDesk, { vmId }: VmDetail, { instance }: InstanceView): void {
  if (isKnownYankInstance(instance)) desk.ask({ action: "yank", targets: [{ vmId, instances: [instance] }] });
}

/** Whether what is wrong has a place on the way to some far side. */
function hasPlaceToShow(kind: HealthKind): boolean {
  return kind === "main-loop-hung" || kind === "io-stalled" || kind === "migration-stalled" || kind === "guest-stopped";
}

/** On a narrow screen: after the cords while it is under way, before them where it is what is wrong and has the softer way out. */
function migrationOrder(vm: VmDetail, status: MigrationStatus): string | undefined {
  if (isTerminalMigration(status)) return undefined;
  return vm.health.kind === "migration-stalled" ? "max-xl:-order-2" : "max-xl:-order-1";
}
