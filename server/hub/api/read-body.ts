import type { z } from "zod";
import { jsonErrorPlace } from "./json-place.ts";
import { ProblemError } from "./problem-error.ts";

export const MAX_BODY_BYTES = 64 * 1024;

/**
 * The request's JSON, checked.
 * @throws ProblemError: unsupported-media-type, too-large, bad-request with the place of what is wrong.
 */
export async function readBody<Value>(request: Request, schema: z.ZodType<Value>): Promise<Value> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") throw new ProblemError("unsupported-media-type", "Send the body as application/json");
  const value = parseJson(await readText(request));
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid("body", parsed.error);
  return parsed.data;
}

/** The request's query, checked. @throws ProblemError bad-request */
export function readQuery<Value>(request: Request, schema: z.ZodType<Value>): Value {
  const { searchParams } = new URL(request.url);
  const twice = [...searchParams.keys()].find((key, index, keys) => keys.indexOf(key) !== index);
  // Which of the two was meant, nobody can say.
  if (twice !== undefined) throw new ProblemError("bad-request", `The query says ${JSON.stringify(twice.slice(0, 64))} more than once`);
  const parsed = schema.safeParse(Object.fromEntries(searchParams));
  if (!parsed.success) throw invalid("query", parsed.error);
  return parsed.data;
}

function invalid(where: string, error: z.ZodError): ProblemError {
  const errors = error.issues.map((issue) => ({ at: issue.path.map(String).join("."), text: issue.message }));
  const detail = errors.map(({ at, text }) => (at === "" ? text : `${at}: ${text}`)).join("; ");
  return new ProblemError("bad-request", `The ${where} is not as it should be: ${detail}`, { errors });
}

/** @throws ProblemError too-large, bad-request where it is not UTF-8 */
export async function readText(request: Request): Promise<string> {
  const tooLarge = () => new ProblemError("too-large", `The body is larger than ${MAX_BODY_BYTES / 1024} KiB`);
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new ProblemError("bad-request", "The body is not UTF-8", {}, { cause: error });
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === "") throw new ProblemError("bad-request", "The body is empty; JSON was expected");
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const { line, column } = jsonErrorPlace(text);
    throw new ProblemError("bad-request", `The body stops being JSON at line ${line} column ${column}`, { line, column }, { cause: error });
  }
}
