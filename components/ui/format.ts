/**
 * Numbers as an operator reads them. Durations are ms; Unix times are ms and always carry their zone. Nothing here
 * reads a clock.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An age in a narrow column: "0:48", "3:12", "2 h 05", "6 d". Below a second it is "0:00"; a negative age is 0. */
export function formatAge(ageMs: number): string {
  const age = Math.max(0, ageMs);
  if (age < HOUR) return `${Math.floor(age / MINUTE)}:${twoDigits(Math.floor(age / SECOND) % 60)}`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h ${twoDigits(Math.floor(age / MINUTE) % 60)}`;
  return `${Math.floor(age / DAY)} d`;
}

/** The same in a sentence: "48 s", "3 min 12 s", "2 h 5 min", "6 d 4 h". */
export function formatAgeInWords(ageMs: number): string {
  const age = Math.max(0, ageMs);
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s`;
  if (age < HOUR) return joinUnits(Math.floor(age / MINUTE), "min", Math.floor(age / SECOND) % 60, "s");
  if (age < DAY) return joinUnits(Math.floor(age / HOUR), "h", Math.floor(age / MINUTE) % 60, "min");
  return joinUnits(Math.floor(age / DAY), "d", Math.floor(age / HOUR) % 24, "h");
}

/** A measured duration with the precision that it has: "0.4 ms", "6 ms", "1.9 s", "192 s". */
export function formatDuration(durationMs: number): string {
  const duration = Math.max(0, durationMs);
  if (duration < 9.95) return `${duration.toFixed(1)} ms`;
  if (duration < SECOND) return `${Math.round(duration)} ms`;
  if (duration < 9.95 * SECOND) return `${(Math.floor(duration / 100) / 10).toFixed(1)} s`;
  return `${Math.floor(duration / SECOND)} s`;
}

/** The clock in UTC, with milliseconds where they matter. "02:14:07 UTC" */
export function formatUtcTime(atMs: number, options: { withMilliseconds?: boolean } = {}): string {
  return `${new Date(atMs).toISOString().slice(11, options.withMilliseconds ? 23 : 19)} UTC`;
}

/** "2026-11-23 02:14:07 UTC" */
export function formatUtc(atMs: number, options: { withMilliseconds?: boolean } = {}): string {
  return `${new Date(atMs).toISOString().slice(0, 10)} ${formatUtcTime(atMs, options)}`;
}

/** The clock where the reader sits, with the zone's name; undefined where that is UTC. Differs between server and browser. */
export function formatLocalTime(atMs: number): string | undefined {
  const date = new Date(atMs);
  if (date.getTimezoneOffset() === 0) return undefined;
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" }).format(date);
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Decimal units, as disks and networks count: "264 kB", "1.5 GB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${BYTE_UNITS[unit]}`;
}

const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Binary units, as disks of guests are made: "200 GiB", "1.5 TiB". */
export function formatBinaryBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_023.5 && unit < BINARY_UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 && !Number.isInteger(value) ? 1 : 0;
  return `${value.toFixed(digits)} ${BINARY_UNITS[unit]}`;
}

export function formatBytesPerSecond(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** "1 VM", "3 VMs"; an irregular plural is given. Thousands are set apart. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}

/** The same on server and browser, whatever their languages: "2,048". */
export function formatNumber(value: number): string {
  return value.toLocaleString("en-US");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

function joinUnits(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}
