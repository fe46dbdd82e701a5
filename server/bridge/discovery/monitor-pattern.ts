import { isIP } from "node:net";
import { basename, dirname, normalize } from "node:path";
import type { MonitorConfig } from "#lib/config/schema";

/** Longest path that fits a unix socket's address on Linux, without its closing zero. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** One `path` entry of the config, taken apart: a folder to watch and what to look for in it. */
export interface PathPattern {
  kind: "path";
  order: number;
  /** The deepest folder without wildcards. */
  folder: string;
  /** Patterns of the one or two segments below it. */
  segments: RegExp[];
  /** Without wildcards. */
  isExplicit: boolean;
  takeOver: boolean;
  path: string;
}

export interface TcpTarget {
  kind: "tcp";
  order: number;
  host: string;
  port: number;
}

/** @throws Error with words for the operator where the entry cannot be used. */
export function parseMonitor(config: MonitorConfig, order: number, allowRemoteTcp: boolean): PathPattern | TcpTarget {
  return "tcp" in config ? parseTcp(config.tcp, order, allowRemoteTcp) : parsePath(config.path, config.takeOver, order);
}

/** `*` and `?` within one segment, nothing else. */
export function globToRegExp(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", "[^/]*").replaceAll("?", "[^/]")}$`, "s");
}

function parsePath(text: string, takeOver: boolean, order: number): PathPattern {
  const path = normalize(text);
  const name = basename(path);
  const parent = dirname(path);
  const folderName = basename(parent);
  if (hasWildcard(dirname(parent)) || name === "") {
    throw new Error(`${text}: wildcards may stand in the last two segments of a path only`);
  }
  const isExplicit = !hasWildcard(path);
  if (isExplicit && Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new Error(`${text}: a socket's path has at most ${MAX_SOCKET_PATH_BYTES} bytes`);
  }
  const isDeep = hasWildcard(folderName);
  return {
    kind: "path",
    order,
    folder: isDeep ? dirname(parent) : parent,
    segments: isDeep ? [globToRegExp(folderName), globToRegExp(name)] : [globToRegExp(name)],
    isExplicit,
    takeOver,
    path,
  };
}

function parseTcp(text: string, order: number, allowRemoteTcp: boolean): TcpTarget {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(text.slice(colon + 1));
  if (port < 1 || port > 65_535) throw new Error(`${text}: a port is 1 to 65535`);
  if (!allowRemoteTcp && !isLoopback(host)) {
    throw new Error(`${text}: a monitor over TCP has no authentication, so only loopback is used unless bridge.allowRemoteTcp is set`);
  }
  return { kind: "tcp", order, host, port };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function hasWildcard(text: string): boolean {
  return /[*?]/.test(text);
}
