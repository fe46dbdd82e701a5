"use client";
import { useNow } from "../realtime/live-clock.tsx";
import { formatAgeInWords, formatUtc } from "./format.ts";

/** How long ago a moment was, counting. `until` stops it where what is shown is old. */
export function Age({ atMs, until, suffix = " ago" }: { atMs: number; until?: number; suffix?: string }) {
  const now = useNow();
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatUtc(atMs)} className="whitespace-nowrap">
      {formatAgeInWords((until ?? now) - atMs)}
      {suffix}
    </time>
  );
}
