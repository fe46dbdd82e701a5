import { z } from "zod";
import { knownYankInstanceSchema } from "#lib/qapi/yank";
import type { GoRequest, PrepareRequest } from "#lib/link/contract";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { ACTIONS } from "#lib/yank/plan";

/** What a hub may say, checked once, here. Members that a newer hub adds are ignored. */
const id = z.string().min(1).max(128);

export const prepareRequestSchema: z.ZodType<PrepareRequest> = z.object({
  actId: id,
  vmId: id,
  action: z.enum(ACTIONS),
  instances: z.array(knownYankInstanceSchema).max(512),
  bindings: z.object({
    incarnationId: z.string().max(256),
    healthClass: z.enum(HEALTH_KINDS),
    instances: z.array(z.object({ key: z.string().max(4_096), topologyDigest: z.string().max(16_384) })).max(512),
    migration: z.object({ direction: z.string().max(64), startId: z.string().max(256), status: z.string().max(64) }).optional(),
  }),
});

export const goRequestSchema: z.ZodType<GoRequest> = z.object({ actId: id, ticket: z.string().min(1).max(256) });
export const actOfVmSchema = z.object({ actId: id, vmId: id });
export const watchSchema = z.object({ vmIds: z.array(id).max(10_000) });
export const dismissSchema = z.object({ vmId: id });
