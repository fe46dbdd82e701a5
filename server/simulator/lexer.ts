/**
 * Bytes to tokens as QEMU's monitor reads them: one byte at a time, single-quoted strings accepted, and after a byte
 * that fits nowhere everything is skipped up to the next promising one (a bracket, a comma, a colon, a control byte,
 * 0xFE or 0xFF). That recovery is why a control byte re-synchronises a confused parser.
 */
export interface Token {
  kind: "punctuation" | "string" | "integer" | "float" | "keyword" | "error";
  /** The bytes as they came, one character each (latin1). */
  text: string;
  line: number;
  column: number;
}

type State = "start" | "double-quoted" | "single-quoted" | "escape-double" | "escape-single" | "word" | "number" | "recovery";

const PUNCTUATION: ReadonlySet<number> = new Set(Array.from("{}[]:,", (char) => char.charCodeAt(0)));
const NUMBER_PREFIX = /^-?(?:0|[1-9][0-9]*)?(?:(?<=[0-9])\.[0-9]*)?(?:(?<=[0-9])[eE][+-]?[0-9]*)?$/;
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
const FLOAT = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

export class Lexer {
  #state: State = "start";
  #text = "";
  #line = 1;
  #column = 0;
  readonly #emit: (token: Token) => void;

  constructor(emit: (token: Token) => void) {
    this.#emit = emit;
  }

  feed(byte: number): void {
    if (byte === 0x0a) {
      this.#line++;
      this.#column = 0;
    } else this.#column++;
    // A token that only ends by looking at the next byte leaves that byte to be read again.
    while (!this.#take(byte)) continue;
  }

  reset(): void {
    this.#state = "start";
    this.#text = "";
    this.#line = 1;
    this.#column = 0;
  }

  /** @returns whether the byte was consumed. */
  #take(byte: number): boolean {
    const char = String.fromCharCode(byte);
    switch (this.#state) {
      case "start":
        return this.#takeFirst(byte, char);
      case "recovery":
        if ((byte < 0x20 && byte !== 0x09) || byte >= 0xfe || PUNCTUATION.has(byte)) {
          this.#state = "start";
          return false;
        }
        return true;
      case "double-quoted":
      case "single-quoted":
        return this.#takeInString(byte, char);
      case "escape-double":
      case "escape-single":
        this.#text += char;
        if (byte < 0x20 || byte > 0xfd) return this.#fail();
        this.#state = this.#state === "escape-double" ? "double-quoted" : "single-quoted";
        return true;
      case "word":
        if (byte >= 0x61 && byte <= 0x7a) return this.#grow(char);
        this.#finish("keyword");
        return false;
      case "number":
        return this.#takeInNumber(char);
    }
  }

  #takeFirst(byte: number, char: string): boolean {
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d && byte !== 0x0b && byte !== 0x0c)) return true;
    this.#text = char;
    if (PUNCTUATION.has(byte)) this.#finish("punctuation");
    else if (char === '"') this.#state = "double-quoted";
    else if (char === "'") this.#state = "single-quoted";
    else if (byte >= 0x61 && byte <= 0x7a) this.#state = "word";
    else if (char === "-" || (byte >= 0x30 && byte <= 0x39)) this.#state = "number";
    else return this.#fail();
    return true;
  }

  #takeInString(byte: number, char: string): boolean {
    this.#text += char;
    if (byte < 0x20 || byte > 0xfd) return this.#fail();
    const isDouble = this.#state === "double-quoted";
    if (char === "\\") this.#state = isDouble ? "escape-double" : "escape-single";
    else if (char === (isDouble ? '"' : "'")) this.#finish("string");
    return true;
  }

  #takeInNumber(char: string): boolean {
    const longer = this.#text + char;
    if (NUMBER_PREFIX.test(longer)) return this.#grow(char);
    // A digit after a leading zero is the one continuation that is an error rather than the next token.
    if (/[0-9]/.test(char) || !FLOAT.test(this.#text)) {
      this.#text = longer;
      return this.#fail();
    }
    this.#finish(INTEGER.test(this.#text) ? "integer" : "float");
    return false;
  }

  #grow(char: string): true {
    this.#text += char;
    return true;
  }

  #finish(kind: Token["kind"]): void {
    const token = { kind, text: this.#text, line: this.#line, column: this.#column };
    this.#state = "start";
    this.#text = "";
    this.#emit(token);
  }

  #fail(): true {
    this.#finish("error");
    this.#state = "recovery";
    return true;
  }
}
