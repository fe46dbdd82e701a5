import { z } from "zod";
import { SUSPICION_SCORES } from "../diagnosis/suspicion.ts";
import { HEALTH_KINDS } from "../health/verdict.ts";
import { CAUSE_KINDS, INCIDENT_STATES } from "../incident/incident.ts";
import { knownYankInstanceSchema } from "../qapi/yank.ts";
import { vmIdSchema } from "./requests.ts";
import { actSchema } from "./schemas-act.ts";
import { atMsSchema } from "./schemas-vm.ts";

// What the API answers of incidents. See schemas-vm.ts.

const text = z.string();
const ms = z.number();
const count = z.number().min(0);

export const incidentNoteSchema = z.object({ noteId: text, atMs: atMsSchema, who: text, text });

const memberSchema = z.object({
  vmId: vmIdSchema,
  name: text,
  bridgeId: text,
  host: text,
  kind: z.enum(HEALTH_KINDS),
  isInTrouble: z.boolean(),
  isNotKnown: z.boolean().optional(),
  worstKind: z.enum(HEALTH_KINDS),
  joinedAtMs: atMsSchema,
  sinceAtMs: atMsSchema,
  recoveredAtMs: atMsSchema.optional(),
  flapCount: count,
  suspectKey: text.optional(),
  endedAtMs: atMsSchema.optional(),
  movedToId: text.optional(),
});

const head = {
  incidentId: text,
  number: z.number().int(),
  state: z.enum(INCIDENT_STATES),
  cause: z.object({ kind: z.enum(CAUSE_KINDS), key: text, text, isEstablished: z.boolean().optional() }),
  title: text,
  openedAtMs: atMsSchema,
  beganAtMs: atMsSchema,
  detectedAfterMs: ms,
  mitigatedAtMs: atMsSchema.optional(),
  resolvedAtMs: atMsSchema.optional(),
  resolvedBy: text.optional(),
  recoveredAfterMs: ms.optional(),
  memberCount: count,
  troubledCount: count,
  flapCount: count,
  worstKind: z.enum(HEALTH_KINDS),
  acknowledgement: z.object({ who: text, atMs: atMsSchema, untilMs: atMsSchema }).optional(),
  continuesId: text.optional(),
  mergedIntoId: text.optional(),
  revision: count,
};

export const incidentSummarySchema = z.object({ ...head, hosts: z.array(text), noteCount: count });

const cordSchema = z.object({
  vmId: vmIdSchema,
  instances: z.array(z.object({ instance: knownYankInstanceSchema, key: text, name: text, score: z.enum(SUSPICION_SCORES), reason: text })),
  whyNot: text.optional(),
});

const timelineSchema = z.object({
  atMs: atMsSchema,
  kind: z.enum(["verdict", "event", "act", "note", "incident", "connection"]),
  vmId: vmIdSchema.optional(),
  vmName: text.optional(),
  text,
  who: text.optional(),
  actId: text.optional(),
  count: count.optional(),
});

export const incidentDetailSchema = z.object({
  ...head,
  members: z.array(memberSchema),
  notes: z.array(incidentNoteSchema),
  epoch: text,
  serverTimeMs: atMsSchema,
  cords: z.array(cordSchema),
  timeline: z.array(timelineSchema),
  timelineIsCut: z.boolean(),
  acts: z.array(actSchema),
});

export const incidentListSchema = z.object({
  serverTimeMs: atMsSchema,
  incidents: z.array(incidentSummarySchema),
  next: text.optional(),
});
