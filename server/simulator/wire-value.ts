/**
 * A JSON value as QEMU holds it: integers to the full 64 bits (`bigint` beyond 2^53), everything else a double, and
 * objects without a prototype, so that no member name is special.
 */
export type WireValue = null | boolean | number | bigint | string | WireValue[] | WireObject;
export interface WireObject {
  [member: string]: WireValue | undefined;
}

/** Whether this is a JSON object, and neither `null` nor an array. */
export function isWireObject(value: WireValue | undefined): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Writes a value as QEMU does: `", "` and `": "`, ASCII only, or spread over lines for `pretty=on`. */
export function writeValue(value: WireValue, isPretty = false): string {
  return write(value, isPretty, "");
}

function write(value: WireValue, isPretty: boolean, indent: string): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      return Number.isSafeInteger(value) ? String(value + 0) : writeDouble(value);
    case "bigint":
    case "boolean":
      return String(value);
    default:
      if (value === null) return "null";
      return Array.isArray(value) ? writeArray(value, isPretty, indent) : writeObject(value, isPretty, indent);
  }
}

function writeArray(values: WireValue[], isPretty: boolean, indent: string): string {
  const inner = isPretty ? `${indent}    ` : "";
  const items = values.map((item) => (isPretty ? `\r\n${inner}` : "") + write(item, isPretty, inner));
  return `[${items.join(isPretty ? "," : ", ")}${isPretty ? `\r\n${indent}` : ""}]`;
}

function writeObject(object: WireObject, isPretty: boolean, indent: string): string {
  const inner = isPretty ? `${indent}    ` : "";
  const items: string[] = [];
  for (const member of Object.keys(object)) {
    const value = object[member];
    if (value === undefined) continue;
    items.push(`${isPretty ? `\r\n${inner}` : ""}${writeString(member)}: ${write(value, isPretty, inner)}`);
  }
  return `{${items.join(isPretty ? "," : ", ")}${isPretty ? `\r\n${indent}` : ""}}`;
}

const PLAIN_STRING = /^[ !#-[\]-~]*$/;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function writeString(text: string): string {
  if (PLAIN_STRING.test(text)) return `"${text}"`;
  let written = '"';
  // By UTF-16 unit, because that is what `\u` escapes carry.
  for (let index = 0; index < text.length; index++) {
    const unit = text.charAt(index);
    const code = text.charCodeAt(index);
    written += SHORT_ESCAPES[unit] ?? (code >= 0x20 && code < 0x7f ? unit : `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`);
  }
  return `${written}"`;
}

/** C's `%.17g`, which is what makes QEMU answer an id of `1e400` with a bare `inf`. */
function writeDouble(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [mantissa = "0", exponentText = "0"] = value.toExponential(16).split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 17) return trimZeros(value.toFixed(16 - exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${trimZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function trimZeros(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}
