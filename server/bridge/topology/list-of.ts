import type { z } from "zod";

/** Longest list taken from one answer; a VM can name as many things as it likes. */
const MAX_LIST = 4_096;

/** The well-formed elements of an answer; the others are as if they had not been named. */
export function listOf<T>(answer: unknown, schema: z.ZodType<T>): T[] {
  if (!Array.isArray(answer)) return [];
  const list: T[] = [];
  for (const element of answer.slice(0, MAX_LIST)) {
    const checked = schema.safeParse(element);
    if (checked.success) list.push(checked.data);
  }
  return list;
}
