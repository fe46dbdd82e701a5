import { watch } from "chokidar";
import type { FSWatcher } from "chokidar";
import type { Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { QmpClock } from "#server/qmp/client";

/** How soon a folder that does not exist yet is noticed. */
const FOLDER_POLL_MS = 1_000;
/** What the watcher missed is found by this. */
const RESCAN_MS = 10_000;

export interface FolderWatchOptions {
  folder: string;
  /** 1: sockets in the folder; 2: in its subfolders. */
  depth: 1 | 2;
  /** Whether any pattern wants this path, given relative to the folder. */
  wants: (segments: string[]) => boolean;
  clock: QmpClock;
  /** `path` is canonical; `file` tells this file from the next of its name. Called again for sockets that are known already. */
  onSocket: (path: string, configuredPath: string, file: string) => void;
  onGone: (path: string) => void;
  /** The folder cannot be read; undefined once it can. */
  onProblem: (text: string | undefined) => void;
}

/**
 * Finds sockets in one folder, which may appear, vanish and be made again. The watcher is quick, the rescan is sure.
 * Ends with `close`.
 */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  /** By configured path, what was found there. */
  readonly #found = new Map<string, { canonical: string; file: string }>();
  #watcher: FSWatcher | undefined;
  #stopTimer: (() => void) | undefined;
  #folderInode: number | undefined;
  #isClosed = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** Resolves after the first scan; the watching goes on. */
  async start(): Promise<void> {
    await this.#round();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer?.();
    await this.#unwatch();
  }

  async #round(): Promise<void> {
    const isThere = await this.#checkFolder();
    if (isThere) await this.#scan();
    if (this.#isClosed) return;
    this.#stopTimer = this.#options.clock.setTimer(() => void this.#round(), isThere ? RESCAN_MS : FOLDER_POLL_MS);
  }

  /** A folder that was made again is another one, and needs another watcher. */
  async #checkFolder(): Promise<boolean> {
    const { folder, onProblem } = this.#options;
    const folderStat = await stat(folder).catch(() => undefined);
    if (this.#isClosed) return false;
    if (!folderStat?.isDirectory()) {
      await this.#unwatch();
      this.#dropAll();
      return false;
    }
    if (this.#watcher && this.#folderInode === folderStat.ino) return true;
    await this.#unwatch();
    if (this.#isClosed) return false;
    this.#folderInode = folderStat.ino;
    const watcher = watch(folder, {
      depth: this.#options.depth - 1,
      atomic: false,
      alwaysStat: true,
      ignorePermissionErrors: true,
      // Only folders and sockets: files beside them are nobody's business.
      ignored: (path, stats) => this.#isIgnored(path, stats),
    });
    this.#watcher = watcher;
    watcher.on("add", (path, stats) => void this.#see(path, stats));
    watcher.on("change", (path, stats) => void this.#see(path, stats));
    watcher.on("unlink", (path) => this.#lose(path));
    watcher.on("unlinkDir", (path) => {
      if (path === folder) this.#roundSoon();
    });
    watcher.on("error", (error) => onProblem(`${folder} cannot be watched: ${error instanceof Error ? error.message : String(error)}`));
    return true;
  }

  #roundSoon(): void {
    if (this.#isClosed) return;
    this.#stopTimer?.();
    this.#stopTimer = this.#options.clock.setTimer(() => void this.#round(), 0);
  }

  #isIgnored(path: string, stats: Stats | undefined): boolean {
    if (!stats || stats.isDirectory()) return false;
    return !stats.isSocket() || !this.#options.wants(this.#segments(path));
  }

  async #scan(): Promise<void> {
    const { folder, depth, onProblem } = this.#options;
    const seen = new Set<string>();
    try {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (depth === 1) {
          if (await this.#seeAgain(path)) seen.add(path);
        } else if (entry.isDirectory()) {
          for (const name of await readdir(path).catch(() => [])) {
            if (await this.#seeAgain(join(path, name))) seen.add(join(path, name));
          }
        }
      }
      onProblem(undefined);
    } catch (error) {
      onProblem(`${folder} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    for (const path of [...this.#found.keys()]) if (!seen.has(path)) this.#lose(path);
  }

  async #seeAgain(path: string): Promise<boolean> {
    if (!this.#options.wants(this.#segments(path))) return false;
    const stats = await stat(path).catch(() => undefined);
    if (!stats?.isSocket()) return false;
    await this.#see(path, stats);
    return true;
  }

  async #see(path: string, given: Stats | undefined): Promise<void> {
    const stats = given ?? (await stat(path).catch(() => undefined));
    if (!stats?.isSocket() || !this.#options.wants(this.#segments(path))) return;
    // An inode number is used again as soon as its file is gone; with the time of birth it is one file's alone.
    const file = `${stats.ino}.${stats.birthtimeMs}`;
    const known = this.#found.get(path);
    // With thousands of sockets, resolving the path of each at each rescan is what a rescan costs most.
    const canonical = known?.file === file ? known.canonical : await realpath(path).catch(() => undefined);
    if (canonical === undefined || this.#isClosed) return;
    this.#found.set(path, { canonical, file });
    this.#options.onSocket(canonical, path, file);
  }

  #lose(path: string): void {
    const found = this.#found.get(path);
    if (found === undefined) return;
    this.#found.delete(path);
    this.#options.onGone(found.canonical);
  }

  #dropAll(): void {
    for (const path of [...this.#found.keys()]) this.#lose(path);
  }

  #segments(path: string): string[] {
    return relative(this.#options.folder, path).split(sep);
  }

  async #unwatch(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#folderInode = undefined;
    await watcher?.close();
  }
}
