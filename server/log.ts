import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { pino } from "pino";
import type { Logger } from "pino";

/** Structured lines for people who run Ripcord. What a VM said goes in as a value, never as part of a format. */
export type Log = Logger;

export interface LogOptions {
  /** Which process speaks: "hub", "bridge". */
  name: string;
  level?: string;
  /** Also appended to this file; its folder is made. */
  file?: string;
  /** Not written to stderr: for a process whose stderr is that very file. */
  isQuiet?: boolean;
}

/** A log that writes JSON lines to stderr, never to stdout: what stands there is the one line that says "ready". */
export function createLog({ name, level = "info", file, isQuiet = false }: LogOptions): Log {
  const streams: { stream: ReturnType<typeof pino.destination>; level: pino.Level }[] = [];
  const lowest = level as pino.Level;
  if (!isQuiet) streams.push({ stream: pino.destination({ dest: 2, sync: true }), level: lowest });
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    streams.push({ stream: pino.destination({ dest: file, append: true, mkdir: true, sync: true, mode: 0o600 }), level: lowest });
  }
  return pino({ name, level, base: { name, pid: process.pid } }, pino.multistream(streams));
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}
