"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { InstanceView, VmDetail } from "#lib/api/vm";
import { isTerminalMigration } from "#lib/qapi/migration";
import type { MigrationStatus } from "#lib/qapi/migration";
import { isKnownYankInstance } from "#lib/qapi/yank-instance";
import { fleetQuery } from "../queries/fleet.ts";
import { ApiError } from "../queries/api.ts";
import { vmQuery } from "../queries/vm.ts";
import { useWatchVm } from "../realtime/realtime-provider.tsx";
import { asLastKnown } from "../realtime/freshness.ts";
import type { AsOf } from "../realtime/freshness.ts";
import { useAsOf, useCannotSend } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { Badge } from "../ui/badge.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { formatUtcTime } from "../ui/format.ts";
import { Instant } from "../ui/instant.tsx";
import { HangAnnouncer } from "../fleet/hang-announcer.tsx";
import { useYankDesk } from "../yank/use-yank-desk.ts";
import type { YankDesk } from "../yank/use-yank-desk.ts";
import { YankDialog } from "../yank/yank-dialog.tsx";
import { ActsCard } from "./acts-card.tsx";
import { ClocksCard } from "./clocks-card.tsx";
import { DismissButton } from "./dismiss-button.tsx";
import { EventsCard } from "./events-card.tsx";
import { FactsCard } from "./facts-card.tsx";
import { InstancesCard } from "./instances-card.tsx";
import { MigrationCard } from "./migration-card.tsx";
import { VmHeader } from "./vm-header.tsx";

/** One VM: what is wrong, what holds it, what it costs to cut it, and the cords. */
export function VmScreen({ seed }: { seed: VmDetail }) {
  const { data: vm, error } = useQuery({ ...vmQuery(seed.vmId), initialData: seed });
  useWatchVm(seed.vmId);
  const isForgotten = error instanceof ApiError && error.status === 404;
  const heard = useAsOf(vm);
  const asOf = isForgotten ? asLastKnown(vm) : heard;
  const cannotSend = useWhyNotSend(vm, asOf, isForgotten);
  // Beside what is shown of the VM, because the VM may end by the act: the result stays until it is dismissed.
  const desk = useYankDesk();
  return (
    <Screen heading={<Heading vm={vm} />}>
      {isForgotten && (
        <p role="alert" className="mb-4 rounded-xl border border-line-strong px-4 py-3 font-semibold text-strong">
          The hub does not know this VM any more. What you see is the last that was known of it.
        </p>
      )}
      {vm.endedAtMs === undefined ? <LiveVm vm={vm} asOf={asOf} desk={desk} cannotSend={cannotSend} /> : <EndedVm vm={vm} asOf={asOf} />}
      <YankDialog desk={desk} cannotSend={cannotSend} />
    </Screen>
  );
}

function Heading({ vm }: { vm: VmDetail }) {
  return (
    <>
      <nav aria-label="Breadcrumb" className="flex min-w-0 items-baseline gap-2 text-lg">
        <Link href="/" className="rounded text-body hover:text-strong">
          Fleet
        </Link>
        <span aria-hidden="true" className="text-quiet">
          /
        </span>
        <h1 className="min-w-0 truncate font-semibold text-strong" title={vm.name}>
          {vm.name}
        </h1>
      </nav>
      <div className="flex gap-2 max-md:hidden">
        <Badge>{vm.host}</Badge>
        <Badge>{vm.launcher === "plain" ? "plain QEMU" : vm.launcher}</Badge>
        {vm.qemuVersion && <Badge>{`QEMU ${vm.qemuVersion} · ${vm.hasOob ? "OOB" : "no OOB"}`}</Badge>}
      </div>
    </>
  );
}

/** Why nothing can be sent to this VM now, for people; undefined when it can. */
function useWhyNotSend(vm: VmDetail, asOf: AsOf, isForgotten: boolean): string | undefined {
  const offline = useCannotSend();
  if (offline !== undefined) return offline;
  if (isForgotten) return "The hub does not know this VM any more";
  if (vm.endedAtMs !== undefined) return "This VM has ended";
  return asOf.isStale ? `${vm.host} is not heard` : undefined;
}

interface LiveVmProps {
  vm: VmDetail;
  asOf: AsOf;
  desk: YankDesk;
  cannotSend: string | undefined;
}

function LiveVm({ vm, asOf, desk, cannotSend }: LiveVmProps) {
  const { data: fleet } = useQuery(fleetQuery());
  // A second act would be refused; while one's own dialog shows the first, it says so itself.
  const cannotAsk = cannotSend ?? (vm.actInProgress ? "An act is under way" : undefined);
  const migrationInstance = vm.instances.find((report) => report.instance.type === "migration");
  function handleYank(report: InstanceView) {
    if (isKnownYankInstance(report.instance)) desk.ask({ action: "yank", vmId: vm.vmId, instances: [report.instance] });
  }
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
      <div className="mt-4 grid gap-4 xl:grid-cols-[3fr_2fr]">
        <ClocksCard vm={vm} asOf={asOf} />
        <EvidenceCard vm={vm} />
        {/* Where the cards stand below each other, what can be done comes before what it is known by. */}
        <div className="min-w-0 max-xl:-order-1 xl:col-span-2">
          <InstancesCard vm={vm} cannotSend={cannotAsk} onYank={handleYank} />
        </div>
        <div className="min-w-0 max-xl:contents xl:grid xl:content-start xl:gap-4">
          {vm.migration && vm.migration.status !== "none" && (
            <div className={cx("min-w-0", migrationOrder(vm, vm.migration.status))}>
              <MigrationCard
                vm={vm}
                migration={vm.migration}
                cannotSend={cannotAsk}
                onCancel={() => desk.ask({ action: "cancel-migration", vmId: vm.vmId })}
                onPausePostcopy={() => desk.ask({ action: "pause-postcopy", vmId: vm.vmId })}
                onYank={migrationInstance?.yankable === true ? () => handleYank(migrationInstance) : undefined}
              />
            </div>
          )}
          <EventsCard vmId={vm.vmId} />
        </div>
        <div className="grid min-w-0 content-start gap-4">
          <ActsCard vmId={vm.vmId} />
          <FactsCard vm={vm} asOf={asOf} />
        </div>
      </div>
    </>
  );
}

/** On a narrow screen: after the cords while it is under way, before them where it is what is wrong and has the softer way out. */
function migrationOrder(vm: VmDetail, status: MigrationStatus): string | undefined {
  if (isTerminalMigration(status)) return undefined;
  return vm.health.kind === "migration-stalled" ? "max-xl:-order-2" : "max-xl:-order-1";
}

function EvidenceCard({ vm }: { vm: VmDetail }) {
  return (
    <Card title="Evidence">
      {vm.evidence.length === 0 ? (
        <p>{vm.health.kind === "healthy" ? "Nothing speaks against it" : "No reading speaks for or against it yet"}</p>
      ) : (
        <ul className="grid gap-1.5">
          {vm.evidence.map((line) => (
            <li key={`${line.code} ${line.text}`} className="wrap-anywhere text-strong first-letter:uppercase">
              {line.text}
            </li>
          ))}
        </ul>
      )}
      {vm.notices.length > 0 && (
        <ul aria-label="Notices" className="mt-3 grid gap-1.5 border-t border-line pt-3">
          {vm.notices.map((notice) => (
            <li key={notice} className="wrap-anywhere">
              {notice}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** A VM that is not there any more: what it was, and its record. Nothing can be done to it. */
function EndedVm({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  return (
    <>
      <div className="-mx-4 border-b border-line px-4 pb-4 sm:-mx-6 sm:px-6">
        <div role="status" aria-label="Health">
          <p className="text-xl font-semibold text-strong">Ended</p>
        </div>
        <p>
          {vm.endedAtMs !== undefined && <Instant atMs={vm.endedAtMs} withDate />}
          {vm.endedReason && ` · ${vm.endedReason}`}
        </p>
        <p className="mt-1">This QEMU process is not there any more. Its page stays readable for 24 hours.</p>
      </div>
      <div className="mt-4 grid gap-4 xl:grid-cols-2">
        <EventsCard vmId={vm.vmId} />
        <div className="grid min-w-0 content-start gap-4">
          <ActsCard vmId={vm.vmId} />
          <FactsCard vm={vm} asOf={{ ...asOf, hasOldReadings: true }} />
        </div>
      </div>
    </>
  );
}
