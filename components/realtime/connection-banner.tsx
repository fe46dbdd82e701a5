"use client";
import { Unplug } from "lucide-react";
import { formatAgeInWords, formatCount, formatUtcTime } from "../ui/format.ts";
import type { Freshness } from "./freshness.ts";
import { useNow } from "./live-clock.tsx";
import { useConnection } from "./realtime-provider.tsx";
import { useFreshness } from "./use-freshness.ts";

/** Says across the whole width what is stale and since when. Absent while everything is of now. */
export function ConnectionBanner() {
  const state = useFreshness();
  const { isBrowserOnline } = useConnection();
  const now = useNow();
  const text = bannerText(state, isBrowserOnline);
  return (
    <div role="alert">
      {text && (
        <div className="flex items-start gap-3 bg-strong px-4 py-2 text-sm font-semibold text-on-strong sm:px-6">
          <Unplug size={16} aria-hidden="true" className="mt-0.5 shrink-0" />
          <p>
            {text.what}
            {text.sinceAtMs !== undefined && (
              // The age would be read aloud every second; the clock time beside it is enough to listen to.
              <span aria-hidden="true"> · {formatAgeInWords(now - text.sinceAtMs)}</span>
            )}
          </p>
        </div>
      )}
    </div>
  );
}

function bannerText(state: Freshness, isBrowserOnline: boolean): { what: string; sinceAtMs?: number } | undefined {
  if (state.kind === "hub-silent") {
    const who = isBrowserOnline ? "No word from the hub" : "This browser is offline: no word from the hub";
    return {
      what: `${who} since ${formatUtcTime(state.sinceAtMs)}. Everything here is as it was then, and nothing can be sent`,
      sinceAtMs: state.sinceAtMs,
    };
  }
  if (state.kind !== "bridges-behind") return undefined;
  const [first, ...others] = state.behind;
  if (!first) return undefined;
  if (others.length > 0) {
    const vmCount = state.behind.reduce((sum, each) => sum + each.bridge.vmCount, 0);
    const since = earliest(state.behind.map((each) => each.sinceAtMs));
    return {
      what: `${state.behind.length} of ${formatCount(state.hosts, "host")} are not heard${sinceWords(since)} (${state.behind.map((each) => each.bridge.host).join(", ")}): ${formatCount(vmCount, "VM")} shown as they were`,
      sinceAtMs: since,
    };
  }
  const { bridge, sinceAtMs } = first;
  const how = bridge.isConnected ? "has read nothing" : "has lost its bridge: nothing read";
  const vms = bridge.vmCount === 1 ? "its VM is shown as it was" : `its ${formatCount(bridge.vmCount, "VM")} are shown as they were`;
  return { what: `${bridge.host} ${how}${sinceWords(sinceAtMs)}; ${vms}`, sinceAtMs };
}

function sinceWords(sinceAtMs: number | undefined): string {
  return sinceAtMs === undefined ? "" : ` since ${formatUtcTime(sinceAtMs)}`;
}

function earliest(times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
