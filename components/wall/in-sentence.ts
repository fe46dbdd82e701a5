/** A verdict's word inside a sentence: "main loop hung", but "I/O stalled". */
export function inSentence(word: string): string {
  return /^[A-Z][a-z]/.test(word) ? word.charAt(0).toLowerCase() + word.slice(1) : word;
}
