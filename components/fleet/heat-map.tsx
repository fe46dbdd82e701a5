"use client";
import Link from "next/link";
import { memo, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { KeyboardEvent, PointerEvent } from "react";
import type { VmSummary } from "#lib/api/vm";
import type { HealthKind } from "#lib/health/verdict";
import type { VmId } from "#lib/vm/report";
import { asOfFor } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useLink } from "../realtime/use-freshness.ts";
import { cx } from "../ui/cx.ts";
import { formatNumber } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, VERDICT_WORD, verdictTitle } from "../vm/verdict-words.ts";
import {
  cellAt,
  countKinds,
  groupByHost,
  isSameHost,
  placeOf,
  QUIET_COLUMNS,
  QUIET_PITCH_PX,
  quietPath,
  stepOnMap,
} from "./heat-map-model.ts";
import type { MapHost } from "./heat-map-model.ts";

/** Staleness is looked at in these steps: the map shows no ages. */
const STALE_STEP_MS = 2_000;

/** The whole fleet at a glance: a tile per host, quiet VMs as small cells, trouble grown out of them in its own shape. */
export default function HeatMap({ vms }: { vms: readonly VmSummary[] }) {
  const link = useLink();
  const nowMs = useNow(STALE_STEP_MS);
  const hosts = useMemo(() => groupByHost(vms), [vms]);
  const [cursor, setCursor] = useState<VmId>();
  const [read, setRead] = useState<VmSummary>();
  const rootRef = useRef<HTMLDivElement>(null);
  const wanted = useRef<VmId>(undefined);
  const first = hosts[0]?.troubled[0] ?? hosts[0]?.quiet[0];
  const isThere = cursor !== undefined && vms.some(({ vmId }) => vmId === cursor);
  const current = isThere ? cursor : first?.vmId;
  useLayoutEffect(() => {
    if (wanted.current === undefined) return;
    rootRef.current?.querySelector<HTMLElement>(`[data-vm="${CSS.escape(wanted.current)}"]`)?.focus();
    wanted.current = undefined;
  });
  function handleKeyDown(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey || current === undefined) return;
    const next = stepOnMap(hosts, current, event.key);
    if (next === undefined) return;
    event.preventDefault();
    wanted.current = next;
    setCursor(next);
  }
  // Heard here for all cells: most of them are no elements of their own.
  const keys = { onKeyDown: handleKeyDown };
  const staleOf = (host: MapHost) => {
    const [some] = [...host.troubled, ...host.quiet];
    return some !== undefined && asOfFor(some, link, nowMs).isStale;
  };
  return (
    <div ref={rootRef} role="group" aria-label="Fleet as a map" className="mt-2" {...keys}>
      <p aria-hidden="true" className="mb-2 h-5 truncate text-sm">
        {read ? (
          <>
            <span className="font-semibold text-strong">{read.name}</span> {read.host} · {verdictTitle(read.health)}
          </>
        ) : (
          "Point at a cell, or walk with the arrow keys"
        )}
      </p>
      <div className="grid grid-cols-[repeat(auto-fill,minmax(166px,1fr))] items-start gap-2">
        {hosts.map((host) => (
          <HostTile
            key={host.host}
            host={host}
            cursor={hasVm(host, current) ? current : undefined}
            isStale={staleOf(host)}
            onCursor={setCursor}
            onRead={setRead}
          />
        ))}
      </div>
    </div>
  );
}

interface HostTileProps {
  host: MapHost;
  /** The cell that Tab leads to, where it is one of this host. */
  cursor: VmId | undefined;
  isStale: boolean;
  onCursor: (vmId: VmId) => void;
  onRead: (vm: VmSummary | undefined) => void;
}

const HostTile = memo(
  function HostTile({ host, cursor, isStale, onCursor, onRead }: HostTileProps) {
    const counts = countKinds(host);
    return (
      <section
        role="group"
        aria-label={`${host.host}: ${counts.map(({ kind, count }) => `${count} ${VERDICT_WORD[kind]}`).join(", ")}`}
        className={cx(
          "rounded-lg border bg-raised p-2.5",
          host.troubled.length > 0 ? "border-line-strong" : "border-line",
          isStale && "is-stale",
        )}
      >
        <p className="mb-1.5 flex items-baseline justify-between gap-2 text-xs">
          <span className="min-w-0 truncate font-semibold text-strong" title={host.host}>
            {host.host}
          </span>
          <span className="text-body">{formatNumber(host.troubled.length + host.quiet.length)}</span>
        </p>
        {host.troubled.length > 0 && (
          <ul className="-m-0.5 mb-1.5 flex flex-wrap">
            {host.troubled.map((vm) => (
              <li key={vm.vmId}>
                <Link
                  href={`/vms/${vm.vmId}`}
                  prefetch={false}
                  data-vm={vm.vmId}
                  tabIndex={vm.vmId === cursor ? 0 : -1}
                  aria-label={cellName(vm, isStale)}
                  title={cellName(vm, isStale)}
                  onFocus={() => {
                    onCursor(vm.vmId);
                    onRead(vm);
                  }}
                  onPointerEnter={() => onRead(vm)}
                  onPointerLeave={() => onRead(undefined)}
                  className="flex size-6 items-center justify-center rounded hover:bg-sunken"
                >
                  <VerdictIcon kind={vm.health.kind} size={20} isMuted={isStale} />
                </Link>
              </li>
            ))}
          </ul>
        )}
        {host.quiet.length > 0 && <QuietCells host={host} cursor={cursor} isStale={isStale} onCursor={onCursor} onRead={onRead} />}
      </section>
    );
  },
  (before, after) => before.cursor === after.cursor && before.isStale === after.isStale && isSameHost(before.host, after.host),
);

/** All quiet VMs of a host. Only the cell that is pointed at and the one that Tab leads to are elements of their own. */
function QuietCells({ host: { host, quiet }, cursor, isStale, onCursor, onRead }: HostTileProps) {
  const [pointed, setPointed] = useState<number>();
  const widthPx = QUIET_COLUMNS * QUIET_PITCH_PX;
  const heightPx = Math.ceil(quiet.length / QUIET_COLUMNS) * QUIET_PITCH_PX;
  const kinds = [...new Set(quiet.map(({ health }) => health.kind))];
  const alive = [...new Set([quiet.findIndex(({ vmId }) => vmId === cursor), pointed ?? -1])].filter((index) => index >= 0);
  function handlePointer(event: PointerEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const index = cellAt(event.clientX - box.left, event.clientY - box.top, quiet.length);
    if (index === pointed) return;
    setPointed(index);
    onRead(index === undefined ? undefined : quiet[index]);
  }
  return (
    <div
      className="relative"
      style={{ width: widthPx, height: heightPx }}
      onPointerMove={handlePointer}
      onPointerDown={handlePointer}
      onPointerLeave={() => {
        setPointed(undefined);
        onRead(undefined);
      }}
    >
      <svg width={widthPx} height={heightPx} aria-hidden="true" focusable="false" fill="none" className="block">
        {kinds.map((kind) => (
          <path key={kind} d={quietPath(quiet, kind)} className={strokeOf(kind, isStale)} strokeWidth={kind === "healthy" ? 1 : 1.6} />
        ))}
      </svg>
      {alive.map((index) => {
        const vm = quiet[index];
        if (!vm) return null;
        const { xPx, yPx } = placeOf(index);
        return (
          <Link
            key={`${host} ${vm.vmId}`}
            href={`/vms/${vm.vmId}`}
            prefetch={false}
            data-vm={vm.vmId}
            tabIndex={vm.vmId === cursor ? 0 : -1}
            aria-label={cellName(vm, isStale)}
            onFocus={() => {
              onCursor(vm.vmId);
              onRead(vm);
            }}
            className="absolute rounded-xs outline-offset-0 hover:outline-2 hover:outline-line-strong"
            style={{ left: xPx, top: yPx, width: QUIET_PITCH_PX, height: QUIET_PITCH_PX }}
          />
        );
      })}
    </div>
  );
}

function strokeOf(kind: HealthKind, isStale: boolean): string {
  return kind === "healthy" ? "stroke-line-strong" : cx(isStale ? "text-muted" : VERDICT_TEXT_CLASS[kind], "stroke-current");
}

function cellName(vm: VmSummary, isStale: boolean): string {
  return `${vm.name} on ${vm.host}: ${isStale ? "was " : ""}${verdictTitle(vm.health)}`;
}

function hasVm({ troubled, quiet }: MapHost, vmId: VmId | undefined): boolean {
  return vmId !== undefined && (troubled.some((vm) => vm.vmId === vmId) || quiet.some((vm) => vm.vmId === vmId));
}
