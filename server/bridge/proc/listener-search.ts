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
const MAX_SAME_NAMES = 64;

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
  #table: { readonly sockets: UnixSockets; readonly atMs: number } | undefined;
  /** Socket inode → where its owner was seen last; checked again at every use. */
  readonly #owners = new Map<string, Owner>();

  /** @param root of the proc file system; another one in tests. */
  constructor(root = "/proc", nowMs: () => number = () => performance.now()) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  unixSockets(): UnixSockets {
    const now = this.#nowMs();
    if (!this.#table || now - this.#table.atMs >= TABLE_IS_FRESH_MS) {
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
    const byFiles = inodes.map((list) => this.#answer(list));
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
    const sockets = this.unixSockets();
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

  /** Undefined where nobody, or more than one process, listens there. */
  #answer(inodes: readonly string[]): ListenerAnswer | undefined {
    const pids = new Set(inodes.map((inode) => this.#owners.get(inode)?.pid).filter((pid) => pid !== undefined));
    // A path that was bound again while its old listener lives has two: which of them is the file's is not told here.
    const [pid] = pids.size === 1 ? pids : [];
    return pid === undefined ? undefined : this.#named(pid);
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

function realDirectory(path: string): string | undefined {
  try {
    statSync(path);
    return realpathSync(dirname(path));
  } catch {
    return undefined;
  }
}
