import { useSyncExternalStore } from "react";

export interface Viewport {
  widthPx: number;
  heightPx: number;
}

/** What the page is drawn for before a browser has said how large it is. */
const FULL_HD: Viewport = { widthPx: 1_920, heightPx: 1_080 };

let current = FULL_HD;

/** The size of the window; the same object as long as it does not change. */
export function useViewport(): Viewport {
  return useSyncExternalStore(subscribe, read, () => FULL_HD);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}

function read(): Viewport {
  const { innerWidth: widthPx, innerHeight: heightPx } = window;
  if (widthPx !== current.widthPx || heightPx !== current.heightPx) current = { widthPx, heightPx };
  return current;
}
