import { z } from "zod";
import { INCIDENT_STATES } from "../incident/incident.ts";
import { HEALTH_KINDS } from "../health/verdict.ts";
import { knownYankInstanceSchema } from "../qapi/yank.ts";
import { ACTIONS } from "../yank/plan.ts";

export { API_PREFIX } from "./prefix.ts";
export const vmIdSchema = z.string().regex(/^[a-z0-9]{6,32}$/, "a vmId is 6 to 32 lower-case letters and digits");

/** `POST /api/v1/plans` */
export const planRequestSchema = z.strictObject({
  action: z.enum(ACTIONS),
  targets: z
    .array(
      z.strictObject({
        vmId: vmIdSchema,
        /** Required and not empty for `yank`; must be absent for the other actions. */
        instances: z.array(knownYankInstanceSchema).min(1).max(64).optional(),
      }),
    )
    .min(1)
    .max(500),
  /** The incident from which it is asked for; stands in the act's record. */
  incidentId: z.string().min(1).max(64).optional(),
});
export type PlanRequest = z.infer<typeof planRequestSchema>;

/** `POST /api/v1/acts` */
export const actRequestSchema = z.strictObject({
  planId: z.string().min(1).max(64),
  typedName: z.string().max(1_024).optional(),
  /** That the sentence of `confirmation.acknowledge` was read and ticked. */
  acknowledged: z.boolean().optional(),
  reason: z.string().max(2_000).optional(),
});
export type ActRequest = z.infer<typeof actRequestSchema>;

/** `POST /api/v1/session`: turns the access token of the printed URL into a cookie. */
export const sessionRequestSchema = z.strictObject({ token: z.string().min(1).max(256) });

/** `GET /api/v1/vms` */
export const vmsQuerySchema = z.object({
  verdict: z.enum(HEALTH_KINDS).optional(),
  q: z.string().max(200).optional(),
  bridge: z.string().max(100).optional(),
  /** At most so many, those in trouble first; the answer says with `counts` how many there are of each verdict. */
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
});

const timeSchema = z
  .string()
  .regex(
    /^(?:\d{1,15}|\d{4}-\d{2}-\d{2}(?:T[0-9:.]{4,15}(?:Z|[+-]\d{2}:\d{2})?)?)$/,
    "expected Unix ms, or a date such as 2026-11-25T09:00Z",
  );
/** `GET /api/v1/audit`; times are Unix ms or ISO 8601. */
export const auditQuerySchema = z.object({
  vmId: vmIdSchema.optional(),
  type: z
    .string()
    .regex(/^[a-z-]{1,64}$/, "a type is lower-case words with dashes")
    .optional(),
  /** A part of who did it, or from where. */
  who: z.string().min(1).max(200).optional(),
  /** Words that all stand somewhere in the row. */
  q: z.string().min(1).max(200).optional(),
  since: timeSchema.optional(),
  until: timeSchema.optional(),
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** `GET /api/v1/events` */
export const pageQuerySchema = z.object({
  vmId: vmIdSchema.optional(),
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** `GET /api/v1/acts` */
export const actsQuerySchema = z.object({ vmId: vmIdSchema.optional(), limit: z.coerce.number().int().min(1).max(200).default(50) });

export const incidentIdSchema = z.string().regex(/^inc-[0-9a-f]{1,32}$/, 'an incident\'s id is "inc-" and some digits');
export const actIdSchema = z.string().regex(/^act-[0-9a-f]{1,64}$/, 'an act\'s id is "act-" and some digits');

/** `GET /api/v1/incidents`; `before` is a number, and pages through those that are resolved. */
export const incidentsQuerySchema = z.object({
  state: z.enum(INCIDENT_STATES).optional(),
  before: z.coerce.number().int().positive().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** `POST /api/v1/incidents/{id}/notes` */
export const noteRequestSchema = z.strictObject({ text: z.string().trim().min(1).max(4_000) });

/** `POST /api/v1/incidents/{id}/resolve` */
export const resolveRequestSchema = z.strictObject({ reason: z.string().trim().max(2_000).optional() });

/** `POST /api/v1/incidents/{id}/acknowledge`: "I am on it"; `DELETE` takes it back. */
export const acknowledgeRequestSchema = z.strictObject({
  /** A name that others know, until there are users. */
  who: z.string().trim().min(1).max(80),
  forMs: z
    .number()
    .int()
    .min(60_000)
    .max(24 * 3_600_000),
});

/** `GET /api/v1/incidents/{id}/export` */
export const exportQuerySchema = z.object({ format: z.enum(["markdown", "json"]).default("markdown") });

/** `GET /api/v1/acts/{actId}/evidence`; with `format` it comes as a file. */
export const evidenceQuerySchema = z.object({ format: z.literal("json").optional() });
