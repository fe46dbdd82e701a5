"use client";
import { useSyncExternalStore } from "react";

/** Whether a media query matches; `whileRendering` is assumed on the server. */
export function useMedia(query: string, whileRendering: boolean): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
    () => whileRendering,
  );
}
