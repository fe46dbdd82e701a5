import { isNight } from "./wall-options.ts";
import type { WallOptions } from "./wall-options.ts";

/** Of full light, at night. */
const NIGHT_PERCENT = 35;
/** Where the picture stands, minute after minute, so that no edge burns into the panel. Within the wall's own margin. */
const SHIFTS_PX = [
  [0, 0],
  [3, 1],
  [5, 3],
  [4, 6],
  [1, 7],
  [-2, 6],
  [-5, 4],
  [-6, 1],
  [-5, -3],
  [-3, -6],
  [0, -7],
  [3, -5],
] as const;

export function shiftOf(nowMs: number): { xPx: number; yPx: number } {
  const [xPx, yPx] = SHIFTS_PX[Math.floor(nowMs / 60_000) % SHIFTS_PX.length] ?? [0, 0];
  return { xPx, yPx };
}

/** The hour of the day, by the hub's clock; the browser knows only the zone. */
export function hourOf(nowMs: number, zone: WallOptions["zone"]): number {
  return zone === "utc" ? new Date(nowMs).getUTCHours() : new Date(nowMs).getHours();
}

/** A CSS filter that holds the light under the cap, and lower at night; undefined where there is nothing to hold. */
export function lightOf({ night, capPercent }: Pick<WallOptions, "night" | "capPercent">, hour: number): string | undefined {
  const percent = isNight(night, hour) ? Math.min(NIGHT_PERCENT, capPercent) : capPercent;
  return percent === 100 ? undefined : `brightness(${percent / 100})`;
}

/** The clock as a wall shows it, with the zone beside it. */
export function clockOf(nowMs: number, zone: WallOptions["zone"]): { time: string; zoneName: string } {
  if (zone === "utc") return { time: new Date(nowMs).toISOString().slice(11, 19), zoneName: "UTC" };
  const parts = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).formatToParts(nowMs);
  const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? "";
  return { time: `${part("hour")}:${part("minute")}:${part("second")}`, zoneName: part("timeZoneName") };
}
