// One token: a string, a number, a literal or a mark. Sticky, so that it matches where we stand or not at all.
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/y;
const SPACE = /[ \t\r\n]*/y;

type Expecting = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "nothing";

/** Where a text stops being JSON, as line and column from 1. For a text that `JSON.parse` refused: V8 does not always say. */
export function jsonErrorPlace(text: string): { line: number; column: number } {
  const open: string[] = [];
  let expecting: Expecting = "value";
  for (let offset = skipSpace(text, 0); ; offset = skipSpace(text, TOKEN.lastIndex)) {
    TOKEN.lastIndex = offset;
    const token = TOKEN.exec(text)?.[0];
    const next: Expecting | undefined = token === undefined ? undefined : step(expecting, token, open);
    if (next === undefined) return placeOf(text, offset);
    expecting = next;
  }
}

/** What may follow after `token`; undefined where the token may not stand. */
function step(expecting: Expecting, token: string, open: string[]): Expecting | undefined {
  const closed = (): Expecting => (open.length === 0 ? "nothing" : "comma-or-end");
  const isEnd = token === (open.at(-1) === "{" ? "}" : "]") && open.length > 0;
  if (isEnd && (expecting === "value-or-end" || expecting === "key-or-end" || expecting === "comma-or-end")) {
    open.pop();
    return closed();
  }
  switch (expecting) {
    case "nothing":
      return undefined;
    case "comma-or-end":
      return token === "," ? (open.at(-1) === "{" ? "key" : "value") : undefined;
    case "colon":
      return token === ":" ? "value" : undefined;
    case "key":
    case "key-or-end":
      return token.startsWith('"') ? "colon" : undefined;
    case "value":
    case "value-or-end":
      if (token === "{" || token === "[") {
        open.push(token);
        return token === "{" ? "key-or-end" : "value-or-end";
      }
      return /^[}\],:]$/.test(token) ? undefined : closed();
  }
}

function skipSpace(text: string, offset: number): number {
  SPACE.lastIndex = offset;
  SPACE.exec(text);
  return SPACE.lastIndex;
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}
