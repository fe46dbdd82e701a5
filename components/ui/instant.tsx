"use client";
import { useSyncExternalStore } from "react";
import { formatLocalTime, formatUtc, formatUtcTime } from "./format.ts";

/** A moment as a clock in UTC, with the reader's own clock beside it where that differs. */
export function Instant({ atMs, withDate = false }: { atMs: number; withDate?: boolean }) {
  // The server does not know where the reader sits.
  const isBrowser = useSyncExternalStore(
    subscribeToNothing,
    () => true,
    () => false,
  );
  const local = isBrowser ? formatLocalTime(atMs) : undefined;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatUtc(atMs)} className="whitespace-nowrap">
      {withDate ? formatUtc(atMs) : formatUtcTime(atMs)}
      {local !== undefined && ` (${local})`}
    </time>
  );
}

function subscribeToNothing(): () => void {
  return () => undefined;
}
