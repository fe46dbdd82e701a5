import { copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { pino } from "pino";
import type { DestinationStream, Logger } from "pino";

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

/** Two of these are the most that one log takes of the disk. */
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * A log file (mode 0600, its folder made) that keeps its last few megabytes: past the limit what it holds becomes
 * `<file>.1`, in place of what that held before. It is copied and emptied, not renamed, so that a process whose stderr is
 * this file too goes on writing into it. Never throws for a full disk: a line is lost, the process goes on.
 */
export class RotatingFile {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #fd: number;

  /** @throws the system's error where the file cannot be opened. */
  constructor(file: string, maxBytes = MAX_BYTES) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#fd = openSync(file, "a", 0o600);
  }

  write(line: string): void {
    try {
      if (fstatSync(this.#fd).size + Buffer.byteLength(line) > this.#maxBytes) this.#rotate();
      writeSync(this.#fd, line);
    } catch {
      // There is nowhere left to say it.
    }
  }

  #rotate(): void {
    const kept = `${this.#file}.1`;
    try {
      copyFileSync(this.#file, kept);
    } catch {
      rmSync(kept, { force: true });
    }
    ftruncateSync(this.#fd, 0);
  }
}
