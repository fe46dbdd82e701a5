import { stringify } from "yaml";
import type { SettingsView } from "#lib/api/settings";
import type { ResolvedConfig } from "#server/config/read-config";

/** The effective configuration as operators read it: defaults filled in, what only exists at run time put in its place. */
export function viewSettings({
  resolved,
  version,
  build,
  startedAtMs,
}: {
  resolved: ResolvedConfig;
  version: string;
  build: string | undefined;
  startedAtMs: number;
}): SettingsView {
  const { config, dataDir, bridgeId, bridgeLabel, file } = resolved;
  const effective = {
    ...withoutUndefined(config),
    notify: config.notify.map((target) => withoutUndefined(withHiddenUrl(target))),
    ...(config.deadMan === undefined ? {} : { deadMan: withoutUndefined(withHiddenUrl(config.deadMan)) }),
    dataDir,
    bridge: { id: bridgeId, label: bridgeLabel, ...withoutUndefined(config.bridge) },
  };
  return {
    version,
    ...(build === undefined ? {} : { build }),
    startedAtMs,
    ...(file === undefined ? {} : { file }),
    dataDir,
    yaml: stringify(effective, { lineWidth: 0 }),
  };
}

/** Paths of receivers are secrets as often as not. */
function withHiddenUrl<T extends { url?: string }>(value: T): T {
  if (value.url === undefined) return value;
  return { ...value, url: `${new URL(value.url).origin}/…` };
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
