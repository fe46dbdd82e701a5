import type { MonitorConfig } from "#lib/config/schema";
import type { QmpClock } from "#server/qmp/client";
import type { MonitorSpot } from "../vm/vm-host.ts";
import { FolderWatch } from "./folder-watch.ts";
import { foreignOwner } from "./foreign-sockets.ts";
import { MAX_SOCKET_PATH_BYTES, parseMonitor } from "./monitor-pattern.ts";
import type { PathPattern } from "./monitor-pattern.ts";

export interface DiscoveryOptions {
  monitors: readonly MonitorConfig[];
  allowRemoteTcp: boolean;
  clock: QmpClock;
  onAppeared: (spot: MonitorSpot, file: string | undefined) => void;
  onVanished: (address: string) => void;
}

/** Turns the config's `monitors` into addresses, and goes on looking for them. Ends with `close`. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #watches: FolderWatch[] = [];
  readonly #problems = new Map<string, string>();
  readonly #entryProblems: string[] = [];

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** What operators should know: entries that cannot be used, folders that cannot be read. */
  notices(): string[] {
    return [...this.#entryProblems, ...this.#problems.values()];
  }

  /** Resolves after the first look; the watching goes on. */
  async start(): Promise<void> {
    const patterns: PathPattern[] = [];
    for (const [order, config] of this.#options.monitors.entries()) {
      try {
        const target = parseMonitor(config, order, this.#options.allowRemoteTcp);
        if (target.kind === "path") patterns.push(target);
        else {
          const { host, port } = target;
          this.#options.onAppeared({ address: { kind: "tcp", host, port }, order, isExplicit: true, isNotOurs: false }, undefined);
        }
      } catch (error) {
        this.#entryProblems.push(error instanceof Error ? error.message : String(error));
      }
    }
    const groups = Map.groupBy(patterns, ({ folder, segments }) => `${segments.length} ${folder}`);
    for (const group of groups.values()) this.#watch(group);
    await Promise.all(this.#watches.map((watch) => watch.start()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  #watch(patterns: PathPattern[]): void {
    const [first] = patterns;
    if (!first) return;
    const { folder, segments } = first;
    const watch = new FolderWatch({
      folder,
      depth: segments.length === 2 ? 2 : 1,
      clock: this.#options.clock,
      wants: (path) => patterns.some((pattern) => matches(pattern, path)),
      onSocket: (path, configuredPath, file) => this.#found(patterns, path, configuredPath, file),
      onGone: (path) => this.#options.onVanished(path),
      onProblem: (text) => {
        if (text === undefined) this.#problems.delete(folder);
        else this.#problems.set(folder, text);
      },
    });
    this.#watches.push(watch);
  }

  #found(patterns: PathPattern[], path: string, configuredPath: string, file: string): void {
    const matching = patterns.filter((each) => matches(each, configuredPath.slice(each.folder.length).split("/").filter(Boolean)));
    const [first] = matching;
    if (!first) return;
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
      this.#problems.set(path, `${path}: a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
      return;
    }
    const isExplicit = matching.some((each) => each.isExplicit);
    const isForeign = (foreignOwner(path) ?? foreignOwner(configuredPath)) !== undefined;
    // A glob never takes anything over: that has to be said of each socket by its full name.
    const isNotOurs = isForeign && !matching.some((each) => each.isExplicit && each.takeOver);
    if (isNotOurs && !isExplicit) return;
    const { order } = first;
    this.#options.onAppeared({ address: { kind: "unix", path }, order, isExplicit, isNotOurs }, file);
  }
}

function matches(pattern: PathPattern, segments: string[]): boolean {
  return segments.length === pattern.segments.length && pattern.segments.every((glob, index) => glob.test(segments[index] ?? ""));
}
