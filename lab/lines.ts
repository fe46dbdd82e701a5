import { createInterface } from "node:readline";
import { Closers } from "./closers.ts";

/** What a person typed, in whichever way the terminal gives it. */
export interface Commands {
  /** Stops listening and gives the terminal back; safe to call twice. */
  close(): void;
}

/** Calls `handle` with each line of standard input, trimmed. The end of the input is not a command. */
export function readLines(handle: (line: string) => void): Commands {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => handle(line.trim()));
  return {
    close() {
      lines.close();
      process.stdin.destroy();
    },
  };
}

/** Calls `handle` with each key where standard input is a terminal, with each line where it is a pipe. */
export function readKeys(handle: (key: string) => void): Commands {
  const { stdin } = process;
  if (!stdin.isTTY) return readLines(handle);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  const onData = (keys: string) => {
    // A raw terminal sends Ctrl-C and Ctrl-D as bytes instead of a signal and an end.
    for (const key of keys) handle(key === "\u0003" || key === "\u0004" ? "q" : key);
  };
  stdin.on("data", onData);
  return {
    close() {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.destroy();
    },
  };
}

/**
 * Runs `end` once on the first SIGINT, SIGTERM or SIGHUP (a terminal that was closed), and `force` on the second.
 * @returns how to stop listening.
 */
export function onEndSignals(end: () => void, force: () => void): () => Promise<void> {
  const closers = new Closers();
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const listener = () => {
      signals += 1;
      if (signals === 1) end();
      else if (signal !== "SIGHUP") force();
    };
    process.on(signal, listener);
    closers.add(signal, () => void process.off(signal, listener));
  }
  return () => closers.close();
}
