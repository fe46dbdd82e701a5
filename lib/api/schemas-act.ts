import { z } from "zod";
import { CLUE_CODES } from "../diagnosis/clue.ts";
import { HEALTH_KINDS } from "../health/verdict.ts";
import { knownYankInstanceSchema } from "../qapi/yank.ts";
import { ACT_STATES, ACT_VERDICTS, RECOVERED_PARTS } from "../yank/act.ts";
import { ACTIONS, REVERSIBILITIES } from "../yank/plan.ts";
import { vmIdSchema } from "./requests.ts";
import { atMsSchema, farSideSchema, servesSchema, suspicionSchema } from "./schemas-vm.ts";

// What the API answers of plans and acts. See schemas-vm.ts.

const text = z.string();
const ms = z.number().min(0);
const commandSchema = z.record(z.string(), z.unknown()).describe("The exact QMP command, without its id");

const effectSchema = z.object({
  sentence: text,
  details: z.array(text),
  reversibility: z.enum(REVERSIBILITIES),
  acknowledge: text.optional(),
});

const planTargetSchema = z.object({
  vmId: vmIdSchema,
  vmName: text,
  host: text,
  command: commandSchema,
  lane: z.enum(["oob", "in-band"]),
  instances: z.array(
    z.object({
      instance: knownYankInstanceSchema,
      key: text,
      name: text,
      serves: servesSchema,
      farSide: farSideSchema.optional(),
      suspicion: suspicionSchema.optional(),
      effect: effectSchema,
    }),
  ),
  effects: z.array(effectSchema),
  reversibility: z.enum(REVERSIBILITIES),
  warnings: z.array(text),
  bindings: z.object({
    incarnationId: text,
    healthClass: z.enum(HEALTH_KINDS),
    instances: z.array(z.object({ key: text, topologyDigest: text })),
    migration: z.object({ direction: text, startId: text, status: text }).optional(),
  }),
});

export const planSchema = z.object({
  planId: text,
  action: z.enum(ACTIONS),
  title: text,
  verb: text,
  targets: z.array(planTargetSchema),
  softer: z.array(
    z.object({
      code: z.enum(["wait", "heal-far-side", "cancel-migration", "continue-process", "reconnect"]),
      text,
      action: z.enum(ACTIONS).optional(),
    }),
  ),
  confirmation: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("click") }),
    z.object({ kind: z.literal("type-name"), name: text, acknowledge: text.optional() }),
  ]),
  incidentId: text.optional(),
  createdAtMs: atMsSchema,
  expiresAtMs: atMsSchema,
});

const actTargetSchema = z.object({
  vmId: vmIdSchema,
  vmName: text,
  host: text,
  bridgeId: text,
  healthBefore: z.enum(HEALTH_KINDS).optional(),
  instances: z.array(knownYankInstanceSchema),
  command: commandSchema,
  lane: z.enum(["oob", "in-band"]),
  state: z.enum(ACT_STATES).describe("What became of the command; `accepted` is not yet a recovery"),
  verdict: z.enum(ACT_VERDICTS).describe("What it did, as far as probes show"),
  detail: text.optional(),
  qmpError: z.object({ class: text, desc: text }).optional(),
  replyAfterMs: ms.optional(),
  recoveredAfterMs: ms.optional(),
  recoveredParts: z.array(z.enum(RECOVERED_PARTS)).optional(),
  aftermath: z.array(text),
  isFinal: z.boolean().describe("Nothing more will be reported: stop polling"),
  sentAtMs: atMsSchema.optional(),
  nextSteps: z.array(z.object({ text, commands: z.array(text).optional() })).optional(),
  amendments: z.array(z.object({ atMs: atMsSchema, verdict: z.literal("rehung"), text })).optional(),
});

export const actSchema = z.object({
  actId: text,
  planId: text,
  action: z.enum(ACTIONS),
  who: text,
  reason: text.optional(),
  createdAtMs: atMsSchema,
  incidentId: text.optional(),
  targets: z.array(actTargetSchema),
});

export const actEvidenceSchema = z.object({
  actId: text,
  targets: z.array(
    z.object({
      vmId: vmIdSchema,
      vmName: text,
      recordedAtMs: atMsSchema,
      evidence: z.unknown(),
      clues: z.array(z.object({ code: z.enum(CLUE_CODES), text, ageMs: ms, key: text })),
    }),
  ),
});
