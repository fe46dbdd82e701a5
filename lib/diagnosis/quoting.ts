/**
 * Commands that a person copies into a shell or a monitor. Names in them come from VMs and may hold anything: quotes, line
 * ends, terminal escapes, text that runs backwards. What comes out is one line of printable ASCII that means exactly the
 * name.
 */

const PLAIN_WORD = /^[\w./:=@%+,-]+$/;
const NOT_PRINTABLE = /[^\x20-\x7e]/;

/** One word for bash, zsh or ksh. A NUL, which no argument can hold, becomes U+FFFD. */
export function shellQuote(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  if (!NOT_PRINTABLE.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const bytes = new TextEncoder().encode(word.replaceAll("\0", "\uFFFD"));
  return `$'${[...bytes].map(ansiByte).join("")}'`;
}

/** One line for a QMP monitor. @see qmp-spec: what QEMU reads is JSON in UTF-8, and escapes are as good. */
export function qmpLine(command: Record<string, unknown>): string {
  return JSON.stringify(command).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** As `$'…'` reads it: three octal digits, so that no digit after it belongs to it. */
function ansiByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === "'" || character === "\\") return `\\${character}`;
  return byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, "0")}` : character;
}
