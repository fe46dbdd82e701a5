import { Unplug } from "lucide-react";
import type { Freshness } from "../realtime/freshness.ts";
import { formatAgeInWords } from "../ui/format.ts";
import type { HostTile } from "./wall-model.ts";

/** The whole width, in letters of five metres, as soon as what is shown is not of now. */
export function WallBanner({
  freshness,
  hosts,
  nowMs,
  unitPx,
}: {
  freshness: Freshness;
  hosts: readonly HostTile[];
  nowMs: number;
  unitPx: number;
}) {
  const text = bannerText(freshness, hosts, nowMs);
  if (text === undefined) return null;
  return (
    <p
      role="alert"
      className="flex shrink-0 items-center justify-center gap-[0.6em] rounded-[0.4em] bg-strong px-[0.8em] py-[0.25em] text-center font-semibold text-on-strong"
      style={{ fontSize: 2.2 * unitPx }}
    >
      <Unplug size={2 * unitPx} aria-hidden="true" className="shrink-0" />
      <span className="min-w-0 wrap-anywhere">{text}</span>
    </p>
  );
}

/** What is not heard, and since when; undefined while everything is. Hosts that this wall does not show are left out. */
export function bannerText(freshness: Freshness, hosts: readonly HostTile[], nowMs: number): string | undefined {
  if (freshness.kind === "hub-silent")
    return `The hub is not heard for ${formatAgeInWords(nowMs - freshness.sinceAtMs)}: everything here was so before`;
  const behind = hosts.filter((host) => host.isBehind);
  const [first] = behind;
  if (!first) return undefined;
  const since = first.behindSinceAtMs === undefined ? "" : ` for ${formatAgeInWords(nowMs - first.behindSinceAtMs)}`;
  if (behind.length === 1) return `${first.host} is not heard${since}: its VMs were so before`;
  const names = behind.slice(0, 4).map((host) => host.host);
  const more = behind.length > names.length ? ` and ${behind.length - names.length} more` : "";
  return `${names.join(", ")}${more} are not heard: their VMs were so before`;
}
