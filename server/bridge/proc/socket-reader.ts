import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { FarEnd, HostSocket, HostUnread } from "./host-reading.ts";
import { isNotPermitted } from "./listener-search.ts";
import { parseProcessStat } from "./process-stat.ts";
import { runSs } from "./run-ss.ts";
import type { SsOutput } from "./run-ss.ts";
import { SsTcpTable, SsUnixTable } from "./ss-output.ts";

/** Together with the rest of a reading it stays below the second after which the helper counts as stuck. */
const SS_TIMEOUT_MS = 600;
/** What a process has open is looked at anew at least this often: a new connection shows then. */
const FILES_ARE_FRESH_MS = 4_000;
const MAX_SOCKETS_PER_PROCESS = 256;
/** Who holds the far ends is looked for in all processes, and not more often than this. */
const FAR_WALK_EVERY_MS = 20_000;
const FAR_WALK_SLICE_MS = 100;

/** Ours was closed or shut down; CLOSE-WAIT: the far side's. */
const SHUT_STATES: ReadonlySet<string> = new Set(["FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "UNCONN", "CLOSE"]);

export type SocketsAnswer = { readonly list: readonly HostSocket[] } | { readonly unread: HostUnread };

interface OpenFiles {
  readonly startTimeTicks: string | undefined;
  readonly atMs: number;
  /** Socket inode → file descriptor. */
  readonly sockets: ReadonlyMap<string, number>;
}

export interface SocketReaderOptions {
  readonly root?: string;
  readonly nowMs?: () => number;
  readonly run?: (args: readonly string[], timeoutMs: number) => Promise<SsOutput>;
}

/**
 * The sockets of some processes with their states, by one run of `ss` for all of them, matched by inode. Runs in the
 * helper process. What it learned of open files is kept for some seconds, because it changes seldom.
 */
export class SocketReader {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #run: NonNullable<SocketReaderOptions["run"]>;
  readonly #files = new Map<number, OpenFiles>();
  /** Socket inode → who holds it; undefined where nobody was found. */
  readonly #farOwners = new Map<string, { pid: number; name: string } | undefined>();
  #farWalkMs = -Infinity;
  /** Processes that the walk has still to look into; the last of them next. */
  #farWalk: string[] = [];
  #farWanted = new Set<string>();

  constructor(options: SocketReaderOptions = {}) {
    this.#root = options.root ?? "/proc";
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#run = options.run ?? runSs;
  }

  /** In the order of the processes that were asked for. */
  async read(processes: readonly { pid: number; startTimeTicks: string | undefined }[]): Promise<SocketsAnswer[]> {
    const [tcp, unix] = await Promise.all([this.#run(["-tnaieOH"], SS_TIMEOUT_MS), this.#run(["-xnaeH"], SS_TIMEOUT_MS)]);
    if ("unread" in tcp) return processes.map(() => tcp);
    if ("unread" in unix) return processes.map(() => unix);
    const tables = { tcp: new SsTcpTable(tcp.text), unix: new SsUnixTable(unix.text) };
    const wanted = new Set(processes.map(({ pid }) => pid));
    for (const pid of this.#files.keys()) if (!wanted.has(pid)) this.#files.delete(pid);
    const ownNamespace = this.#link("self/ns/net");
    const farInodes = new Set<string>();
    const answers = processes.map((each) => this.#readOne(each, tables, ownNamespace, farInodes));
    this.#findFarOwners(farInodes);
    return answers.map((answer) =>
      "list" in answer ? { list: answer.list.map(({ socket, far }) => this.#withFar(socket, far)) } : answer,
    );
  }

  #readOne(
    process: { pid: number; startTimeTicks: string | undefined },
    tables: { tcp: SsTcpTable; unix: SsUnixTable },
    ownNamespace: string | undefined,
    farInodes: Set<string>,
  ): { list: { socket: HostSocket; far: string | undefined }[] } | { unread: HostUnread } {
    const namespace = this.#link(`${process.pid}/ns/net`);
    if (namespace !== undefined && ownNamespace !== undefined && namespace !== ownNamespace) return { unread: "other-namespace" };
    const files = this.#openFiles(process, tables);
    if (!("sockets" in files)) return files;
    const list: { socket: HostSocket; far: string | undefined }[] = [];
    for (const [inode, fd] of files.sockets) {
      const found = readTcp(tables.tcp, inode, fd) ?? readUnix(tables.unix, inode, fd);
      if (!found) continue;
      list.push(found);
      if (found.far !== undefined) farInodes.add(found.far);
    }
    return { list };
  }

  #openFiles(
    { pid, startTimeTicks }: { pid: number; startTimeTicks: string | undefined },
    tables: { tcp: SsTcpTable; unix: SsUnixTable },
  ): OpenFiles | { unread: HostUnread } {
    const kept = this.#files.get(pid);
    const isFresh = kept !== undefined && kept.startTimeTicks === startTimeTicks && this.#nowMs() - kept.atMs < FILES_ARE_FRESH_MS;
    // One that is gone was closed, and a new one may have come in its place.
    if (isFresh && [...kept.sockets.keys()].every((inode) => tables.tcp.get(inode) ?? tables.unix.get(inode))) return kept;
    const sockets = new Map<string, number>();
    try {
      for (const name of readdirSync(join(this.#root, String(pid), "fd"))) {
        const inode = /^socket:\[(\d+)\]$/.exec(this.#link(`${pid}/fd/${name}`) ?? "")?.[1];
        if (inode === undefined || sockets.size >= MAX_SOCKETS_PER_PROCESS) continue;
        if (tables.tcp.get(inode) ?? tables.unix.get(inode)) sockets.set(inode, Number(name));
      }
    } catch (error) {
      return { unread: isNotPermitted(error) ? "not-permitted" : "gone" };
    }
    const files = { startTimeTicks, atMs: this.#nowMs(), sockets };
    this.#files.set(pid, files);
    return files;
  }

  #withFar(socket: HostSocket, farInode: string | undefined): HostSocket {
    const owner = farInode === undefined ? undefined : this.#farOwners.get(farInode);
    if (!socket.far || !owner) return socket;
    const state = this.#stateOf(owner.pid);
    return state === undefined ? socket : { ...socket, far: { ...socket.far, process: { ...owner, state } } };
  }

  /**
   * Walks through all processes to find the owners of far ends that are not known yet; a little at each reading, because
   * there may be thousands, and whoever waits for the reading is waiting for something else.
   */
  #findFarOwners(inodes: ReadonlySet<string>): void {
    for (const inode of this.#farOwners.keys()) if (!inodes.has(inode)) this.#farOwners.delete(inode);
    const isUnknown = (inode: string): boolean => !this.#farOwners.has(inode);
    const startedMs = this.#nowMs();
    if (this.#farWalk.length === 0 && [...inodes].some(isUnknown) && startedMs - this.#farWalkMs >= FAR_WALK_EVERY_MS) {
      this.#farWalkMs = startedMs;
      this.#farWalk = readdirSync(this.#root).filter((name) => /^\d+$/.test(name));
      this.#farWanted = new Set([...inodes].filter(isUnknown));
    }
    while (this.#farWalk.length > 0 && this.#farWanted.size > 0 && this.#nowMs() - startedMs < FAR_WALK_SLICE_MS) {
      const pid = this.#farWalk.pop() ?? "";
      for (const inode of this.#socketsOf(pid)) {
        if (this.#farWanted.delete(inode)) this.#farOwners.set(inode, { pid: Number(pid), name: this.#nameOf(pid) });
      }
    }
    if (this.#farWanted.size === 0) this.#farWalk = [];
    // Nobody that may be looked into holds the rest.
    if (this.#farWalk.length === 0) for (const inode of this.#farWanted) this.#farOwners.set(inode, undefined);
    if (this.#farWalk.length === 0) this.#farWanted.clear();
  }

  #socketsOf(pid: string): string[] {
    try {
      return readdirSync(join(this.#root, pid, "fd")).flatMap(
        (name) => /^socket:\[(\d+)\]$/.exec(this.#link(`${pid}/fd/${name}`) ?? "")?.[1] ?? [],
      );
    } catch {
      return [];
    }
  }

  #nameOf(pid: string): string {
    try {
      return readFileSync(join(this.#root, pid, "comm"), "utf8")
        .trim()
        .slice(0, 64);
    } catch {
      return "?";
    }
  }

  #stateOf(pid: number): string | undefined {
    try {
      return parseProcessStat(readFileSync(join(this.#root, String(pid), "stat"), "utf8"))?.state;
    } catch {
      return undefined;
    }
  }

  #link(path: string): string | undefined {
    try {
      return readlinkSync(join(this.#root, path));
    } catch {
      return undefined;
    }
  }
}

type Found = { socket: HostSocket; far: string | undefined };

function readTcp(table: SsTcpTable, inode: string, fd: number): Found | undefined {
  const row = table.get(inode);
  if (!row) return undefined;
  const farInode = row.local === undefined || row.peer === undefined ? undefined : table.otherEnd(row.local, row.peer);
  const far = farInode === undefined ? undefined : table.get(farInode);
  const socket: HostSocket = {
    ...common(row, inode, fd, farOf(far?.receiveQueue)),
    transport: "tcp",
    tcp: row.info,
    ...(SHUT_STATES.has(row.state) ? { isShut: true } : {}),
  };
  return { socket, far: farInode };
}

function readUnix(table: SsUnixTable, inode: string, fd: number): Found | undefined {
  const row = table.get(inode);
  if (!row) return undefined;
  const isConnection = row.state === "ESTAB";
  const far = isConnection ? table.get(row.peerInode) : undefined;
  const socket: HostSocket = {
    // A client has no name of its own; where it leads is the name that the far end was bound to.
    ...common({ ...row, peer: row.peer ?? far?.local }, inode, fd, farOf(far?.receiveQueue)),
    transport: "unix",
    ...(isConnection && row.peerInode === "0" && !row.isShut ? { isUnaccepted: true } : {}),
    ...(isConnection && row.isShut ? { isShut: true } : {}),
  };
  return { socket, far: far === undefined ? undefined : row.peerInode };
}

function farOf(unreadBytes: number | undefined): FarEnd | undefined {
  return unreadBytes === undefined ? undefined : { unreadBytes };
}

function common(
  row: { state: string; receiveQueue: number; sendQueue: number; local: string | undefined; peer: string | undefined },
  inode: string,
  fd: number,
  far: FarEnd | undefined,
): Omit<HostSocket, "transport"> {
  return {
    inode,
    fd,
    state: row.state,
    ...(row.local === undefined ? {} : { local: row.local }),
    ...(row.peer === undefined ? {} : { peer: row.peer }),
    unreadBytes: row.receiveQueue,
    unsentBytes: row.sendQueue,
    ...(far === undefined ? {} : { far }),
  };
}
