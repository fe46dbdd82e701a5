import { Lexer, type Token } from "./lexer.ts";
import type { WireObject, WireValue } from "./wire-value.ts";

/** What one whole message of the client came to. A `problem` is answered without an id, in its turn of the queue. */
export type ParsedMessage = { value: WireValue } | { problem: string };

export interface MessageParserOptions {
  /** QEMU 11 starts its parse errors with `line:column: `. */
  hasPositions: boolean;
}

const MAX_NESTING = 1024;
const MAX_TOKENS = 2 * 1024 * 1024;
const MAX_TOKEN_BYTES = 64 * 1024 * 1024;

/**
 * Tokens to messages: a message ends where its brackets balance or can balance no more, so that any number of them may
 * stand on a line, or one on many lines. After an error the parser starts afresh. @see QEMU qobject/json-streamer.c for the limits.
 */
export class MessageParser {
  readonly #hasPositions: boolean;
  readonly #onMessage: (message: ParsedMessage) => void;
  readonly #lexer = new Lexer((token) => this.#take(token));
  #tokens: Token[] = [];
  #tokenBytes = 0;
  #braces = 0;
  #brackets = 0;

  constructor(options: MessageParserOptions, onMessage: (message: ParsedMessage) => void) {
    this.#hasPositions = options.hasPositions;
    this.#onMessage = onMessage;
  }

  feed(byte: number): void {
    this.#lexer.feed(byte);
  }

  /** A client that leaves in the middle of an object does not poison the next one. */
  reset(): void {
    this.#lexer.reset();
    this.#clear();
  }

  #clear(): void {
    this.#tokens = [];
    this.#tokenBytes = 0;
    this.#braces = 0;
    this.#brackets = 0;
  }

  #take(token: Token): void {
    if (token.kind === "error") return this.#end({ problem: this.#place(token, `JSON parse error, stray '${printable(token.text)}'`) });
    if (token.kind === "punctuation") this.#count(token.text);
    this.#tokens.push(token);
    this.#tokenBytes += token.text.length;
    if (this.#tokenBytes > MAX_TOKEN_BYTES) return this.#end({ problem: "JSON token size limit exceeded" });
    if (this.#tokens.length > MAX_TOKENS) return this.#end({ problem: "JSON token count limit exceeded" });
    if (this.#braces + this.#brackets > MAX_NESTING) return this.#end({ problem: "JSON nesting depth limit exceeded" });
    const isOpen = this.#braces > 0 || this.#brackets > 0;
    if (isOpen && this.#braces >= 0 && this.#brackets >= 0) return;
    this.#end(this.#parse());
  }

  #count(punctuation: string): void {
    if (punctuation === "{") this.#braces++;
    else if (punctuation === "}") this.#braces--;
    else if (punctuation === "[") this.#brackets++;
    else if (punctuation === "]") this.#brackets--;
  }

  #end(message: ParsedMessage): void {
    this.#clear();
    this.#onMessage(message);
  }

  #parse(): ParsedMessage {
    try {
      return { value: new TokenReader(this.#tokens).readValue() };
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      return { problem: this.#place(error.token, `JSON parse error, ${error.message}`) };
    }
  }

  #place(token: Token | undefined, text: string): string {
    return this.#hasPositions && token ? `${token.line}:${token.column}: ${text}` : text;
  }
}

class JsonError extends Error {
  readonly token: Token | undefined;
  constructor(token: Token | undefined, message: string) {
    super(message);
    this.token = token;
  }
}

class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  readValue(): WireValue {
    const token = this.#shift();
    switch (token.kind) {
      case "string":
        return readString(token);
      case "integer":
        return readInteger(token.text);
      case "float":
        return Number(token.text);
      case "keyword":
        return readKeyword(token);
      case "punctuation":
        if (token.text === "{") return this.#readObject();
        if (token.text === "[") return this.#readArray();
        throw new JsonError(token, "expecting value");
      case "error":
        throw new JsonError(token, "expecting value");
    }
  }

  #readObject(): WireObject {
    const object: WireObject = Object.create(null);
    if (this.#skip("}")) return object;
    do {
      const at = this.#tokens[this.#next];
      const member = this.readValue();
      if (typeof member !== "string") throw new JsonError(at, "key is not a string in object");
      if (!this.#skip(":")) throw new JsonError(this.#tokens[this.#next], "missing : in object pair");
      const value = this.readValue();
      if (member in object) throw new JsonError(at, "duplicate key");
      object[member] = value;
    } while (this.#skip(","));
    if (!this.#skip("}")) throw new JsonError(this.#tokens[this.#next], "expected separator in dict");
    return object;
  }

  #readArray(): WireValue[] {
    const values: WireValue[] = [];
    if (this.#skip("]")) return values;
    do values.push(this.readValue());
    while (this.#skip(","));
    if (!this.#skip("]")) throw new JsonError(this.#tokens[this.#next], "expected separator in list");
    return values;
  }

  #shift(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new JsonError(undefined, "premature EOI");
    this.#next++;
    return token;
  }

  #skip(punctuation: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== "punctuation" || token.text !== punctuation) return false;
    this.#next++;
    return true;
  }
}

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

function readInteger(text: string): number | bigint {
  const integer = BigInt(text);
  if (integer < INT64_MIN || integer > UINT64_MAX) return Number(text);
  const asNumber = Number(integer);
  return Number.isSafeInteger(asNumber) ? asNumber : integer;
}

function readKeyword(token: Token): WireValue {
  if (token.text === "true") return true;
  if (token.text === "false") return false;
  if (token.text === "null") return null;
  throw new JsonError(token, `invalid keyword '${token.text}'`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function readString(token: Token): string {
  let text = "";
  let plainFrom = 1;
  const end = token.text.length - 1;
  for (let index = 1; index < end; index++) {
    if (token.text.charAt(index) !== "\\") continue;
    text += decodeUtf8(token, token.text.slice(plainFrom, index));
    const escape = token.text.charAt(++index);
    if (escape === "u") {
      text += readUnicodeEscape(token, index + 1);
      index += 4;
    } else {
      const meant = ESCAPES[escape];
      if (meant === undefined) throw new JsonError(token, "invalid escape sequence in string");
      text += meant;
    }
    plainFrom = index + 1;
  }
  text += decodeUtf8(token, token.text.slice(plainFrom, end));
  return text;
}

/** @param from where the four digits begin. @returns one UTF-16 unit. */
function readUnicodeEscape(token: Token, from: number): string {
  const digits = token.text.slice(from, from + 4);
  const code = /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  const isLead = code >= 0xd800 && code < 0xdc00;
  const isTrail = code >= 0xdc00 && code < 0xe000;
  const isPaired = isLead
    ? /^\\u[dD][c-fC-F][0-9a-fA-F]{2}/.test(token.text.slice(from + 4, from + 10))
    : isTrail && /\\u[dD][89abAB][0-9a-fA-F]{2}$/.test(token.text.slice(0, from - 2));
  if (Number.isNaN(code) || ((isLead || isTrail) && !isPaired)) {
    throw new JsonError(token, `\\u${printable(digits)} is not a valid Unicode character`);
  }
  return String.fromCharCode(code);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(token: Token, latin1: string): string {
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
  try {
    return strictUtf8.decode(Buffer.from(latin1, "latin1"));
  } catch {
    throw new JsonError(token, "invalid UTF-8 sequence in string");
  }
}

/** A stray byte may be no text at all, and then stands as U+FFFD in the message about it; NUL ends it, as in C. */
function printable(latin1: string): string {
  return Buffer.from(latin1.split("\0", 1)[0] ?? "", "latin1").toString("utf8");
}
