"use client";
import { useLayoutEffect, useRef } from "react";
import type { KeyboardEvent, RefObject } from "react";
import type { VmSummary } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";

const PAGE_ROWS = 10;

/**
 * Arrow keys, Page and Home and End walk through the rows, `x` chooses one.
 * @param draw makes sure that a row is drawn, so that it can take the focus
 */
export function useRowKeys({
  rows,
  focused,
  bodyRef,
  draw,
  onToggle,
}: {
  rows: readonly VmSummary[];
  focused: VmId | undefined;
  bodyRef: RefObject<HTMLElement | null>;
  draw: (vmId: VmId) => void;
  onToggle: (vm: VmSummary) => void;
}): (event: KeyboardEvent) => void {
  const wanted = useRef<VmId>(undefined);
  useClientLayoutEffect(() => {
    if (wanted.current === undefined) return;
    const link = bodyRef.current?.querySelector<HTMLElement>(`[data-vm="${CSS.escape(wanted.current)}"] a`);
    if (!link) return;
    wanted.current = undefined;
    link.focus();
  });
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || focused === undefined) return;
    const at = rows.findIndex(({ vmId }) => vmId === focused);
    const here = rows[at];
    if (here && event.key === "x") {
      onToggle(here);
      return;
    }
    const step = stepOf(event.key, rows.length);
    const next = step === undefined ? undefined : rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    if (!next) return;
    event.preventDefault();
    wanted.current = next.vmId;
    draw(next.vmId);
  };
}

function stepOf(key: string, count: number): number | undefined {
  switch (key) {
    case "ArrowDown":
      return 1;
    case "ArrowUp":
      return -1;
    case "PageDown":
      return PAGE_ROWS;
    case "PageUp":
      return -PAGE_ROWS;
    case "Home":
      return -count;
    case "End":
      return count;
    default:
      return undefined;
  }
}

/** There is no layout on the server, and React says so loudly. */
const useClientLayoutEffect: typeof useLayoutEffect = typeof window === "undefined" ? () => undefined : useLayoutEffect;
