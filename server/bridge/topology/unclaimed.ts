import { isKnownYankInstance } from "#lib/qapi/yank";
import type { YankInstance } from "#lib/qapi/yank";
import { readCommandLineFacts } from "./command-line.ts";
import { isWellKnownMonitor } from "./monitor-names.ts";
import type { Topology } from "./topology.ts";

/**
 * Whether something is listed that nothing was found to use. It may be spare; or it was just added, and the device for it
 * comes a moment later, of which no event will tell.
 */
export function hasUnclaimed(topology: Topology, instances: readonly YankInstance[], commandLine: readonly string[] | undefined): boolean {
  const monitors = commandLine && readCommandLineFacts(commandLine).monitorChardevs;
  return instances.some((instance) => {
    if (!isKnownYankInstance(instance) || instance.type === "migration") return false;
    if (instance.type === "block-node") {
      const node = topology.blockNodes.get(instance["node-name"]);
      return node?.isGraphRead === true && !node.disk && node.jobs.length === 0 && node.exportIds === undefined;
    }
    const name = instance.id.endsWith("-base") ? instance.id.slice(0, -"-base".length) : instance.id;
    const isKnown = [instance.id, name].some((id) => topology.owners.has(id) || monitors?.has(id) === true || isWellKnownMonitor(id));
    return !isKnown;
  });
}
