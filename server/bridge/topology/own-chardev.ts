import type { MonitorAddress } from "../vm/ports.ts";
import { readCommandLineFacts } from "./command-line.ts";
import type { ChardevReading } from "./topology.ts";

/**
 * The id of the chardev that carries our own monitor. The bridge knows only the address it dialled, so the address that
 * QEMU itself names for a listening chardev is compared, then the command line's. Undefined where neither names it: such
 * a chardev has no owner and is refused for that.
 */
export function findOwnChardev(
  address: MonitorAddress,
  chardevs: ReadonlyMap<string, ChardevReading> | undefined,
  commandLine: readonly string[] | undefined,
): string | undefined {
  const isOurs = (candidate: string | undefined): boolean => candidate !== undefined && sameAddress(candidate, address);
  for (const [label, chardev] of chardevs ?? []) {
    if (chardev.isServer && isOurs(chardev.address)) return label;
  }
  if (!commandLine) return undefined;
  for (const [id, chardev] of readCommandLineFacts(commandLine).chardevs) {
    if (!chardev.isServer) continue;
    if (isOurs(chardev.path === undefined ? `tcp:${chardev.host ?? ""}:${chardev.port ?? ""}` : `unix:${chardev.path}`)) return id;
  }
  return undefined;
}

function sameAddress(candidate: string, address: MonitorAddress): boolean {
  switch (address.kind) {
    case "unix":
      return candidate === `unix:${address.path}`;
    case "tcp": {
      const at = candidate.lastIndexOf(":");
      // One port has one listener whatever its host is called: "localhost", "127.0.0.1", "" for every interface.
      return candidate.startsWith("tcp:") && candidate.slice(at + 1) === String(address.port);
    }
  }
}
