"use client";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { cachedTick } from "../queries/fleet.ts";

/** A hub that keeps serving another build than it says must not make a wall reload for ever. */
const RELOAD_AT_MOST_EVERY_MS = 60_000;
const RELOADED_KEY = "ripcord-reloaded-at";

/** The build that this page is of; the same text in every page of one `next build`. */
const OWN_BUILD = process.env.RIPCORD_BUILD_ID;

/** Whether the hub serves a newer build than this page is of. */
export function useHasNewBuild(): boolean {
  const { data: tick } = useQuery(cachedTick());
  return isOtherBuild(OWN_BUILD, tick?.build);
}

/** For a screen that nobody touches: it takes the new build by itself. */
export function useReloadOnNewBuild(): void {
  const hasNewBuild = useHasNewBuild();
  useEffect(() => {
    if (!hasNewBuild) return;
    const lastMs = Number(sessionStorage.getItem(RELOADED_KEY) ?? 0);
    const waitMs = Math.max(0, lastMs + RELOAD_AT_MOST_EVERY_MS - Date.now());
    const timer = setTimeout(
      () => {
        sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
        location.reload();
      },
      Math.min(waitMs, RELOAD_AT_MOST_EVERY_MS),
    );
    return () => clearTimeout(timer);
  }, [hasNewBuild]);
}

function isOtherBuild(own: string | undefined, served: string | undefined): boolean {
  return own !== undefined && own !== "" && served !== undefined && served !== own;
}
