"use client";
import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { CSSProperties } from "react";
import type { VmSummary } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { asOfFor } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useLink } from "../realtime/use-freshness.ts";
import { cx } from "../ui/cx.ts";
import { COLUMN_TITLE, nextSort, SORT_KEY } from "./column-ids.ts";
import type { ColumnId, FleetSort } from "./column-ids.ts";
import { COLUMNS, GRID, gridVariables } from "./columns.tsx";
import { FleetRow } from "./fleet-row.tsx";
import type { FleetView } from "./fleet-url.ts";
import { createRowHolder } from "./row-holder.ts";
import { canSelect } from "./selection.ts";
import { useHold } from "./use-hold.ts";
import { useMedia } from "./use-media.ts";
import { useRowKeys } from "./use-row-keys.ts";
import { useSteadyScroll } from "./use-steady-scroll.ts";

const ROW_PX = { comfortable: 44, dense: 32 } as const;
const CARD_PX = 68;
const OVERSCAN_ROWS = 8;
/** What the server draws before the size of the window is known. */
const FIRST_RECT = { width: 1_440, height: 900 };

interface FleetTableProps {
  /** In the order in which they would stand by themselves. */
  vms: readonly VmSummary[];
  byId: ReadonlyMap<VmId, VmSummary>;
  /** How many there are in all; more than `vms` while only the first rows are known. */
  total: number;
  columns: FleetView["columns"];
  density: FleetView["density"];
  sort: FleetSort | undefined;
  /** What of the view decides which rows stand where. */
  orderKey: string;
  selected: ReadonlySet<VmId>;
  onSelect: (vmId: VmId, isSelected: boolean) => void;
  onSort: (sort: FleetSort | undefined) => void;
}

/** All rows of the fleet; only those in sight are in the page. The window scrolls, not a box within it. */
export const FleetTable = memo(function FleetTable(props: FleetTableProps) {
  const { vms, byId, total, columns, density, sort, orderKey, selected, onSelect, onSort } = props;
  // Once for all rows: each of them would otherwise subscribe to the cache and the clock by itself.
  const link = useLink();
  const nowMs = useNow();
  const hold = useHold();
  const [holdRows] = useState(createRowHolder);
  const rows = holdRows({ key: orderKey, isHeld: hold.isHeld, anchor: hold.anchor, wanted: vms, byId });
  const isCard = useMedia("(max-width: 1023px)", false);
  const rowPx = isCard ? CARD_PX : ROW_PX[density];
  const bodyRef = useRef<HTMLDivElement>(null);
  const [bodyTopPx, setBodyTopPx] = useState(0);
  const [drawn, setDrawn] = useState<VmId>();
  // Banners above the table come and go, and every one of them moves the rows.
  useIsomorphicLayoutEffect(() => {
    const top = bodyRef.current ? bodyRef.current.getBoundingClientRect().top + window.scrollY : 0;
    if (Math.abs(top - bodyTopPx) > 0.5) setBodyTopPx(top);
  });
  const keptIndexes = useMemo(
    () =>
      [hold.focused, drawn].flatMap((id) => (id === undefined ? [] : [rows.findIndex(({ vmId }) => vmId === id)])).filter((at) => at >= 0),
    [rows, hold.focused, drawn],
  );
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowPx,
    overscan: OVERSCAN_ROWS,
    scrollMargin: bodyTopPx,
    initialRect: FIRST_RECT,
    initialOffset: 0,
    getItemKey: (index) => rows[index]?.vmId ?? index,
    // The focused row is drawn wherever it is: one that is taken out of the page takes the focus with it.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), ...keptIndexes])].toSorted((left, right) => left - right),
  });
  useEffect(() => virtualizer.measure(), [virtualizer, rowPx]);
  const anchorIndex = hold.anchor === undefined ? -1 : rows.findIndex(({ vmId }) => vmId === hold.anchor);
  useSteadyScroll(`${orderKey} ${rowPx}`, hold.anchor, anchorIndex < 0 ? undefined : bodyTopPx + anchorIndex * rowPx);
  const handleKeyDown = useRowKeys({
    rows,
    focused: hold.focused,
    bodyRef,
    draw: setDrawn,
    onToggle: (vm) => canSelect(vm) && onSelect(vm.vmId, !selected.has(vm.vmId)),
  });
  // Heard here for all rows; what can be done stands in the rows themselves.
  const handlers = { ...hold.handlers, onKeyDown: handleKeyDown };
  const tracks = useMemo(() => gridVariables(columns) as CSSProperties, [columns]);
  const handleSelect = useCallback((vmId: VmId, isSelected: boolean) => onSelect(vmId, isSelected), [onSelect]);
  return (
    <div role="table" aria-label="Fleet" aria-rowcount={total + 1} className="-mx-4 [overflow-anchor:none] sm:-mx-6" style={tracks}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="border-b border-line px-4 text-xs text-quiet max-lg:sr-only sm:px-6">
          <div className={`h-9 items-center ${GRID}`}>
            <div role="columnheader">
              <span className="sr-only">Selected</span>
            </div>
            {columns.map((id) => (
              <Heading key={id} id={id} sort={sort} onSort={onSort} />
            ))}
          </div>
        </div>
      </div>
      <div role="rowgroup" ref={bodyRef} className="relative" style={{ height: Math.max(rows.length, total) * rowPx }} {...handlers}>
        {virtualizer.getVirtualItems().map((item) => {
          const vm = rows[item.index];
          return (
            vm && (
              <FleetRow
                key={vm.vmId}
                vm={vm}
                columns={columns}
                isDense={density === "dense" && !isCard}
                rowIndex={item.index + 2}
                offsetPx={item.index * rowPx}
                heightPx={rowPx}
                isSelected={selected.has(vm.vmId)}
                onSelect={handleSelect}
                {...asOfFor(vm, link, nowMs)}
                nowMs={nowMs}
              />
            )
          );
        })}
      </div>
    </div>
  );
});

function Heading({ id, sort, onSort }: { id: ColumnId; sort: FleetSort | undefined; onSort: (sort: FleetSort | undefined) => void }) {
  const isSorted = sort?.column === id;
  const canSort = SORT_KEY[id] !== undefined;
  return (
    <div
      role="columnheader"
      aria-sort={isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}
      className={cx("min-w-0", COLUMNS[id].className)}
    >
      {canSort ? (
        <button
          type="button"
          onClick={() => onSort(nextSort(sort, id))}
          className={cx(
            "inline-flex min-h-6 max-w-full items-center gap-1 rounded hover:text-strong",
            isSorted && "font-semibold text-strong",
          )}
        >
          <span className="truncate">{COLUMN_TITLE[id]}</span>
          {isSorted && (sort.isDescending ? <ArrowDown size={12} aria-hidden="true" /> : <ArrowUp size={12} aria-hidden="true" />)}
        </button>
      ) : (
        <span className="block truncate">{COLUMN_TITLE[id]}</span>
      )}
    </div>
  );
}

/** There is no layout on the server, and React says so loudly. */
const useIsomorphicLayoutEffect = typeof window === "undefined" ? useEffect : useLayoutEffect;
