"use client";
import { useEffect, useLayoutEffect, useRef } from "react";

/**
 * Scrolls along when the row that somebody is at is moved by what comes or goes above it, so that it stays under the
 * pointer. Rows are placed by hand, so the browser's own anchoring does not see them.
 * @param key of what is shown: with another choice nothing has to stay
 * @param topPx where the row is in the document; undefined while nobody is at one
 */
export function useSteadyScroll(key: string, id: string | undefined, topPx: number | undefined): void {
  const placed = useRef<{ key: string; id: string; topPx: number }>(undefined);
  useClientLayoutEffect(() => {
    const before = placed.current;
    placed.current = id === undefined || topPx === undefined ? undefined : { key, id, topPx };
    if (!before || topPx === undefined || before.key !== key || before.id !== id) return;
    const movedPx = topPx - before.topPx;
    if (Math.abs(movedPx) >= 1) window.scrollBy({ top: movedPx, behavior: "instant" });
  }, [key, id, topPx]);
}

const useClientLayoutEffect = typeof window === "undefined" ? useEffect : useLayoutEffect;
