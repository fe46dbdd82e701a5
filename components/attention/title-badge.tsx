"use client";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { isTrouble } from "#lib/health/verdict";
import type { FleetSnapshot } from "#lib/api/vm";
import { cachedFleet } from "../queries/fleet.ts";
import { useLink } from "../realtime/use-freshness.ts";
import { badgedTitle, faviconFor } from "./title-words.ts";

/** The number of VMs in trouble in the tab's title and on its icon, for those who look at another tab. */
export function TitleBadge() {
  const { data: troubled = 0 } = useQuery({ ...cachedFleet(), select: countTroubled });
  const { isHubSilent } = useLink();
  useEffect(() => {
    // Old numbers are not shown as of now: a tab that hears nothing says that instead.
    const count = isHubSilent ? undefined : troubled;
    const write = () => {
      const wanted = badgedTitle(document.title, count);
      if (wanted !== document.title) document.title = wanted;
    };
    write();
    setIcon(faviconFor(count));
    // A page that is opened brings its own title.
    const observer = new MutationObserver(write);
    observer.observe(document.head, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, [troubled, isHubSilent]);
  return null;
}

function countTroubled(fleet: FleetSnapshot): number {
  return fleet.vms.filter((vm) => vm.endedAtMs === undefined && isTrouble(vm.health.kind)).length;
}

function setIcon(href: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link && link.href !== href) link.href = href;
}
