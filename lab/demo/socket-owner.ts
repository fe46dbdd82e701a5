import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { type ProcessIdentity, readProcessStat } from "../process-identity.ts";

/**
 * The process that listens on a unix socket, as far as this account may see.
 * @see proc(5), /proc/net/unix: … flags (00010000 listens), type, state, inode, path
 */
export function findSocketOwner(path: string): ProcessIdentity | undefined {
  const line = readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find((fields) => fields[3] === "00010000" && fields.slice(7).join(" ") === path);
  const inode = line?.[6];
  if (inode === undefined) return undefined;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !holdsSocket(name, inode)) continue;
    const stat = readProcessStat(Number(name));
    if (stat !== undefined) return { pid: stat.pid, startTicks: stat.startTicks };
  }
  return undefined;
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    // Another account's, or gone by now.
    return false;
  }
}
