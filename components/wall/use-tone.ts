import { useEffect, useRef, useState } from "react";
import type { WallItem } from "./wall-model.ts";

/** Until somebody says that they are on it, a new incident is heard this often. */
const REPEAT_EVERY_MS = 20_000;
/** And no longer than this: by then nobody is in the room. */
const GIVE_UP_AFTER_MS = 10 * 60_000;
const NOTES_HZ = [659, 523];
const NOTE_MS = 220;
const LOUDNESS = 0.25;

/** `blocked`: the browser lets no page sound that nobody has touched; its start has to allow it. */
export type ToneState = "off" | "ready" | "blocked";

/**
 * A tone for each new open incident, repeated until it is acknowledged from any screen or over. What was open when the wall
 * came up is not new.
 */
export function useTone(isOn: boolean, items: readonly WallItem[]): ToneState {
  const [state, setState] = useState<ToneState>("off");
  const heard = useRef<Map<string, number> | undefined>(undefined);
  const itemsNow = useRef(items);
  useEffect(() => {
    itemsNow.current = items;
    const open = items.filter((item) => item.isIncident);
    heard.current ??= new Map(open.map((item) => [item.id, -Infinity]));
    const ids = new Set(open.map((item) => item.id));
    for (const id of heard.current.keys()) if (!ids.has(id)) heard.current.delete(id);
    for (const { id } of open) if (!heard.current.has(id)) heard.current.set(id, performance.now());
  }, [items]);

  useEffect(() => {
    if (!isOn) return;
    const context = new AudioContext();
    const look = () => setState(context.state === "running" ? "ready" : "blocked");
    context.addEventListener("statechange", look);
    context.resume().catch(() => undefined);
    look();
    const sound = () => {
      if (isToneDue(itemsNow.current, heard.current ?? new Map(), performance.now())) play(context);
    };
    // The first sounds at once, which an interval alone would not do; a second is as soon as an ear can tell.
    let lastMs = -Infinity;
    const timer = setInterval(() => {
      const nowMs = performance.now();
      const isFresh = [...(heard.current?.values() ?? [])].some((sinceMs) => sinceMs > lastMs);
      if (!isFresh && nowMs - lastMs < REPEAT_EVERY_MS) return;
      lastMs = nowMs;
      sound();
    }, 1_000);
    return () => {
      clearInterval(timer);
      context.removeEventListener("statechange", look);
      context.close().catch(() => undefined);
      setState("off");
    };
  }, [isOn]);
  return state;
}

/** Whether some incident is new, open and nobody's. `heardSinceMs`: since when each is known, -Infinity where it was there before. */
export function isToneDue(items: readonly WallItem[], heardSinceMs: ReadonlyMap<string, number>, nowMs: number): boolean {
  return items.some((item) => {
    const sinceMs = heardSinceMs.get(item.id);
    return item.isIncident && item.who === undefined && sinceMs !== undefined && nowMs - sinceMs < GIVE_UP_AFTER_MS;
  });
}

function play(context: AudioContext): void {
  NOTES_HZ.forEach((frequency, index) => {
    const from = context.currentTime + (index * NOTE_MS) / 1_000;
    const until = from + NOTE_MS / 1_000;
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = frequency;
    // Without a slope the loudspeaker clicks.
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02);
    gain.gain.linearRampToValueAtTime(0, until);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(from);
    oscillator.stop(until);
  });
}
