import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { formatHead, parseHead } from "#lib/audit/chain";
import type { AuditHead } from "#lib/audit/chain";

const FILE = "audit-head";
const CHUNK_BYTES = 64 * 1024;
const TAIL_BYTES = 4 * 1024;
const MAX_LINE = 1_024;

export function headFileOf(dataDir: string): string {
  return join(dataDir, FILE);
}

/**
 * `dataDir/audit-head`: where the record stood, one line per write, apart from the rows, so that whoever cuts off the end of
 * the table has to know of this file, too. Only ever added to: it can be made append-only for the file system (`chattr +a`),
 * or its lines be sent elsewhere.
 */
export class HeadFile {
  /** Of an earlier run; undefined where there was no file, or no head in it. */
  readonly last: AuditHead | undefined;
  readonly #handle: FileHandle;
  #needsNewline: boolean;

  private constructor(handle: FileHandle, tail: string | undefined) {
    this.#handle = handle;
    this.last = (tail ?? "")
      .split("\n")
      .map(parseHead)
      .findLast((head) => head !== undefined);
    // A power cut may have torn the last line.
    this.#needsNewline = tail !== undefined && tail !== "" && !tail.endsWith("\n");
  }

  /** @throws the system's error where the file cannot be written. */
  static async open(dataDir: string): Promise<HeadFile> {
    const file = headFileOf(dataDir);
    const tail = readTail(file);
    return new HeadFile(await open(file, "a", 0o600), tail);
  }

  /** On the disk when it resolves. */
  async add(head: AuditHead): Promise<void> {
    await this.#handle.appendFile(`${this.#needsNewline ? "\n" : ""}${formatHead(head)}\n`);
    this.#needsNewline = false;
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * The heads of a file, oldest first, as far as it goes now; what is no head is passed over. The file stays open until the
 * last one is read or `return` is called. @throws the system's error where the file cannot be read.
 */
export function readHeads(file: string): Generator<AuditHead, void> {
  const descriptor = openSync(file, "r");
  // What is added from now on belongs to rows that the reader may not see.
  const endBytes = fstatSync(descriptor).size;
  return linesOf(descriptor, endBytes);
}

function* linesOf(descriptor: number, endBytes: number): Generator<AuditHead, void> {
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = "";
    for (let atBytes = 0; atBytes < endBytes;) {
      const count = readSync(descriptor, chunk, 0, Math.min(CHUNK_BYTES, endBytes - atBytes), atBytes);
      if (count === 0) return;
      atBytes += count;
      const lines = (rest + chunk.toString("latin1", 0, count)).split("\n");
      rest = (lines.pop() ?? "").slice(-MAX_LINE);
      for (const line of lines) {
        const head = parseHead(line);
        if (head) yield head;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

function readTail(file: string): string | undefined {
  let descriptor;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(descriptor, tail, 0, tail.length, size - tail.length);
    return tail.toString("latin1");
  } finally {
    closeSync(descriptor);
  }
}
