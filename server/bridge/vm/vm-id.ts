import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { VmId } from "#lib/vm/report";
import type { MonitorAddress } from "./ports.ts";

/** The address as text: a path, or `host:port`. */
export function addressText(address: MonitorAddress): string {
  return address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
}

/** Twelve hex digits of the bridge and the address: known before connecting, the same for ever. */
export function makeVmId(bridgeId: string, address: MonitorAddress): VmId {
  return createHash("sha256")
    .update(`${bridgeId}\n${addressText(address)}`)
    .digest("hex")
    .slice(0, 12);
}

/** What a VM is called that has no name of its own: its socket's. */
export function nameFromAddress(address: MonitorAddress): string {
  return address.kind === "unix" ? basename(address.path).replace(/\.(sock|socket|qmp|monitor)$/, "") : addressText(address);
}
