import type { FarSide } from "#lib/vm/instance";
import type { NbdSource } from "./nbd-source.ts";

/**
 * Canonical keys for the other end of a connection. A unix path and a loopback address mean something on one host only,
 * so they carry the host: two VMs with equal keys depend on the same thing.
 * @param host an id of this host that no other host shares (the bridge's id).
 */
export function nbdFarSide(source: NbdSource, host: string): FarSide {
  if ("path" in source) return nbdExport(`nbd:unix:${host}:${source.path}`, `NBD server ${source.path}`, source);
  return nbdExport(`nbd:${tcpKey(source.host, source.port, host)}`, `NBD server ${source.host}:${source.port}`, source);
}

function nbdExport(serverKey: string, serverText: string, nbd: NbdSource): FarSide {
  const { exportName } = nbd;
  const exportText = exportName === "" ? "the default export" : `export ${exportName}`;
  return { key: `${serverKey}:${exportName}`, text: `${serverText}, ${exportText}`, server: { key: serverKey, text: serverText }, nbd };
}

/** @param address `unix:/path` or `tcp:host:port` as in `ChardevReading`. */
export function chardevFarSide(address: string, isServer: boolean, host: string): FarSide | undefined {
  const [kind, rest] = [address.slice(0, address.indexOf(":")), address.slice(address.indexOf(":") + 1)];
  if (rest === "") return undefined;
  const key = kind === "tcp" ? tcpKey(...splitPort(rest), host) : `unix:${host}:${rest}`;
  // The peer of a listening socket comes and goes; where it listens is what stays the same.
  return isServer ? { key: `listen:${key}`, text: `whoever connects to ${rest}` } : { key, text: rest };
}

/** Migration uris: `tcp:host:port`, `unix:/path`, `exec:…`, `fd:…`. Undefined where the uri names no peer. */
export function migrationFarSide(uri: string, host: string): FarSide | undefined {
  if (uri.startsWith("tcp:")) return { key: tcpKey(...splitPort(uri.slice(4)), host), text: uri };
  if (uri.startsWith("unix:")) return { key: `unix:${host}:${uri.slice(5)}`, text: uri };
  return uri === "" ? undefined : { key: `${uri.split(":", 1)[0]}:${host}:${uri}`, text: uri };
}

function tcpKey(peer: string, port: string, host: string): string {
  const bare = peer.replace(/^\[|\]$/g, "").toLowerCase();
  const isLoopback = bare === "localhost" || bare === "::1" || bare.startsWith("127.");
  return isLoopback ? `tcp:${host}:localhost:${port}` : `tcp:${bare}:${port}`;
}

function splitPort(address: string): [string, string] {
  const at = address.lastIndexOf(":");
  return at < 0 ? [address, ""] : [address.slice(0, at), address.slice(at + 1)];
}
