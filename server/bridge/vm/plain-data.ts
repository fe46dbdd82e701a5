/**
 * What a VM says, made fit to leave this process: bounded, and without `bigint`, which JSON does not know (such an
 * integer becomes its decimal text). Undefined where it is longer than `maxBytes`.
 */
export function plainData(value: unknown, maxBytes: number): unknown {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? member.toString() : member));
  return text === undefined || text.length > maxBytes ? undefined : (JSON.parse(text) as unknown);
}

/** An untrusted name, cut to what a screen can show. */
export function clipText(text: string, maxLength = 256): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
