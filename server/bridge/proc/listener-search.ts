import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { isQemuCommandLine, readCommandLineFacts } from "../topology/command-line.ts";
import type { MonitorAddress } from "../vm/ports.ts";
import { parseProcessStat } from "./process-stat.ts";
import { findTcpListener } from "./tcp-sockets.ts";
import { parseUnixSockets } from "./unix-sockets.ts";
import type { UnixSockets } from "./unix-sockets.ts";

export type ListenerAnswer = { pid: number; startTimeTicks: string } | { unknown: "not-permitted" | "not-found" };

/** A parse of /proc/net/unix serves every question of the next moment: thousands come at once when a bridge starts. */
const TABLE_IS_FRESH_MS = 200;
/** A listener is asked for right after it was bound, and one that was bound since the last parse would be missing. */
const TABLE_IS_FRESH_FOR_LISTENERS_MS = 20;
const MAX_SAME_NAMES = 64;
/** USER_HZ, the unit of start times in /proc/PID/stat: 100 on every architecture that QEMU runs VMs on. */
const TICK_MS = 10;
/** A QEMU makes its monitors before nearly all else. */
const BOUND_WITHIN_MS = 10_000;
/** Uptime, start times and file times are read off clocks of different grain. */
const START_TOLERANCE_MS = 100;

interface Owner {
  readonly pid: number;
  readonly fd: string;
}

/**
 * Finds which process listens at an address. Synchronous on purpose: it runs in the helper process, whose only work it
 * is, and a read that blocks must block nobody else. One walk over all processes serves all open questions, and what it
 * learns is kept: a later question about a known inode costs two reads.
 */
export class ListenerSearch {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #wallMs: () => number;
  #table: { readonly sockets: UnixSockets; readonly atMs: number } | undefined;
  /** Socket inode → where its owner was seen last; checked again at every use. */
  readonly #owners = new Map<string, Owner>();

  /** @param root of the proc file system; another one in tests. */
  constructor(root = "/proc", nowMs: () => number = () => performance.now(), wallMs: () => number = Date.now) {
    this.#root = root;
    this.#nowMs = nowMs;
    this.#wallMs = wallMs;
  }

  unixSockets(freshMs = TABLE_IS_FRESH_MS): UnixSockets {
    const now = this.#nowMs();
    if (!this.#table || now - this.#table.atMs >= freshMs) {
      this.#table = { sockets: parseUnixSockets(readFileSync(join(this.#root, "net/unix"), "utf8")), atMs: now };
    }
    return this.#table.sockets;
  }

  /**
   * Answers all addresses with at most one walk. A generator, so that the caller can say that it is alive, and answer short
   * questions, between two slices of a long walk.
   */
  *find(addresses: readonly MonitorAddress[]): Generator<void, ListenerAnswer[]> {
    const inodes = addresses.map((address) => this.#listeningInodes(address));
    const wanted = new Set(inodes.flat().filter((inode) => !this.#isOwnerKnown(inode)));
    const wasRefused = wanted.size > 0 ? yield* this.#walk(wanted) : false;
    const byFiles = addresses.map((address, at) => this.#answer(inodes[at] ?? [], address));
    const isComplete = byFiles.every((answer) => answer !== undefined);
    const index = isComplete ? new Map<string, number[]>() : yield* this.#commandLineIndex();
    return addresses.map((address, at) => {
      const unknown = wasRefused && (inodes[at]?.length ?? 0) > 0 ? "not-permitted" : "not-found";
      return byFiles[at] ?? this.#byCommandLine(index, address) ?? { unknown };
    });
  }

  #listeningInodes(address: MonitorAddress): string[] {
    if (address.kind === "tcp") {
      const inode = findTcpListener(
        ["net/tcp", "net/tcp6"].map((name) => this.#readOrEmpty(name)),
        address.host,
        address.port,
      );
      return inode === undefined ? [] : [inode];
    }
    const sockets = this.unixSockets(TABLE_IS_FRESH_FOR_LISTENERS_MS);
    const exact = (sockets.get(address.path) ?? []).filter((socket) => socket.isListening).map((socket) => socket.inode);
    return exact.length > 0 ? exact : this.#sameFile(address.path, sockets);
  }

  /** The path was bound through a symbolic link (/var/run) or, which only its process can resolve, relatively. */
  #sameFile(path: string, sockets: UnixSockets): string[] {
    const inodes: string[] = [];
    let tried = 0;
    for (const [candidate, list] of sockets) {
      if (basename(candidate) !== basename(path) || candidate === path || tried >= MAX_SAME_NAMES) continue;
      tried += 1;
      if (isAbsolute(candidate) && realDirectory(candidate) !== dirname(path)) continue;
      inodes.push(
        ...list
          .filter((socket) => socket.isListening && (isAbsolute(candidate) || this.#isRelativeTo(socket.inode, candidate, path)))
          .map((socket) => socket.inode),
      );
    }
    return inodes;
  }

  #isRelativeTo(inode: string, candidate: string, path: string): boolean {
    if (!this.#isOwnerKnown(inode)) for (const _ of this.#walk(new Set([inode]))) continue;
    const owner = this.#owners.get(inode);
    const cwd = owner && this.#link(`${owner.pid}/cwd`);
    return cwd !== undefined && resolve(cwd, candidate) === path;
  }

  #isOwnerKnown(inode: string): boolean {
    const owner = this.#owners.get(inode);
    if (!owner) return false;
    if (this.#link(`${owner.pid}/fd/${owner.fd}`) === `socket:[${inode}]`) return true;
    this.#owners.delete(inode);
    return false;
  }

  /** Looks through the open files of every process, the newest first. Returns whether some could not be looked into. */
  *#walk(wanted: Set<string>): Generator<void, boolean> {
    let wasRefused = false;
    for (const pid of this.#pids()) {
      if (wanted.size === 0) break;
      yield;
      let fds: string[];
      try {
        fds = readdirSync(join(this.#root, String(pid), "fd"));
      } catch (error) {
        wasRefused ||= isNotPermitted(error);
        continue;
      }
      for (const fd of fds) {
        const inode = /^socket:\[(\d+)\]$/.exec(this.#link(`${pid}/fd/${fd}`) ?? "")?.[1];
        if (inode === undefined || !wanted.has(inode)) continue;
        // A service manager may hold the socket too; the QEMU is the one that is meant, and then nobody else is looked for.
        const isQemu = isQemuCommandLine(this.readCommandLine(pid) ?? []);
        if (isQemu || !this.#owners.has(inode)) this.#owners.set(inode, { pid, fd });
        if (isQemu) wanted.delete(inode);
      }
    }
    return wasRefused;
  }

  /** Undefined where the open files tell nothing, so that the command lines may be asked. */
  #answer(inodes: readonly string[], address: MonitorAddress): ListenerAnswer | undefined {
    const owners = inodes.map((inode) => this.#owners.get(inode)?.pid);
    const pids = [...new Set(owners)].filter((pid) => pid !== undefined);
    const [pid] = pids;
    if (pid === undefined) return undefined;
    if (owners.length === 1 || (pids.length === 1 && !owners.includes(undefined))) return this.#named(pid);
    // The path was bound again while its old listener lives. Command lines could only bring the old one back.
    const binder = owners.includes(undefined) || address.kind === "tcp" ? undefined : this.#binderOf(address.path, pids);
    return (binder === undefined ? undefined : this.#named(binder)) ?? { unknown: "not-found" };
  }

  /**
   * Which of these processes made the socket's file. The kernel tells a listener's path and not its file, but a monitor is
   * bound when its QEMU starts: the file is of the one that started last, if it was made right after that. Where two started
   * close to each other, or the file's time tells another story, it is not known.
   */
  #binderOf(path: string, pids: readonly number[]): number | undefined {
    const madeMs = fileTimeMs(path);
    const uptimeS = Number.parseFloat(this.#readOrEmpty("uptime"));
    if (madeMs === undefined || !Number.isFinite(uptimeS)) return undefined;
    const bootMs = this.#wallMs() - uptimeS * 1_000;
    const started = pids.flatMap((pid) => {
      const ticks = Number(this.#stat(pid)?.startTimeTicks ?? Number.NaN);
      return Number.isFinite(ticks) ? [{ pid, atMs: bootMs + ticks * TICK_MS }] : [];
    });
    const [last, former] = started.toSorted((a, b) => b.atMs - a.atMs);
    if (started.length !== pids.length || !last || !former) return undefined;
    const boundAfterMs = madeMs - last.atMs;
    const isItsOwn = boundAfterMs >= -START_TOLERANCE_MS && boundAfterMs <= BOUND_WITHIN_MS;
    if (!isItsOwn || last.atMs - former.atMs < 2 * START_TOLERANCE_MS) return undefined;
    return last.pid;
  }

  #byCommandLine(index: ReadonlyMap<string, readonly number[]>, address: MonitorAddress): ListenerAnswer | undefined {
    const pids = index.get(address.kind === "unix" ? `unix:${address.path}` : `tcp:${address.port}`) ?? [];
    const [pid] = pids;
    return pids.length === 1 && pid !== undefined ? this.#named(pid) : undefined;
  }

  /** Where QEMUs were told to listen: `unix:PATH` and `tcp:PORT` → pids. For where their open files cannot be looked into. */
  *#commandLineIndex(): Generator<void, ReadonlyMap<string, readonly number[]>> {
    const index = new Map<string, number[]>();
    for (const pid of this.#pids()) {
      yield;
      const commandLine = this.readCommandLine(pid);
      // Not by the process's name, which `-name …,process=` can change.
      if (!commandLine || !isQemuCommandLine(commandLine)) continue;
      const cwd = this.#link(`${pid}/cwd`);
      for (const chardev of readCommandLineFacts(commandLine).chardevs.values()) {
        if (!chardev.isServer) continue;
        const path = chardev.path === undefined || cwd === undefined ? chardev.path : resolve(cwd, chardev.path);
        const key = path === undefined ? `tcp:${chardev.port ?? ""}` : `unix:${path}`;
        index.set(key, [...(index.get(key) ?? []), pid]);
      }
    }
    return index;
  }

  readCommandLine(pid: number): string[] | undefined {
    const text = this.#readOrEmpty(`${pid}/cmdline`);
    return text === "" ? undefined : text.replace(/\0$/, "").split("\0");
  }

  #named(pid: number): ListenerAnswer | undefined {
    const stat = this.#stat(pid);
    return stat && { pid, startTimeTicks: stat.startTimeTicks };
  }

  #pids(): number[] {
    return readdirSync(this.#root)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .toSorted((a, b) => b - a);
  }

  #stat(pid: number) {
    return parseProcessStat(this.#readOrEmpty(`${pid}/stat`));
  }

  #link(path: string): string | undefined {
    try {
      return readlinkSync(join(this.#root, path));
    } catch {
      return undefined;
    }
  }

  #readOrEmpty(path: string): string {
    try {
      return readFileSync(join(this.#root, path), "utf8");
    } catch {
      return "";
    }
  }
}

export function isNotPermitted(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

/** When the socket was bound: nothing writes to it later. */
function fileTimeMs(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}

function realDirectory(path: string): string | undefined {
  try {
    statSync(path);
    return realpathSync(dirname(path));
  } catch {
    return undefined;
  }
}
