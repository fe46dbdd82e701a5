import type { FactBody } from "#lib/link/contract";
import type { QmpEvent } from "#lib/qapi/events";
import { clipText, plainData } from "./plain-data.ts";

const WINDOW_MS = 1_000;
const MAX_FACTS_PER_WINDOW = 50;
const MAX_DATA_BYTES = 4_096;
/** What an act is stored with. Thousands of VMs may have them, so that their data is bounded together, too. */
const KEPT_RECENT = 200;
const KEPT_RECENT_BYTES = 32 * 1024;
/** Members whose values make two events of one name different things. */
const TELLING_MEMBERS = ["device", "node-name", "qom-path", "id", "status", "operation", "action", "netdev-id", "path", "reason", "open"];

interface Seen {
  name: string;
  data: unknown;
  qemuAtMs: number | undefined;
  /** Length of the data as JSON. */
  bytes: number;
  monoMs: number;
  count: number;
}

/**
 * One VM's events on their way to the record. The first of its kind goes at once; its likes within a second are counted
 * and follow as one; beyond fifty facts a second the rest is only a number.
 */
export class EventWindow {
  #openedMonoMs = -Infinity;
  #facts = 0;
  #dropped = 0;
  readonly #repeats = new Map<string, { extra: number; seen: Seen; event: QmpEvent }>();
  readonly #recent: Seen[] = [];
  #recentBytes = 0;

  /** When `flush` has something to do; undefined where nothing waits. */
  get dueMonoMs(): number | undefined {
    return this.#repeats.size > 0 || this.#dropped > 0 ? this.#openedMonoMs + WINDOW_MS : undefined;
  }

  /** The fact to be told now, if this event is one. */
  add(event: QmpEvent, nowMonoMs: number): FactBody[] {
    const facts = nowMonoMs - this.#openedMonoMs >= WINDOW_MS ? this.flush(nowMonoMs) : [];
    const key = eventKey(event);
    const repeat = this.#repeats.get(key);
    if (repeat) {
      repeat.extra++;
      repeat.event = event;
      repeat.seen.count++;
      repeat.seen.monoMs = nowMonoMs;
      return facts;
    }
    if (this.#facts >= MAX_FACTS_PER_WINDOW) {
      this.#dropped++;
      return facts;
    }
    this.#facts++;
    const described = describe(event);
    const bytes = described.data === undefined ? 0 : JSON.stringify(described.data).length;
    const seen: Seen = { ...described, bytes, monoMs: nowMonoMs, count: 1 };
    this.#repeats.set(key, { extra: 0, seen, event });
    this.#remember(seen);
    facts.push({ kind: "qmp-event", name: seen.name, data: seen.data, qemuAtMs: seen.qemuAtMs, count: 1 });
    return facts;
  }

  /** Closes the window: what was counted becomes facts, and a new second begins. */
  flush(nowMonoMs: number): FactBody[] {
    const facts: FactBody[] = [];
    for (const { extra, event } of this.#repeats.values()) {
      if (extra > 0) facts.push({ kind: "qmp-event", ...describe(event), count: extra });
    }
    if (this.#dropped > 0) {
      facts.push({ kind: "dropped", count: this.#dropped, text: `dropped ${this.#dropped} events of a flood` });
    }
    this.#repeats.clear();
    this.#dropped = 0;
    this.#openedMonoMs = nowMonoMs;
    this.#facts = facts.length;
    return facts;
  }

  #remember(seen: Seen): void {
    this.#recent.push(seen);
    this.#recentBytes += seen.bytes;
    while (this.#recent.length > KEPT_RECENT || (this.#recentBytes > KEPT_RECENT_BYTES && this.#recent.length > 1)) {
      this.#recentBytes -= this.#recent.shift()?.bytes ?? 0;
    }
  }

  recent(nowMonoMs: number): { name: string; data?: unknown; ageMs: number; count: number }[] {
    return this.#recent.map(({ name, data, monoMs, count }) => ({ name, data, ageMs: nowMonoMs - monoMs, count }));
  }
}

function describe(event: QmpEvent): { name: string; data: unknown; qemuAtMs: number | undefined } {
  const isEmpty = Object.keys(event.data).length === 0;
  const data = isEmpty ? undefined : (plainData(event.data, MAX_DATA_BYTES) ?? { note: "left out: too long" });
  return { name: clipText(event.event, 64), data, qemuAtMs: event.atMs };
}

function eventKey(event: QmpEvent): string {
  let key = event.event;
  for (const member of TELLING_MEMBERS) {
    const value = event.data[member];
    if (typeof value === "string") key += `|${member}=${clipText(value, 128)}`;
    else if (typeof value === "boolean") key += `|${member}=${value}`;
  }
  return key;
}
