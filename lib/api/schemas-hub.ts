import { z } from "zod";
import { PROBLEM_CODES } from "./problem.ts";
import type { ProblemCode } from "./problem.ts";
import { atMsSchema } from "./schemas-vm.ts";

// What the API answers of the hub itself. See schemas-vm.ts.

const text = z.string();

export const settingsSchema = z.object({
  version: text,
  build: text.optional(),
  startedAtMs: atMsSchema,
  file: text.optional(),
  dataDir: text,
  yaml: text,
});

export const auditRowSchema = z.object({
  sequence: z.number().int().min(1),
  writer: text,
  atMs: atMsSchema,
  who: text,
  from: text.optional(),
  hash: text.optional().describe("Of this row, and with it of every row before it"),
  event: z.looseObject({ type: text }).describe("The fact; its members depend on `type`"),
});

export const auditStateSchema = z.object({
  writer: text,
  head: z.object({ sequence: z.number().int(), hash: text }).optional(),
  check: z
    .object({
      isIntact: z.boolean(),
      throughSequence: z.number().int(),
      firstSequence: z.number().int(),
      atMs: atMsSchema,
      fault: z
        .object({
          writer: text,
          sequence: z.number().int(),
          kind: z.enum(["changed", "missing", "replaced", "out-of-order", "cut-off", "no-head"]),
          text,
        })
        .optional(),
      notes: z.array(text),
    })
    .optional(),
  isChecking: z.boolean(),
  trouble: text.optional(),
  keepDays: z.number().int().optional(),
});

export const problemSchema = z
  .looseObject({
    type: text.describe("`urn:ripcord:problem:` and the code"),
    title: text,
    status: z.number().int(),
    code: z.enum(Object.keys(PROBLEM_CODES) as ProblemCode[]),
    detail: text.describe("What was wrong and what to do, for people"),
  })
  .describe("A problem document (RFC 9457). `code` is stable and for programs; further members depend on it");
