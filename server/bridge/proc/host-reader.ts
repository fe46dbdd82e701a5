import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findFrozenCgroup, parseCgroupMounts } from "./cgroup-freeze.ts";
import type { CgroupMounts } from "./cgroup-freeze.ts";
import type { HostAnswer, HostProcess, HostQuestion, HostTarget } from "./host-reading.ts";
import { isNotPermitted } from "./listener-search.ts";
import { parseProcessStat } from "./process-stat.ts";
import { SocketReader } from "./socket-reader.ts";
import type { SocketReaderOptions } from "./socket-reader.ts";
import { readChildren, readMainThread, readThreads } from "./thread-reader.ts";

export interface HostReaderOptions extends SocketReaderOptions {
  readonly readCgroupFile?: (path: string) => string | undefined;
}

/**
 * What the kernel tells of some QEMU processes at one moment. Runs in the helper process; reads only files that the
 * kernel answers without waiting for the process.
 */
export class HostReader {
  readonly #root: string;
  readonly #sockets: SocketReader;
  readonly #readCgroupFile: (path: string) => string | undefined;
  #mounts: CgroupMounts | undefined;

  constructor(options: HostReaderOptions = {}) {
    this.#root = options.root ?? "/proc";
    this.#sockets = new SocketReader(options);
    this.#readCgroupFile = options.readCgroupFile ?? readOrUndefined;
  }

  async read({ targets }: HostQuestion): Promise<HostAnswer> {
    const startedMs = performance.now();
    const sockets = await this.#sockets.read(targets);
    const processes = targets.map((target, at) => this.#readOne(target, sockets[at] ?? { unread: "gone" }));
    return { tookMs: performance.now() - startedMs, processes };
  }

  /** Its frozen cgroup; undefined where it is in none, or where that cannot be read. */
  frozenCgroup(pid: number): string | undefined {
    const cgroup = readOrUndefined(join(this.#root, String(pid), "cgroup"));
    if (cgroup === undefined) return undefined;
    this.#mounts ??= parseCgroupMounts(readOrUndefined(join(this.#root, "self/mountinfo")) ?? "");
    return findFrozenCgroup(cgroup, this.#mounts, this.#readCgroupFile);
  }

  #readOne(target: HostTarget, sockets: HostProcess["sockets"]): HostProcess {
    const { pid, startTimeTicks, withThreads, vcpuTids } = target;
    let state: string;
    try {
      const stat = parseProcessStat(readFileSync(join(this.#root, String(pid), "stat"), "utf8"));
      if (!stat || (startTimeTicks !== undefined && stat.startTimeTicks !== startTimeTicks)) return gone(pid);
      state = stat.state;
    } catch (error) {
      return isNotPermitted(error) ? { pid, unread: "not-permitted", sockets: { unread: "not-permitted" } } : gone(pid);
    }
    const frozenCgroup = this.frozenCgroup(pid);
    return {
      pid,
      state,
      ...(frozenCgroup === undefined ? {} : { frozenCgroup }),
      main: readMainThread(this.#root, pid),
      ...(withThreads ? this.#threads(pid, vcpuTids) : {}),
      sockets,
    };
  }

  #threads(pid: number, vcpuTids: readonly number[]): Pick<HostProcess, "threads" | "children"> {
    try {
      const children = readChildren(this.#root, pid);
      return { threads: readThreads(this.#root, pid, vcpuTids), ...(children.length === 0 ? {} : { children }) };
    } catch {
      return {};
    }
  }
}

function gone(pid: number): HostProcess {
  return { pid, unread: "gone", sockets: { unread: "gone" } };
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
