import type { VmSummary } from "#lib/api/vm";
import type { HealthKind, Verdict } from "#lib/health/verdict";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { DEFAULT_COLUMNS } from "../fleet/column-ids.ts";
import { gridVariables } from "../fleet/columns.tsx";
import { EmptyFleet } from "../fleet/empty-fleet.tsx";
import { FleetRow } from "../fleet/fleet-row.tsx";
import { TroubleBanner } from "../fleet/trouble-banner.tsx";
import { useNow } from "../realtime/live-clock.tsx";
import { HubTrouble } from "../shell/hub-trouble.tsx";

const ROW_PX = 44;
const SINCE_MS = 192_000;
const TRACKS = gridVariables(DEFAULT_COLUMNS);
const doNothing = () => undefined;

const VERDICTS: Record<HealthKind, Verdict> = {
  "main-loop-hung": { kind: "main-loop-hung", cord: "in-reach" },
  silent: { kind: "silent", reason: "stopped" },
  "io-stalled": { kind: "io-stalled", nodes: ["nbd0"] },
  "migration-stalled": { kind: "migration-stalled", migrationStatus: "active" },
  "guest-stopped": { kind: "guest-stopped", runState: "io-error" },
  unreachable: { kind: "unreachable", reason: "process-gone" },
  slow: { kind: "slow" },
  unknown: { kind: "unknown", reason: "bridge-lost" },
  "monitor-busy": { kind: "monitor-busy" },
  healthy: { kind: "healthy" },
};

/** A row per verdict, now and stale; the banner; and what stands where nothing can be shown. */
export function Rows() {
  const nowMs = useNow();
  const rows = HEALTH_KINDS.flatMap((kind) => [false, true].map((isStale) => ({ vm: vmOf(kind, nowMs), isStale })));
  const [worst] = rows;
  return (
    <div className="grid gap-6 py-4">
      <div role="table" aria-label="Rows" className="relative overflow-hidden" style={{ height: rows.length * ROW_PX, ...TRACKS }}>
        {rows.map(({ vm, isStale }, index) => (
          <FleetRow
            key={`${vm.vmId} ${isStale}`}
            vm={vm}
            columns={DEFAULT_COLUMNS}
            isDense={false}
            isSelected={false}
            onSelect={doNothing}
            rowIndex={index + 1}
            offsetPx={index * ROW_PX}
            heightPx={ROW_PX}
            nowMs={nowMs}
            asOfMs={nowMs}
            isStale={isStale}
            hasOldReadings={isStale}
          />
        ))}
      </div>
      <div className="px-4">
        {worst && <TroubleBanner kind="main-loop-hung" count={1} longest={worst.vm} />}
        {worst && <TroubleBanner kind="io-stalled" count={2} longest={worst.vm} />}
      </div>
      <div className="grid gap-4 px-4 xl:grid-cols-2">
        <HubTrouble detail="The hub answered 503" />
        <EmptyFleet bridges={[]} />
      </div>
    </div>
  );
}

function vmOf(kind: HealthKind, nowMs: number): VmSummary {
  const isHung = kind === "main-loop-hung" || kind === "silent";
  return {
    vmId: `styleguide-${kind}`,
    name: `db-${kind}`,
    bridgeId: "kvm-01",
    host: "kvm-01",
    address: "/run/ripcord/monitors/example.sock",
    launcher: "plain",
    isSimulated: true,
    runState: "running",
    runStateIsLastKnown: isHung,
    health: { ...VERDICTS[kind], sinceAtMs: nowMs - SINCE_MS, readingAtMs: nowMs },
    lanes: {
      inBand: isHung
        ? { state: "open", openSinceAtMs: nowMs - SINCE_MS, lastRoundTripMs: 0.5 }
        : { state: "answered", bucket: "<10ms", roundTripMs: 0.5 },
      outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 0.4 },
    },
    yankableCount: kind === "monitor-busy" ? 0 : 2,
    instanceCount: 2,
    tags: [],
    changedAtRevision: 0,
  };
}
