import { copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

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
