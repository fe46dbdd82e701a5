"use client";
import { useQuery } from "@tanstack/react-query";
import { Bell, BellOff } from "lucide-react";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { incidentsQuery } from "../queries/incidents.ts";
import { freshIncidents, NOTIFY_KEY } from "./notifications.ts";

/** Tells of new incidents through the browser while its tab is not looked at. Off until somebody wants it and the browser allows it. */
export function NotifyToggle() {
  const isOn = useSyncExternalStore(subscribe, isWanted, () => false);
  useNotifications(isOn);
  async function handleClick() {
    if (isOn) return choose(false);
    const permission = await Notification.requestPermission();
    return choose(permission === "granted");
  }
  return (
    <button
      type="button"
      onClick={() => void handleClick()}
      aria-pressed={isOn}
      aria-label="Tell me of new incidents through the browser"
      title={isOn ? "New incidents are told through the browser" : "Tell me of new incidents through the browser"}
      className="inline-flex size-9 items-center justify-center rounded-lg text-body hover:bg-sunken hover:text-strong max-sm:hidden"
    >
      {isOn ? <Bell size={16} aria-hidden="true" /> : <BellOff size={16} aria-hidden="true" />}
    </button>
  );
}

function useNotifications(isOn: boolean): void {
  const { data: list } = useQuery(incidentsQuery());
  const seen = useRef<Set<string> | undefined>(undefined);
  useEffect(() => {
    if (!list) return;
    const fresh = freshIncidents(seen.current, list.incidents);
    seen.current = new Set(list.incidents.map((incident) => incident.incidentId));
    if (!isOn || !document.hidden) return;
    for (const { incidentId, title, hosts } of fresh) {
      // The tag makes several tabs of one browser tell it once.
      const notification = new Notification(title, { body: hosts.join(", "), tag: incidentId, icon: "/favicon.svg" });
      notification.onclick = () => {
        window.focus();
        location.assign(`/incidents/${incidentId}`);
      };
    }
  }, [list, isOn]);
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function isWanted(): boolean {
  try {
    return localStorage.getItem(NOTIFY_KEY) === "on" && "Notification" in window && Notification.permission === "granted";
  } catch {
    return false;
  }
}

function choose(isOn: boolean): void {
  try {
    localStorage.setItem(NOTIFY_KEY, isOn ? "on" : "off");
  } catch {
    // Storage is denied: it stays off.
  }
  for (const listener of listeners) listener();
}
