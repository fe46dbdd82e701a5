/** Ends a `switch` over a closed union: the compiler refuses a case that nobody handled. */
export function assertNever(value: never): never {
  throw new Error(`Unhandled case: ${JSON.stringify(value)}`);
}
