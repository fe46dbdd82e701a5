"use client";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { VmSummary } from "#lib/api/vm";
import { asOfFor } from "../realtime/freshness.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useLink } from "../realtime/use-freshness.ts";
import { cx } from "../ui/cx.ts";
import { COLUMNS, FleetRow } from "./fleet-row.tsx";
import { useMedia } from "./use-media.ts";

const ROW_PX = 44;
const CARD_PX = 68;
const OVERSCAN_ROWS = 8;
/** What the server draws before the size of the window is known. */
const FIRST_RECT = { width: 1_440, height: 900 };

const HEADINGS = [
  { text: "Verdict" },
  { text: "VM" },
  { text: "Host" },
  { text: "Since" },
  { text: "In-band / out-of-band" },
  { text: "Run state" },
  { text: "What is known", className: "max-xl:hidden" },
  { text: "Yankable", className: "text-right" },
];

/** All rows of the fleet; only those in sight are in the page. The window scrolls, not a box within it. */
export function FleetTable({ vms }: { vms: VmSummary[] }) {
  // Once for all rows: each of them would otherwise subscribe to the cache and the clock by itself.
  const link = useLink();
  const nowMs = useNow();
  const isCard = useMedia("(max-width: 1023px)", false);
  const rowPx = isCard ? CARD_PX : ROW_PX;
  const bodyRef = useRef<HTMLDivElement>(null);
  const [bodyTopPx, setBodyTopPx] = useState(0);
  // Banners above the table come and go, and every one of them moves the rows.
  useIsomorphicLayoutEffect(() => {
    const top = bodyRef.current ? bodyRef.current.getBoundingClientRect().top + window.scrollY : 0;
    if (Math.abs(top - bodyTopPx) > 0.5) setBodyTopPx(top);
  });
  const virtualizer = useWindowVirtualizer({
    count: vms.length,
    estimateSize: () => rowPx,
    overscan: OVERSCAN_ROWS,
    scrollMargin: bodyTopPx,
    initialRect: FIRST_RECT,
    initialOffset: 0,
    getItemKey: (index) => vms[index]?.vmId ?? index,
  });
  useEffect(() => virtualizer.measure(), [virtualizer, rowPx]);
  return (
    <div role="table" aria-label="Fleet" aria-rowcount={vms.length + 1} className="-mx-4 sm:-mx-6">
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="border-b border-line px-4 text-xs text-quiet max-lg:sr-only sm:px-6">
          <div className={`h-9 items-center ${COLUMNS}`}>
            {HEADINGS.map(({ text, className }) => (
              <div key={text} role="columnheader" className={cx("truncate", className)}>
                {text}
              </div>
            ))}
          </div>
        </div>
      </div>
      <div role="rowgroup" ref={bodyRef} className="relative" style={{ height: vms.length * rowPx }}>
        {virtualizer.getVirtualItems().map((item) => {
          const vm = vms[item.index];
          return (
            vm && (
              <FleetRow
                key={vm.vmId}
                vm={vm}
                rowIndex={item.index + 2}
                offsetPx={item.index * rowPx}
                heightPx={rowPx}
                {...asOfFor(vm, link, nowMs)}
                nowMs={nowMs}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

/** There is no layout on the server, and React says so loudly. */
const useIsomorphicLayoutEffect = typeof window === "undefined" ? useEffect : useLayoutEffect;
