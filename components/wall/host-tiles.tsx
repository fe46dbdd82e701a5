import type { HealthKind } from "#lib/health/verdict";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatNumber } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, VERDICT_WORD } from "../vm/verdict-words.ts";
import { inSentence } from "./in-sentence.ts";
import { cellsShape } from "./wall-cells.ts";
import type { CellShape } from "./wall-cells.ts";
import { fitCells } from "./wall-layout.ts";
import type { CellGrid, WallLayout } from "./wall-layout.ts";
import type { HostTile } from "./wall-model.ts";

interface HostTilesProps {
  hosts: readonly HostTile[];
  layout: WallLayout;
  isStale: boolean;
  nowMs: number;
}

/** Every host, always in its place: a cell per VM as long as they fit, trouble first, the healthy ones hollow. */
export function HostTiles({ hosts, layout, isStale, nowMs }: HostTilesProps) {
  return (
    <ul
      aria-label="Hosts"
      className="grid min-h-0 flex-1"
      style={{ gap: layout.unitPx, gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))`, gridAutoRows: "minmax(0, 1fr)" }}
    >
      {hosts.map((host) => (
        <Tile key={host.bridgeId} host={host} layout={layout} isStale={isStale} nowMs={nowMs} />
      ))}
    </ul>
  );
}

function Tile({ host, layout, isStale, nowMs }: { host: HostTile } & Omit<HostTilesProps, "hosts">) {
  const { unitPx, tileWidthPx, tileHeightPx } = layout;
  const paddingPx = 0.9 * unitPx;
  const headPx = 2.2 * unitPx;
  const cells = fitCells(host.vmCount, tileWidthPx - 2 * paddingPx - 2, tileHeightPx - 2 * paddingPx - headPx - 0.6 * unitPx);
  const isOld = isStale || host.isBehind;
  return (
    <li
      aria-label={`${host.host}: ${summaryOf(host)}`}
      className={cx(
        "flex min-h-0 min-w-0 flex-col overflow-hidden rounded-[0.5em] border bg-raised",
        host.isBehind ? "border-dashed border-line-strong" : "border-line",
        isOld && "is-stale",
      )}
      style={{ padding: paddingPx, gap: 0.6 * unitPx }}
    >
      <p
        className="flex shrink-0 items-baseline justify-between gap-[0.6em] whitespace-nowrap"
        style={{ fontSize: 1.3 * unitPx, height: 1.7 * unitPx }}
      >
        <span className="min-w-0 truncate font-semibold text-strong">{host.host}</span>
        <span className="text-body">
          {host.isBehind
            ? host.behindSinceAtMs === undefined
              ? "not heard"
              : `${formatAgeInWords(nowMs - host.behindSinceAtMs)} old`
            : formatNumber(host.vmCount)}
        </span>
      </p>
      {cells ? <Cells host={host} grid={cells} /> : <Counts host={host} unitPx={unitPx} />}
    </li>
  );
}

/** One path per verdict, so that a host of hundreds costs a handful of elements. */
function Cells({ host, grid }: { host: HostTile; grid: CellGrid }) {
  const pitch = grid.sizePx + grid.gapPx;
  const widthPx = grid.columns * pitch - grid.gapPx;
  const heightPx = grid.rows * pitch - grid.gapPx;
  return (
    <svg width={widthPx} height={heightPx} viewBox={`0 0 ${widthPx} ${heightPx}`} aria-hidden="true" focusable="false" className="shrink-0">
      {host.counts.map(({ kind, count }, index) => (
        <Marks key={kind} kind={kind} shape={cellsShape(kind, cellsBefore(host, index), count, grid)} />
      ))}
    </svg>
  );
}

function cellsBefore(host: HostTile, index: number): number {
  return host.counts.slice(0, index).reduce((sum, { count }) => sum + count, 0);
}

/** Where even the smallest cells would not fit: in words, the worst first. */
function Counts({ host, unitPx }: { host: HostTile; unitPx: number }) {
  return (
    <ul style={{ fontSize: 1.2 * unitPx }}>
      {host.counts.slice(0, 3).map(({ kind, count }) => (
        <li key={kind} className={cx("flex items-center gap-[0.4em] truncate", VERDICT_TEXT_CLASS[kind])}>
          <VerdictIcon kind={kind} size={unitPx} />
          {formatNumber(count)} {inSentence(VERDICT_WORD[kind])}
        </li>
      ))}
    </ul>
  );
}

function Marks({ kind, shape }: { kind: HealthKind; shape: CellShape }) {
  const { path, how, isDashed } = shape;
  if (kind === "healthy") return <path d={path} className="stroke-line" fill="none" strokeWidth={1} />;
  const colour = VERDICT_TEXT_CLASS[kind];
  if (how === "solid") return <path d={path} className={cx(colour, "fill-current")} fillRule="evenodd" />;
  return (
    <path d={path} className={cx(colour, "stroke-current")} fill="none" strokeWidth={1.5} strokeDasharray={isDashed ? "2 2" : undefined} />
  );
}

function summaryOf(host: HostTile): string {
  const counts = host.counts.map(({ kind, count }) => `${count} ${inSentence(VERDICT_WORD[kind])}`).join(", ");
  return `${host.isBehind ? "not heard, before: " : ""}${counts || "no VMs"}`;
}
