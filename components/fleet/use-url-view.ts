"use client";
import { useSearchParams } from "next/navigation";
import { useCallback, useEffect, useRef, useState } from "react";
import { viewFromUrl, viewToUrl } from "./fleet-url.ts";
import type { FleetView } from "./fleet-url.ts";

/** The URL follows the typing at this distance; browsers refuse to have it changed with every key. */
const URL_DELAY_MS = 250;

/** The view of the URL, which stays the truth of it: back, forward and a shared link all lead here. */
export function useUrlView(): [view: FleetView, setView: (view: FleetView) => void, writeUrl: () => void] {
  const params = useSearchParams();
  const fromUrl = viewFromUrl(params);
  const urlText = viewToUrl(fromUrl);
  const [state, setState] = useState<{ view: FleetView; urlText: string; written?: string }>({ view: fromUrl, urlText });
  const wanted = viewToUrl(state.view);
  if (state.urlText !== urlText) {
    // What was chosen since we wrote this URL stays; in any other case somebody went back or followed a link.
    const isOurs = urlText === state.written || urlText === wanted;
    setState({ view: isOurs ? state.view : fromUrl, urlText });
  }
  const wantedRef = useRef(wanted);
  function write(url: string) {
    setState((now) => ({ ...now, written: url }));
    window.history.replaceState(null, "", url);
  }
  useEffect(() => {
    wantedRef.current = wanted;
    if (wanted === urlText) return;
    const timer = setTimeout(() => write(wanted), URL_DELAY_MS);
    return () => clearTimeout(timer);
  }, [wanted, urlText]);
  const setView = useCallback((view: FleetView) => {
    // Escape empties the field and leaves it before the next draw.
    wantedRef.current = viewToUrl(view);
    setState((now) => ({ ...now, view }));
  }, []);
  // Whoever leaves the field may be about to follow a link: changing the URL after that would call the navigation off.
  function writeUrl() {
    if (wantedRef.current !== urlText) write(wantedRef.current);
  }
  return [state.view, setView, writeUrl];
}
