/**
 * The text of one QEMU option as keys and values.
 * @see QEMU util/qemu-option.c and util/keyval.c for the doubled comma; qobject/qjson.c for the JSON form
 */
export type OptionText = ReadonlyMap<string, string>;

/** "a=1,b=x,,y" → the implied first value under "" and the rest by key; a doubled comma is a comma. JSON is taken as it is, flattened. */
export function parseOption(text: string): OptionText {
  const options = new Map<string, string>();
  if (text.startsWith("{")) {
    flattenJson(text, "", options);
    return options;
  }
  const parts = splitAtCommas(text);
  parts.forEach((part, index) => {
    const equals = part.indexOf("=");
    if (equals > 0) options.set(part.slice(0, equals), part.slice(equals + 1));
    else if (index === 0) options.set("", part);
    else options.set(part, "on");
  });
  return options;
}

/** Members by dotted path, list elements by index: `children.0.driver`. What is no JSON has none. */
export function flattenJson(text: string, prefix: string, into: Map<string, string>): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  const visit = (member: unknown, key: string, depth: number): void => {
    if (typeof member === "object" && member !== null) {
      if (depth > 8) return;
      for (const [name, inner] of Object.entries(member)) visit(inner, key === "" ? name : `${key}.${name}`, depth + 1);
    } else if (typeof member === "boolean") into.set(key, member ? "on" : "off");
    else if (typeof member === "string" || typeof member === "number") into.set(key, String(member));
  };
  visit(value, prefix, 0);
}

export function isOn(value: string | undefined): boolean {
  return value === "on" || value === "yes" || value === "true" || value === "y";
}

/** A whole number of at most nine digits. */
export function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

export function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function splitAtCommas(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== ",") part += text[at];
    else if (text[at + 1] === ",") {
      part += ",";
      at += 1;
    } else {
      parts.push(part);
      part = "";
    }
  }
  parts.push(part);
  return parts;
}
