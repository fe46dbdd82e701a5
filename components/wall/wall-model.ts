import type { BridgeView, VmSummary } from "#lib/api/vm";
import { HEALTH_KINDS, isTrouble, severityRank } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { IncidentSummary } from "#lib/incident/incident";
import { isBridgeBehind } from "../realtime/freshness.ts";
import { migrationFraction } from "../vm/migration-progress.ts";
import { isHostShown } from "./wall-options.ts";
import type { WallOptions } from "./wall-options.ts";

/** One thing that is wrong: an incident, or VMs in trouble that belong to none yet. */
export interface WallItem {
  id: string;
  kind: HealthKind;
  /** "17 hung", "erp-01 stalled at 61 %". */
  headline: string;
  /** "NBD server 10.0.4.15:10809, export exp". */
  cause: string;
  hosts: string[];
  /** Unix ms on the hub's clock. */
  sinceAtMs: number;
  /** Who is on it now; undefined where nobody said so, or nobody can because it is no incident. */
  who?: string;
  isIncident: boolean;
  incidentNumber?: number;
  troubledCount: number;
}

export interface HostTile {
  bridgeId: string;
  host: string;
  vmCount: number;
  healthyCount: number;
  /** Not heard, or its newest probe is too old: what its tile shows was so before. */
  isBehind: boolean;
  behindSinceAtMs?: number;
  /** How many VMs have each verdict, the worst first. */
  counts: { kind: HealthKind; count: number }[];
}

export interface Wall {
  items: WallItem[];
  hosts: HostTile[];
  vmCount: number;
  heardHosts: number;
  /** Of all shown VMs, the worst first; kinds without any are absent. */
  counts: { kind: HealthKind; count: number }[];
}

export interface WallFacts {
  vms: readonly VmSummary[];
  bridges: readonly BridgeView[];
  incidents: readonly IncidentSummary[];
  /** The hub's time, against which the bridges' ages are read. */
  serverTimeMs: number;
}

/** What a wall has to show, the worst first. Pure. */
export function wallOf({ vms, bridges, incidents, serverTimeMs }: WallFacts, options: Pick<WallOptions, "hosts">): Wall {
  const shownBridges = bridges.filter((bridge) => isHostShown(options.hosts, bridge.host));
  const present = vms.filter((vm) => vm.endedAtMs === undefined && isHostShown(options.hosts, vm.host));
  const hosts = hostTiles(shownBridges, present, serverTimeMs);
  return {
    items: wallItems(present, incidents, options.hosts, serverTimeMs),
    hosts,
    vmCount: present.length,
    heardHosts: hosts.filter((host) => !host.isBehind).length,
    counts: countKinds(present),
  };
}

function hostTiles(bridges: readonly BridgeView[], vms: readonly VmSummary[], serverTimeMs: number): HostTile[] {
  const byBridge = Map.groupBy(vms, (vm) => vm.bridgeId);
  const tiles = bridges.map((bridge): HostTile => {
    const ofHost = byBridge.get(bridge.bridgeId) ?? [];
    const isBehind = isBridgeBehind(bridge, serverTimeMs);
    const behindSinceAtMs = isBehind ? (bridge.newestProbeAtMs ?? bridge.lostSinceAtMs) : undefined;
    return {
      bridgeId: bridge.bridgeId,
      host: bridge.host,
      vmCount: ofHost.length,
      healthyCount: ofHost.filter((vm) => vm.health.kind === "healthy").length,
      isBehind,
      ...(behindSinceAtMs === undefined ? {} : { behindSinceAtMs }),
      counts: countKinds(ofHost),
    };
  });
  // By name and never by trouble: whoever walks past looks for a host where it was yesterday.
  return tiles.toSorted((left, right) => NAMES.compare(left.host, right.host) || NAMES.compare(left.bridgeId, right.bridgeId));
}

function countKinds(vms: readonly VmSummary[]): { kind: HealthKind; count: number }[] {
  const counts = new Map<HealthKind, number>();
  for (const { health } of vms) counts.set(health.kind, (counts.get(health.kind) ?? 0) + 1);
  return HEALTH_KINDS.flatMap((kind) => {
    const count = counts.get(kind);
    return count === undefined ? [] : [{ kind, count }];
  });
}

function wallItems(
  vms: readonly VmSummary[],
  incidents: readonly IncidentSummary[],
  hosts: readonly string[],
  serverTimeMs: number,
): WallItem[] {
  const troubled = vms.filter((vm) => isTrouble(vm.health.kind));
  const open = incidents.filter((incident) => incident.state === "open" && incident.hosts.some((host) => isHostShown(hosts, host)));
  const openIds = new Set(open.map((incident) => incident.incidentId));
  const items = open.map((incident) => incidentItem(incident, troubled, serverTimeMs));
  // The incident follows its first verdict a moment later, and nothing in trouble may be missing until then.
  const loose = troubled.filter((vm) => vm.incidentId === undefined || !openIds.has(vm.incidentId));
  for (const group of Map.groupBy(loose, looseKey).values()) items.push(looseItem(group));
  return items.toSorted(
    (left, right) =>
      severityRank(left.kind) - severityRank(right.kind) ||
      right.troubledCount - left.troubledCount ||
      left.sinceAtMs - right.sinceAtMs ||
      (left.id < right.id ? -1 : 1),
  );
}

function incidentItem(incident: IncidentSummary, troubled: readonly VmSummary[], serverTimeMs: number): WallItem {
  const members = troubled.filter((vm) => vm.incidentId === incident.incidentId);
  const [only] = members;
  // The list of VMs is newer by a moment: as long as it names members, they decide what is said of how they are.
  const kind = worstKind(members) ?? incident.worstKind;
  const count = members.length > 0 ? members.length : incident.troubledCount;
  const { acknowledgement } = incident;
  return {
    id: incident.incidentId,
    kind,
    headline: only && count === 1 ? vmHeadline(only) : `${count} ${MANY_WORDS[kind]}`,
    cause: incident.cause.text,
    hosts: incident.hosts,
    sinceAtMs: incident.beganAtMs,
    ...(acknowledgement && acknowledgement.untilMs > serverTimeMs ? { who: acknowledgement.who } : {}),
    isIncident: true,
    incidentNumber: incident.number,
    troubledCount: count,
  };
}

/** VMs of no incident with the same verdict and the same suspected far side stand together. */
function looseKey({ health, suspect }: VmSummary): string {
  return `${health.kind} ${suspect?.farSide?.key ?? ""}`;
}

function looseItem(vms: readonly VmSummary[]): WallItem {
  const first = vms.reduce((eldest, vm) => (vm.health.sinceAtMs < eldest.health.sinceAtMs ? vm : eldest));
  const { kind } = first.health;
  return {
    id: `${kind} ${first.vmId}`,
    kind,
    headline: vms.length === 1 ? vmHeadline(first) : `${vms.length} ${MANY_WORDS[kind]}`,
    cause: first.suspect?.farSide?.text ?? (vms.length === 1 ? (first.suspect?.serves ?? "") : `longest ${first.name}`),
    hosts: [...new Set(vms.map((vm) => vm.host))],
    sinceAtMs: first.health.sinceAtMs,
    isIncident: false,
    troubledCount: vms.length,
  };
}

function vmHeadline(vm: VmSummary): string {
  const fraction = vm.health.kind === "migration-stalled" && vm.migration ? migrationFraction(vm.migration) : undefined;
  const at = fraction === undefined ? "" : ` at ${Math.floor(fraction * 100)} %`;
  return `${vm.name} ${ONE_WORDS[vm.health.kind]}${at}`;
}

function worstKind(vms: readonly VmSummary[]): HealthKind | undefined {
  return vms.map((vm) => vm.health.kind).toSorted((left, right) => severityRank(left) - severityRank(right))[0];
}

/** Behind a number. */
const MANY_WORDS: Record<HealthKind, string> = {
  "main-loop-hung": "hung",
  silent: "silent",
  "io-stalled": "I/O stalled",
  "migration-stalled": "migrations stalled",
  "guest-stopped": "guests stopped",
  unreachable: "unreachable",
  slow: "slow",
  unknown: "not known",
  "monitor-busy": "monitor busy",
  healthy: "healthy",
};

/** Behind a VM's name. */
const ONE_WORDS: Record<HealthKind, string> = {
  ...MANY_WORDS,
  "migration-stalled": "stalled",
  "guest-stopped": "stopped by an error",
};

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
