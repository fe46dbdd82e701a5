import { QmpProtocolError } from "./errors.ts";
import { parseJson } from "./json.ts";

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const TELNET_IAC = 0xff;
const FIRST_HOLD_BYTES = 1024;

/**
 * Bytes to whole JSON objects, in order, however the stream was cut. A message that stands on one line is taken at one
 * stroke; anything else (`pretty=on`, a message cut in two) goes byte by byte, by braces outside strings. It keeps a
 * copy of an unfinished message and nothing of the bytes that it is lent.
 */
export class Scanner {
  readonly #maxMessageBytes: number;
  readonly #onObject: (value: unknown, text: string) => void;
  #isStopped = false;
  /** The unfinished message, when there is one; grows by doubling so that a dripping peer costs no more than its bytes. */
  #held: Buffer | undefined;
  #heldBytes = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  constructor(maxMessageBytes: number, onObject: (value: unknown, text: string) => void) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#onObject = onObject;
  }

  /** Takes the next bytes of the stream: the buffer's first `length`. @throws QmpProtocolError; nothing after it is scanned. */
  push(bytes: Buffer, length = bytes.length): void {
    let at = 0;
    while (at < length && !this.#isStopped) {
      const next = this.#depth === 0 ? this.#takeLine(bytes, at, length) : 0;
      at = next > 0 ? next : this.#takeBytes(bytes, at, length);
    }
  }

  /** Forgets everything; what is left of the bytes being pushed is ignored. */
  stop(): void {
    this.#isStopped = true;
    this.#held = undefined;
  }

  /** The fast path. Returns where the next message may begin, or 0 when this is not one object on one line. */
  #takeLine(bytes: Buffer, from: number, to: number): number {
    if (bytes[from] !== OPEN_BRACE) return 0;
    const lineFeed = bytes.indexOf(LF, from);
    if (lineFeed < 0 || lineFeed >= to) return 0;
    const end = bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    if (bytes[end - 1] !== CLOSE_BRACE || end - from > this.#maxMessageBytes) return 0;
    const text = bytes.toString("utf8", from, end);
    let value: unknown;
    try {
      value = parseJson(text);
    } catch {
      return 0; // several objects on one line, or a line that ends in a brace by chance: the slow path knows
    }
    this.#onObject(value, text);
    return lineFeed + 1;
  }

  /** The slow path: to the end of the object or of the bytes. Returns how far it came. */
  #takeBytes(bytes: Buffer, from: number, to: number): number {
    const start = this.#depth === 0 ? skipBlanks(bytes, from, to) : from;
    if (start === to) return start;
    if (this.#depth === 0 && bytes[start] !== OPEN_BRACE) throw notAnObject(bytes[start]);
    const end = this.#findEnd(bytes, start, to);
    const length = (end < 0 ? to : end) - start;
    if (this.#heldBytes + length > this.#maxMessageBytes) {
      throw new QmpProtocolError("message-too-large", `A message is larger than ${this.#maxMessageBytes} bytes`);
    }
    if (end < 0) {
      this.#hold(bytes, start, to);
      return to;
    }
    const text = this.#release(bytes, start, end);
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (error) {
      throw new QmpProtocolError("invalid-json", "A message is not valid JSON", error);
    }
    this.#onObject(value, text);
    return end;
  }

  /** Index after the brace that closes the object, or -1. */
  #findEnd(bytes: Buffer, from: number, to: number): number {
    let depth = this.#depth;
    let isInString = this.#isInString;
    let isEscaped = this.#isEscaped;
    for (let index = from; index < to; index++) {
      const byte = bytes[index];
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInString = false;
      } else if (byte === QUOTE) isInString = true;
      else if (byte === OPEN_BRACE) depth++;
      else if (byte === CLOSE_BRACE && --depth === 0) {
        this.#depth = 0;
        this.#isInString = false;
        this.#isEscaped = false;
        return index + 1;
      }
    }
    this.#depth = depth;
    this.#isInString = isInString;
    this.#isEscaped = isEscaped;
    return -1;
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    const needed = this.#heldBytes + to - from;
    if (this.#held === undefined || this.#held.length < needed) {
      // Slow on purpose: a slice of Node's pool would keep the whole pool alive.
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_HOLD_BYTES, needed * 2));
      this.#held?.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes = needed;
  }

  /** The whole message as text. Decoded only when whole, so that no character is cut in half. */
  #release(bytes: Buffer, from: number, end: number): string {
    if (this.#held === undefined) return bytes.toString("utf8", from, end);
    const whole = Buffer.concat([this.#held.subarray(0, this.#heldBytes), bytes.subarray(from, end)]);
    this.#held = undefined;
    this.#heldBytes = 0;
    return whole.toString("utf8");
  }
}

function skipBlanks(bytes: Buffer, from: number, to: number): number {
  let index = from;
  while (index < to) {
    const byte = bytes[index];
    if (byte !== LF && byte !== CR && byte !== 0x20 && byte !== 0x09) break;
    index++;
  }
  return index;
}

function notAnObject(byte: number | undefined): QmpProtocolError {
  // A telnet chardev negotiates before it greets (facts sheet 3.1): it can be told apart, and is not supported.
  return byte === TELNET_IAC
    ? new QmpProtocolError("telnet", "The peer speaks telnet, not plain QMP")
    : new QmpProtocolError("garbage", "The peer sent bytes that begin no JSON object");
}
