import { fstatSync, statSync } from "node:fs";
import { pino } from "pino";
import type { DestinationStream, Logger } from "pino";
import { RotatingFile } from "./rotating-file.ts";

/** Structured lines for people who run Ripcord. What a VM said goes in as a value, never as part of a format. */
export type Log = Logger;

export interface LogOptions {
  /** Which process speaks: "hub", "bridge". */
  name: string;
  level?: string;
  /** Also appended to this file, which is kept small; its folder is made. */
  file?: string;
  /** Not written to stderr: for a process whose stderr is that very file. */
  isQuiet?: boolean;
}

/** A log that writes JSON lines to stderr, never to stdout: what stands there is the one line that says "ready". */
export function createLog({ name, level = "info", file, isQuiet = false }: LogOptions): Log {
  const streams: { stream: DestinationStream; level: pino.Level }[] = [];
  const lowest = level as pino.Level;
  if (!isQuiet) streams.push({ stream: pino.destination({ dest: 2, sync: true }), level: lowest });
  if (file !== undefined) streams.push({ stream: new RotatingFile(file), level: lowest });
  return pino({ name, level, base: { name, pid: process.pid } }, pino.multistream(streams));
}

/** Whether this process's stderr goes into that file already. */
export function isStderr(file: string): boolean {
  try {
    const [stderr, other] = [fstatSync(2), statSync(file)];
    return stderr.dev === other.dev && stderr.ino === other.ino;
  } catch {
    return false;
  }
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}
