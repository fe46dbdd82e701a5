// Apart from the schemas of yank.ts so that the browser, which only names instances, does not load zod for it.

/** @see QEMU qapi/yank.json, YankInstanceType (unchanged from 6.0 to 11.1). */
export const YANK_INSTANCE_TYPES = ["block-node", "chardev", "migration"] as const;
export type YankInstanceType = (typeof YANK_INSTANCE_TYPES)[number];

/** A connection that `yank` can cut. Members keep QEMU's own spelling, dashes included. */
export type KnownYankInstance = { type: "block-node"; "node-name": string } | { type: "chardev"; id: string } | { type: "migration" };

/** An instance type that a newer QEMU knows and we do not: listed as it came, never yanked. */
export type UnknownYankInstance = { type: string } & Record<string, unknown>;

/** One element of `query-yank`'s answer, exactly as QEMU sent it. */
export type YankInstance = KnownYankInstance | UnknownYankInstance;

/** Whether Ripcord knows what this instance is, and so whether it may ever be yanked. */
export function isKnownYankInstance(instance: YankInstance): instance is KnownYankInstance {
  return isKnownYankType(instance.type);
}

export function isKnownYankType(type: string): type is YankInstanceType {
  return (YANK_INSTANCE_TYPES as readonly string[]).includes(type);
}
