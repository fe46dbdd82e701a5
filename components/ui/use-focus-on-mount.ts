import { useEffect } from "react";
import type { RefObject } from "react";

/** Moves the focus there once: what had it went away together with the content that this one replaces. */
export function useFocusOnMount(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => ref.current?.focus({ preventScroll: true }), [ref]);
}
