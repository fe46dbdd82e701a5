/** 1,234 bytes → "1.2 kB"; for people. */
export function byteText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  if (bytes < 1_000_000) return `${shorten(bytes / 1_000)} kB`;
  if (bytes < 1_000_000_000) return `${shorten(bytes / 1_000_000)} MB`;
  return `${shorten(bytes / 1_000_000_000)} GB`;
}

/** 1,234 ms → "1.2 s", 192,000 → "192 s". */
export function ageText(ageMs: number): string {
  return ageMs < 1_000 ? `${Math.round(ageMs)} ms` : `${shorten(ageMs / 1_000)} s`;
}

function shorten(value: number): string {
  return value < 10 ? String(Math.floor(value * 10) / 10) : String(Math.floor(value));
}
