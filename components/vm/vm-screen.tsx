"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { VmDetail } from "#lib/api/vm";
import { ApiError } from "../queries/api.ts";
import { vmQuery } from "../queries/vm.ts";
import { useWatchVm } from "../realtime/realtime-provider.tsx";
import { asLastKnown } from "../realtime/freshness.ts";
import type { AsOf } from "../realtime/freshness.ts";
import { useAsOf, useCannotSend } from "../realtime/use-freshness.ts";
import { Screen } from "../shell/screen.tsx";
import { Badge } from "../ui/badge.tsx";
import { Instant } from "../ui/instant.tsx";
import { useYankDesk } from "../yank/use-yank-desk.ts";
import { useAskFromUrl } from "../yank/use-ask-from-url.ts";
import { YankDialog } from "../yank/yank-dialog.tsx";
import { ActsCard } from "./acts-card.tsx";
import { EventsCard } from "./events-card.tsx";
import { FactsCard } from "./facts-card.tsx";
import { LiveVm } from "./live-vm.tsx";

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
  useAskFromUrl(vm, desk);
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
