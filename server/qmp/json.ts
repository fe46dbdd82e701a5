/** TypeScript's own library knows neither yet; Node 24 has both. */
interface JsonWithSource {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}

// Sixteen digits in a row outside a word: may be an integer that a double cannot hold. It also fires inside some
// strings, which costs time and changes nothing: the reviver looks at numbers only.
const MAYBE_BIG_INTEGER = /[^"\w.-]-?\d{16,}/;
const INTEGER = /^-?\d+$/;
const json = JSON as unknown as JsonWithSource;

/**
 * Parses one JSON text. Integers beyond 2^53 become `bigint`, all else is as `JSON.parse` has it.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  // The reviver costs several times the parse, so only texts that may need it pay.
  if (!MAYBE_BIG_INTEGER.test(text)) return JSON.parse(text) as unknown;
  return json.parse(text, keepBigIntegers);
}

/** Writes JSON; `bigint` becomes a plain integer. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === "bigint" ? json.rawJSON(member.toString()) : member));
}

function keepBigIntegers(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const { source } = context;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}
