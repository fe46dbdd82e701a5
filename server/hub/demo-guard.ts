import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { ResolvedConfig } from "#server/config/read-config";

/**
 * Why a hub without an access token must not run with this config; undefined where every monitor and the data folder lie
 * beside the config file, so that it can reach nothing but what the demo made for itself.
 */
export function refuseDemo({ config, file, dataDir }: ResolvedConfig): string | undefined {
  if (file === undefined) return "a demo needs a config file of its own";
  const folder = `${realPath(dirname(resolve(file)))}${sep}`;
  const isInside = (path: string) => realPath(resolve(path)).startsWith(folder);
  if (!isInside(dataDir)) return `dataDir ${dataDir} is not below ${folder}`;
  for (const monitor of config.bridge.monitors) {
    if ("tcp" in monitor) return `monitor ${monitor.tcp} is not below ${folder}`;
    if (!isInside(monitor.path)) return `monitor ${monitor.path} is not below ${folder}`;
  }
  if (config.bridges.length > 0) return "a demo takes no bridges from elsewhere";
  return undefined;
}

/** Where a path leads once its links are followed, as far as it exists; the rest of it may be a pattern. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const parent = dirname(path);
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT") || parent === path) throw error;
    const folder = realPath(parent);
    const target = readLink(join(folder, basename(path)));
    // A link that leads nowhere yet may lead somewhere later.
    return target === undefined ? join(folder, basename(path)) : realPath(resolve(folder, target));
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
