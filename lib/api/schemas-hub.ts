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
  event: z.looseObject({ type: text }).describe("The fact; its members depend on `type`"),
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
