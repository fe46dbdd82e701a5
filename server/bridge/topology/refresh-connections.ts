import type { AskInBand } from "../vm/ports.ts";
import { parseChardevs } from "./chardev-list.ts";
import type { Topology } from "./topology.ts";

/**
 * Which chardevs are connected now, in one `query-chardev`, which touches no storage. No event tells that a console's
 * client came or went, and a plan must not say "nothing is connected" from a reading of an hour ago. What serves what is
 * kept: only a whole reading establishes that.
 * @returns the same object where nothing changed, also where the answer cannot be read. Rejects as `ask` does.
 */
export async function refreshConnections(ask: AskInBand, topology: Topology): Promise<Topology> {
  const { chardevs } = topology;
  if (chardevs === undefined) return topology;
  const answer = parseChardevs(await ask("query-chardev"));
  if (answer === undefined) return topology;
  let hasChanged = false;
  const refreshed = new Map(chardevs);
  for (const [label, reading] of chardevs) {
    const now = answer.get(label);
    if (now === undefined || now.isConnected === reading.isConnected) continue;
    hasChanged = true;
    // A connected peer may be named by the new answer only, a listening address by the former reading only.
    refreshed.set(label, { ...reading, isConnected: now.isConnected, address: reading.address ?? now.address });
  }
  return hasChanged ? { ...topology, chardevs: refreshed } : topology;
}
