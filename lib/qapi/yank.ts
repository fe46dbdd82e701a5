import { z } from "zod";
import { isKnownYankType } from "./yank-instance.ts";
import type { YankInstance } from "./yank-instance.ts";

export { isKnownYankInstance } from "./yank-instance.ts";
export type { KnownYankInstance, YankInstance } from "./yank-instance.ts";

export const knownYankInstanceSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("block-node"), "node-name": z.string().min(1).max(1024) }),
  z.object({ type: z.literal("chardev"), id: z.string().min(1).max(1024) }),
  z.object({ type: z.literal("migration") }),
]);

/** Accepts the three known types and, as it came, anything else that has a `type`. */
export const yankInstanceSchema: z.ZodType<YankInstance> = z.union([
  knownYankInstanceSchema,
  z.looseObject({ type: z.string().refine((type) => !isKnownYankType(type), "malformed instance of a known type") }),
]);
