import type { HealthView, InstanceView } from "../api/vm.ts";
import { assertNever } from "../assert-never.ts";
import type { FarSide } from "../vm/instance.ts";
import type { ConditionSource } from "./condition.ts";
import type { CauseKind } from "./incident.ts";

/**
 * One thing that may be the cause of a VM's trouble, from what is known of this VM alone.
 * - `alone`: enough by itself, because the first suspect leads there.
 * - `paired`: the other side of the same migration; whoever else has it belongs to it.
 * - `shared`: means something only when other VMs in trouble have it too.
 */
export interface Lead {
  kind: Exclude<CauseKind, "vm">;
  key: string;
  /** For people: "NBD server 10.0.4.15:10809". */
  text: string;
  /** The same for this VM's own part of it: "NBD server 10.0.4.15:10809, export exp". */
  ownText: string;
  weight: "alone" | "paired" | "shared";
}

type Strength = "strong" | "weak";

/** The best first. Pure; claims no more than the suspicions do. */
export function leadsOf(vm: ConditionSource): Lead[] {
  const strong = strongSuspects(vm.instances);
  const leads: Lead[] = [];
  if (strong.length > 0) {
    const servers = new Set(strong.map((instance) => serverOf(instance)?.key));
    // Two connections to one server are one lead; to two servers, neither of them alone is the cause.
    for (const instance of strong) leads.push(...leadsThrough(vm, instance, servers.size === 1 ? "strong" : "weak"));
  } else if (mayHangOnFarSide(vm.health)) {
    for (const score of ["possible", "cannot-tell"] as const) {
      for (const instance of vm.instances) {
        if (instance.isMonitor !== true && instance.suspicion.score === score) leads.push(...leadsThrough(vm, instance, "weak"));
      }
    }
  }
  const host = hostLead(vm);
  if (host) leads.push(host);
  return oncePerKey(leads);
}

/** Those that stand out: all of the best score, where that is more than "possible". */
function strongSuspects(instances: readonly InstanceView[]): InstanceView[] {
  for (const score of ["almost-certainly", "likely"] as const) {
    const found = instances.filter((instance) => instance.suspicion.score === score);
    if (found.length > 0) return found;
  }
  return [];
}

/** What many VMs can share: the server, and not their part of it; never a place where the VM itself listens. */
export function serverOf({ farSide }: { farSide?: FarSide }): { key: string; text: string } | undefined {
  return farSide === undefined || farSide.key.startsWith("listen:") ? undefined : (farSide.server ?? farSide);
}

function leadsThrough(vm: ConditionSource, instance: InstanceView, strength: Strength): Lead[] {
  if (instance.instance.type === "migration") return migrationLeads(vm, instance, strength);
  const server = serverOf(instance);
  if (!server) return [];
  const weight = strength === "strong" ? "alone" : "shared";
  return [{ kind: "far-side", key: server.key, text: server.text, ownText: instance.farSide?.text ?? server.text, weight }];
}

function migrationLeads(vm: ConditionSource, instance: InstanceView, strength: Strength): Lead[] {
  const { migration } = vm;
  if (migration === undefined || ["none", "completed", "failed", "cancelled"].includes(migration.status)) return [];
  const text = `migration of ${vm.name}`;
  const paired = (key: string): Lead => ({ kind: "migration", key, text, ownText: text, weight: "paired" });
  const leads: Lead[] = [];
  const peer = migration.direction === "outgoing" ? migrationPeer(instance.farSide) : undefined;
  if (peer) {
    const weight = strength === "strong" || vm.health.kind === "migration-stalled" ? "alone" : "shared";
    const to = `migration to ${peer.text}`;
    leads.push({ kind: "migration", key: `migration:to:${peer.key}`, text: to, ownText: to, weight });
  }
  // Both sides of one migration are one machine, and in most cases say so by their uuid.
  if (vm.uuid !== undefined && /[1-9a-f]/i.test(vm.uuid)) leads.push(paired(`migration:vm:${vm.uuid}`));
  if (instance.farSide) leads.push(paired(`migration:through:${instance.farSide.key}`));
  for (const { transport, local, peer: far } of instance.sockets ?? []) {
    if (transport !== "tcp" || local === undefined || far === undefined) continue;
    const ends = [local, far].toSorted().join("|");
    leads.push(paired(`migration:connection:${/\b127\.|::1/.test(ends) ? `${vm.bridgeId}:` : ""}${ends}`));
  }
  return leads;
}

/** Where a migration goes. Each takes a port of its own, so that what several have in common is the host. */
function migrationPeer(farSide: FarSide | undefined): { key: string; text: string } | undefined {
  if (!farSide) return undefined;
  const tcp = /^tcp:(.+):\d*$/s.exec(farSide.key);
  return tcp ? { key: tcp[1] ?? farSide.key, text: tcp[1] ?? farSide.text } : { key: farSide.key, text: farSide.text };
}

/** Whether this kind of trouble can come from the other end of a connection. */
function mayHangOnFarSide(health: HealthView): boolean {
  switch (health.kind) {
    case "main-loop-hung":
    case "io-stalled":
    case "migration-stalled":
      return true;
    case "silent":
      return health.reason === "unknown" || health.reason === "no-oob";
    case "guest-stopped":
      return health.runState === "io-error";
    case "unreachable":
    case "unknown":
    case "monitor-busy":
    case "slow":
    case "healthy":
      return false;
    default:
      return assertNever(health);
  }
}

/** What is the host's doing when it befalls several of its VMs. */
function hostLead({ bridgeId, host, health, process }: ConditionSource): Lead | undefined {
  const what = hostTrouble(health, process?.condition);
  if (what === undefined) return undefined;
  const text = `${HOST_TROUBLES[what]} on ${host}`;
  return { kind: "host", key: `host:${bridgeId}:${what}`, text, ownText: text, weight: "shared" };
}

const HOST_TROUBLES = {
  stopped: "processes stopped",
  frozen: "processes frozen by their cgroup",
  uninterruptible: "processes waiting inside the kernel (storage)",
  gone: "processes gone",
  silent: "processes that answer nothing",
  unreachable: "monitors that the bridge cannot reach",
} as const;

function hostTrouble(health: HealthView, condition: string | undefined): keyof typeof HOST_TROUBLES | undefined {
  if (condition === "stopped" || condition === "frozen" || condition === "uninterruptible") return condition;
  if (health.kind === "unreachable") return health.reason === "process-gone" ? "gone" : "unreachable";
  if (health.kind !== "silent") return undefined;
  switch (health.reason) {
    case "stopped":
    case "frozen":
    case "uninterruptible":
      return health.reason;
    case "zombie":
      return "gone";
    case "no-oob":
    case "unknown":
      return "silent";
    default:
      return assertNever(health);
  }
}

function oncePerKey(leads: readonly Lead[]): Lead[] {
  const seen = new Set<string>();
  return leads.filter((lead) => !seen.has(lead.key) && seen.add(lead.key));
}
