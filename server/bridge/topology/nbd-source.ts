/** Where an NBD export is: a socket on this host, or an address. */
export type NbdSource =
  { readonly path: string; readonly exportName: string } | { readonly host: string; readonly port: string; readonly exportName: string };

const DEFAULT_PORT = "10809";

/**
 * Takes a file name of an NBD node apart: as QEMU writes it, where the export name is not escaped, so that it is cut out
 * and not parsed; or as people do on the command line, with the old `nbd:host:port:exportname=…` too.
 * @see QEMU block/nbd.c, nbd_refresh_filename and nbd_parse_filename
 */
export function parseNbdFileName(fileName: string): NbdSource | undefined {
  if (fileName.startsWith("json:")) return parseJsonFileName(fileName.slice("json:".length));
  const unix = /^nbd\+unix:\/\/\/(.*)\?socket=(.+)$/s.exec(fileName);
  if (unix) return { path: unix[2] ?? "", exportName: unix[1] ?? "" };
  const tcp = /^nbds?(?:\+tcp)?:\/\/([^/]+)(?:\/(.*))?$/s.exec(fileName);
  if (tcp) {
    // QEMU writes IPv6 addresses without brackets and always with a port.
    const [, host, port] = /^(.+):(\d+)$/.exec(tcp[1] ?? "") ?? [];
    return { host: host ?? tcp[1] ?? "", port: port ?? DEFAULT_PORT, exportName: tcp[2] ?? "" };
  }
  return parseLegacyFileName(fileName);
}

function parseLegacyFileName(fileName: string): NbdSource | undefined {
  if (!fileName.startsWith("nbd:") || fileName.startsWith("nbd://")) return undefined;
  const [address = "", exportName = ""] = fileName.slice("nbd:".length).split(/:exportname=(.*)/s, 2);
  if (address.startsWith("unix:")) return address === "unix:" ? undefined : { path: address.slice("unix:".length), exportName };
  const at = /^(.*):(\d+)$/.exec(address);
  return at ? { host: at[1] ?? "", port: at[2] ?? "", exportName } : undefined;
}

function parseJsonFileName(json: string): NbdSource | undefined {
  const value = parseJson(json);
  const text = (candidate: unknown): string | undefined => (typeof candidate === "string" ? candidate : undefined);
  if (member(value, "driver") !== "nbd") return undefined;
  const server = member(value, "server");
  const of = (name: string) => text(member(server, name)) ?? text(member(value, `server.${name}`)) ?? text(member(value, name));
  const exportName = text(member(value, "export")) ?? "";
  const [path, host, port] = [of("path"), of("host"), of("port")];
  if (path !== undefined) return { path, exportName };
  return host !== undefined && port !== undefined ? { host, port, exportName } : undefined;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function member(object: unknown, name: string): unknown {
  return typeof object === "object" && object !== null ? (object as Record<string, unknown>)[name] : undefined;
}
