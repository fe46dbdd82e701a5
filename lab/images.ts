import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm, stat, writeFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LabError } from "./lab-error.ts";
import type { Qemu } from "./qemu.ts";

const run = promisify(execFile);

const MEBIBYTE = 1024 * 1024;
/** Below this the BIOS and the guest's own code live; left as zeros. */
const RANDOM_FROM_BYTES = 16 * MEBIBYTE;
const RANDOM_LENGTH_BYTES = 200 * MEBIBYTE;

/** Memory of every guest that migrates: both sides must agree. */
export const MIGRATING_MEMORY_MIB = 256;

/** Writes a disk that starts with `bootSector` and is otherwise a hole. */
export async function writeDisk(path: string, bootSector: Buffer, sizeBytes = MEBIBYTE): Promise<string> {
  await writeFile(path, bootSector);
  await truncate(path, sizeBytes);
  return path;
}

/** An empty qcow2 with one persistent bitmap, so that QEMU reads the image to answer some queries. @throws LabError without qemu-img. */
export async function writeBitmapDisk(qemu: Qemu, path: string, sizeBytes: number): Promise<string> {
  await writeQcow2(qemu, path, sizeBytes);
  await run(qemu.imgBinary ?? "", ["bitmap", "--add", path, "bitmap0"]);
  return path;
}

/** An empty qcow2. @throws LabError without qemu-img. */
export async function writeQcow2(qemu: Qemu, path: string, sizeBytes: number): Promise<string> {
  if (qemu.imgBinary === undefined) throw new LabError("qemu-img is missing: on Debian, apt install qemu-utils");
  await run(qemu.imgBinary, ["create", "-q", "-f", "qcow2", path, String(sizeBytes)]);
  return path;
}

const memoryFiles = new Map<string, Promise<string>>();

/**
 * Guest memory that is not zero, or a migration is over before anything can stall. The file is mapped privately by
 * every VM that migrates, so that they share one copy of its pages; it is written once per directory and kept.
 */
export function ensureRandomMemory(directory: string): Promise<string> {
  let made = memoryFiles.get(directory);
  if (made === undefined) {
    made = makeRandomMemory(directory);
    memoryFiles.set(directory, made);
    made.catch(() => memoryFiles.delete(directory));
  }
  return made;
}

async function makeRandomMemory(directory: string): Promise<string> {
  const path = join(directory, "guest-memory.bin");
  const sizeBytes = MIGRATING_MEMORY_MIB * MEBIBYTE;
  const present = await stat(path).catch(() => undefined);
  if (present?.size === sizeBytes) return path;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // One random mebibyte again and again: QEMU leaves out zero pages only, and this is 200 times faster to make.
  const chunk = randomBytes(MEBIBYTE);
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.truncate(sizeBytes);
    for (let offset = 0; offset < RANDOM_LENGTH_BYTES; offset += MEBIBYTE) {
      await file.write(chunk, 0, MEBIBYTE, RANDOM_FROM_BYTES + offset);
    }
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
  return path;
}
