import type { ReactNode } from "react";
import type { VmDetail } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { Card } from "../ui/card.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { formatBytes, formatNumber } from "../ui/format.ts";
import { Instant } from "../ui/instant.tsx";

/** What identifies this VM, and how well it is heard. */
export function FactsCard({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  const counters = vm.readings?.counters;
  return (
    <Card title="This VM">
      <dl className="grid grid-cols-[minmax(88px,auto)_1fr] gap-x-4 gap-y-1.5">
        <Fact name="Run state">
          {vm.runState === undefined ? (
            "not known"
          ) : (
            <>
              <span className="text-strong">{vm.runStateIsLastKnown || asOf.hasOldReadings ? `was ${vm.runState}` : vm.runState}</span>
              {vm.runStateAtMs !== undefined && vm.runStateIsLastKnown && (
                <>
                  {" "}
                  at <Instant atMs={vm.runStateAtMs} />
                </>
              )}
            </>
          )}
        </Fact>
        <Fact name="QEMU">
          {vm.qemuVersion === undefined ? "not greeted yet" : `${vm.qemuVersion}${vm.qemuPackage ? ` (${vm.qemuPackage})` : ""}`}
        </Fact>
        <Fact name="Process">{processWords(vm)}</Fact>
        {vm.uuid && <Fact name="UUID">{vm.uuid}</Fact>}
        <Fact name="Monitor">
          <span className="font-mono text-xs">{vm.address}</span> <CopyButton text={vm.address} label="Copy the monitor's address" />
        </Fact>
        {vm.tags.length > 0 && <Fact name="Tags">{vm.tags.join(", ")}</Fact>}
        {counters && (
          <Fact name="Connection">
            {formatBytes(counters.bytesRead)} read, {formatNumber(counters.eventsSeen)} events, {formatNumber(counters.lateReplies)} late
            replies, {formatNumber(counters.repliesDropped)} dropped, {formatNumber(counters.reconnects)} reconnects
          </Fact>
        )}
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-quiet">{name}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  );
}

function processWords({ incarnation }: VmDetail): string {
  if (incarnation.pid !== undefined) return `pid ${incarnation.pid}`;
  return incarnation.by === "connection" ? "not readable; told apart by its connection" : "not known";
}
