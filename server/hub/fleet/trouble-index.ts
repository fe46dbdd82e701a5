import type { FarSidePeers } from "#lib/diagnosis/rank-suspects";
import { isTrouble } from "#lib/health/verdict";
import { serverOf } from "#lib/incident/leads";
import type { VmId, VmReport } from "#lib/vm/report";

/**
 * Which VMs in trouble lead to which server, over all hosts. A VM whose bridge is lost counts as it was last known. The
 * work for one report does not depend on how many others lead there.
 */
export class TroubleIndex {
  readonly #byServer = new Map<string, Set<VmId>>();
  readonly #serversOf = new Map<VmId, Set<string>>();

  /** @returns the servers whose number of VMs has changed by it. */
  set({ vmId, health, instances }: VmReport): string[] {
    const servers = new Set<string>();
    if (isTrouble(health.verdict.kind)) {
      for (const instance of instances) {
        const server = instance.isMonitor === true ? undefined : serverOf(instance);
        if (server) servers.add(server.key);
      }
    }
    return this.#replace(vmId, servers);
  }

  remove(vmId: VmId): string[] {
    return this.#replace(vmId, new Set());
  }

  /** The VMs in trouble that lead to a server. */
  vmsOf(serverKey: string): Iterable<VmId> {
    return this.#byServer.get(serverKey) ?? [];
  }

  /** What one VM is told of the others. */
  peersOf({ vmId, instances }: VmReport): FarSidePeers {
    return {
      troubledCount: (farSideKey) => {
        const server = instances.map(({ farSide }) => (farSide?.key === farSideKey ? serverOf({ farSide }) : undefined)).find(Boolean);
        const troubled = this.#byServer.get(server?.key ?? farSideKey);
        return troubled === undefined ? 0 : troubled.size - (troubled.has(vmId) ? 1 : 0);
      },
    };
  }

  #replace(vmId: VmId, servers: Set<string>): string[] {
    const before = this.#serversOf.get(vmId) ?? new Set();
    const gone = [...before].filter((key) => !servers.has(key));
    const come = [...servers].filter((key) => !before.has(key));
    for (const key of gone) {
      const troubled = this.#byServer.get(key);
      troubled?.delete(vmId);
      if (troubled?.size === 0) this.#byServer.delete(key);
    }
    for (const key of come) {
      const troubled = this.#byServer.get(key);
      if (troubled) troubled.add(vmId);
      else this.#byServer.set(key, new Set([vmId]));
    }
    if (servers.size > 0) this.#serversOf.set(vmId, servers);
    else this.#serversOf.delete(vmId);
    return [...gone, ...come];
  }
}
