import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { LabError, messageOf } from "./lab-error.ts";

const run = promisify(execFile);
type Environment = Readonly<Record<string, string | undefined>>;
const PROBE_TIMEOUT_MS = 10_000;

export interface QemuVersion {
  major: number;
  minor: number;
  micro: number;
}

/** One QEMU on this machine. */
export interface Qemu {
  /** `system` for the one on the PATH, else the name it has in `RIPCORD_QEMUS`. */
  name: string;
  version: QemuVersion;
  systemBinary: string;
  /** Undefined when the block tools are not installed; the recipes that need it say so. */
  nbdBinary: string | undefined;
  imgBinary: string | undefined;
}

/** One that was named and cannot be used, with the reason. */
export interface UnusableQemu {
  name: string;
  reason: string;
}

/**
 * Finds the QEMU on the PATH and those that `RIPCORD_QEMUS=name=prefix,…` names (`<prefix>/bin/qemu-system-x86_64`).
 * Each is asked for its version, so what is listed can be run.
 */
export async function findQemus(env: Environment = process.env): Promise<{ usable: Qemu[]; unusable: UnusableQemu[] }> {
  const folders = [
    { name: "system", folders: (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "") },
    ...parseQemuList(env["RIPCORD_QEMUS"] ?? "").map(({ name, prefix }) => ({ name, folders: [join(prefix, "bin")] })),
  ];
  const usable: Qemu[] = [];
  const unusable: UnusableQemu[] = [];
  for (const place of folders) {
    const found = await probe(place.name, place.folders);
    if ("reason" in found) unusable.push(found);
    else usable.push(found);
  }
  return { usable, unusable };
}

/**
 * The QEMU of that name; without a name the one on the PATH, else the first that can be run.
 * @throws LabError that says what is missing and what to install.
 */
export async function requireQemu(name?: string, env: Environment = process.env): Promise<Qemu> {
  const { usable, unusable } = await findQemus(env);
  const chosen = name === undefined ? usable[0] : usable.find((qemu) => qemu.name === name);
  if (chosen !== undefined) return chosen;
  const reasons = unusable.filter((qemu) => name === undefined || qemu.name === name).map((qemu) => `${qemu.name}: ${qemu.reason}`);
  const known = usable.length > 0 ? `; there is ${usable.map((qemu) => qemu.name).join(", ")}` : "";
  throw new LabError(
    `No QEMU ${name === undefined ? "that can be run" : `named "${name}"`} (${reasons.join("; ") || "not in RIPCORD_QEMUS"})${known}. ` +
      "On Debian: apt install qemu-system-x86 qemu-utils",
  );
}

/** @throws LabError on an entry that is not `name=prefix`. */
export function parseQemuList(text: string): { name: string; prefix: string }[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => {
      const at = entry.indexOf("=");
      if (at <= 0 || at === entry.length - 1) throw new LabError(`RIPCORD_QEMUS: "${entry}" is not name=prefix`);
      return { name: entry.slice(0, at), prefix: entry.slice(at + 1) };
    });
}

/** Reads `QEMU emulator version 7.2.22 (Debian …)`. */
export function parseVersion(text: string): QemuVersion | undefined {
  const match = /version (\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), micro: Number(match[3]) };
}

export function formatVersion({ major, minor, micro }: QemuVersion): string {
  return `${major}.${minor}.${micro}`;
}

/** From 11.1 on `-mon` is deprecated in favour of `-object monitor-qmp` (facts sheet, section 11). */
export function hasMonitorObjects({ major, minor }: QemuVersion): boolean {
  return major > 11 || (major === 11 && minor >= 1);
}

/** Chardev clients take `reconnect-ms` from 9.2 on, and from 10.0 on nothing else. */
export function hasMillisecondReconnect({ major, minor }: QemuVersion): boolean {
  return major > 9 || (major === 9 && minor >= 2);
}

async function probe(name: string, folders: string[]): Promise<Qemu | UnusableQemu> {
  const systemBinary = findExecutable("qemu-system-x86_64", folders);
  if (systemBinary === undefined) return { name, reason: `no qemu-system-x86_64 in ${folders.length > 1 ? "the PATH" : folders.join("")}` };
  try {
    const { stdout } = await run(systemBinary, ["--version"], { timeout: PROBE_TIMEOUT_MS });
    const version = parseVersion(stdout);
    if (version === undefined) return { name, reason: `${systemBinary} did not tell its version` };
    return {
      name,
      version,
      systemBinary,
      nbdBinary: findExecutable("qemu-nbd", folders),
      imgBinary: findExecutable("qemu-img", folders),
    };
  } catch (error) {
    return { name, reason: `${systemBinary} cannot be run: ${messageOf(error).split("\n")[0]}` };
  }
}

function findExecutable(name: string, folders: string[]): string | undefined {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder: look in the next.
    }
  }
  return undefined;
}
