/** TCP_LISTEN in the `st` column of /proc/net/tcp. */
const LISTEN = "0A";
const ROW = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) +(?:\S+ +){3}\d+ +\d+ +(\d+)/;
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::", "::ffff:0.0.0.0"]);
const LOOPBACKS: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);

/**
 * The inode of the socket that listens at host:port, out of /proc/net/tcp and tcp6; a wildcard listener counts where none
 * is bound to the address itself. A host that is no loopback address is not looked up: it is not on this machine.
 * @see Linux net/ipv4/tcp_ipv4.c, get_tcp4_sock: addresses in host byte order, 32 bits at a time
 */
export function findTcpListener(tables: readonly string[], host: string, port: number): string | undefined {
  const wanted = host === "localhost" || host === "" ? LOOPBACKS : new Set([host.replace(/^\[|\]$/g, ""), `::ffff:${host}`]);
  let wildcard: string | undefined;
  for (const table of tables) {
    for (const line of table.split("\n")) {
      const [, address = "", hexPort = "", state, inode] = ROW.exec(line) ?? [];
      if (state !== LISTEN || inode === undefined || inode === "0" || Number.parseInt(hexPort, 16) !== port) continue;
      const bound = decodeAddress(address);
      if (wanted.has(bound)) return inode;
      if (WILDCARDS.has(bound)) wildcard ??= inode;
    }
  }
  const isHere = [...wanted].some((address) => LOOPBACKS.has(address) || WILDCARDS.has(address) || address.startsWith("127."));
  return isHere ? wildcard : undefined;
}

/** "0100007F" → 127.0.0.1; 32 digits → IPv6, in the shortest of the forms that are compared here. */
export function decodeAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (isMapped) return `::ffff:${bytes.slice(12).join(".")}`;
  if (bytes.every((byte) => byte === 0)) return "::";
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[at * 2] ?? 0) * 256 + (bytes[at * 2 + 1] ?? 0)).toString(16));
  return groups.join(":");
}
