import { hostname } from "node:os";
import type { Config } from "#lib/config/schema";
import { globToRegExp } from "./discovery/monitor-pattern.ts";
import type { VmSettings } from "./vm/vm-host.ts";

/** The id of a bridge that the config does not name: the host's name, in the characters that an id may have. */
export function defaultBridgeId(config: Config): string {
  if (config.bridge.id !== undefined) return config.bridge.id;
  const name = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
  return name.slice(0, 64) || "bridge";
}

export function defaultBridgeLabel(config: Config): string {
  return config.bridge.label ?? (hostname().slice(0, 64) || "this host");
}

/**
 * What the config says of a VM by its name. Every entry of `vms` that matches adds its tags; where two set the same
 * threshold the later one wins. Names repeat and so do their settings, which are shared.
 */
export class SettingsTable {
  readonly #config: Config;
  readonly #globs: readonly RegExp[];
  readonly #shared: VmSettings;

  constructor(config: Config) {
    this.#config = config;
    this.#globs = config.vms.map((entry) => globToRegExp(entry.match));
    this.#shared = this.#make([]);
  }

  settingsFor(name: string): VmSettings {
    const matching = this.#config.vms.filter((_entry, index) => this.#globs[index]?.test(name));
    return matching.length === 0 ? this.#shared : this.#make(matching);
  }

  #make(entries: Config["vms"]): VmSettings {
    const { intervalMs, ...thresholds } = this.#config.bridge.probe;
    const settings: VmSettings = {
      intervalMs,
      thresholds,
      tags: [],
      mayQueryBlock: this.#config.queries.block,
      mayReadVirtqueues: this.#config.queries.virtioQueues,
      mayEnableMigrationEvents: this.#config.queries.enableMigrationEvents,
    };
    for (const { tags, probe } of entries) {
      for (const tag of tags) if (!settings.tags.includes(tag)) settings.tags.push(tag);
      if (!probe) continue;
      const { intervalMs: ownIntervalMs, ...ownThresholds } = probe;
      settings.intervalMs = ownIntervalMs ?? settings.intervalMs;
      settings.thresholds = { ...settings.thresholds, ...withoutUndefined(ownThresholds) };
    }
    return settings;
  }
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
