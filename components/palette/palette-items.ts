import type { VmSummary } from "#lib/api/vm";
import { isTrouble, severityRank } from "#lib/health/verdict";
import type { IncidentSummary } from "#lib/incident/incident";
import { VERDICT_WORD } from "../vm/verdict-words.ts";

/** One thing that the palette leads to. Nothing here acts: an act leads to its dialog. */
export interface PaletteItem {
  /** Unique among all. */
  value: string;
  label: string;
  /** Beside the label: host, state, what it is. */
  detail: string;
  href: string;
}

export interface PaletteGroup {
  value: string;
  items: PaletteItem[];
}

const PAGES: readonly PaletteItem[] = [
  { value: "page:/", label: "Fleet", detail: "every VM", href: "/" },
  { value: "page:/incidents", label: "Incidents", detail: "one cause, many members", href: "/incidents" },
  { value: "page:/audit", label: "Audit", detail: "who did what", href: "/audit" },
  { value: "page:/settings", label: "Settings", detail: "configuration in force, bridges", href: "/settings" },
  { value: "page:/wall", label: "Wall", detail: "for a screen that nobody touches", href: "/wall" },
];

const MAX_PER_GROUP = 12;

/**
 * What matches every word of the query, in groups: what is wrong first. Without a query the trouble and the pages, which
 * is what a hurried person opens it for.
 */
export function paletteGroups(query: string, vms: readonly VmSummary[], incidents: readonly IncidentSummary[]): PaletteGroup[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (item: PaletteItem) => {
    const text = `${item.label} ${item.detail}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const present = vms.filter((vm) => vm.endedAtMs === undefined);
  const troubled = present
    .filter((vm) => isTrouble(vm.health.kind))
    .toSorted(
      (left, right) => severityRank(left.health.kind) - severityRank(right.health.kind) || left.name.localeCompare(right.name, "en"),
    );
  const wanted = words.length === 0 ? troubled : [...troubled, ...present.filter((vm) => !isTrouble(vm.health.kind))];
  const groups: PaletteGroup[] = [
    { value: "Cords", items: troubled.flatMap(cordItem) },
    { value: "Incidents", items: incidents.filter((incident) => words.length > 0 || incident.state !== "resolved").map(incidentItem) },
    { value: "VMs", items: wanted.map(vmItem) },
    { value: "Pages", items: [...PAGES] },
  ];
  return groups.map(({ value, items }) => ({ value, items: firstMatching(items, matches) })).filter((group) => group.items.length > 0);
}

/** Stops as soon as it has enough: a fleet of thousands is looked through with every key. */
function firstMatching(items: readonly PaletteItem[], matches: (item: PaletteItem) => boolean): PaletteItem[] {
  const found: PaletteItem[] = [];
  for (const item of items) {
    if (matches(item)) found.push(item);
    if (found.length === MAX_PER_GROUP) break;
  }
  return found;
}

/** The first suspect of a VM in trouble; the link opens the dialog on its page, and no more than that. */
function cordItem(vm: VmSummary): PaletteItem[] {
  const { suspect } = vm;
  if (!suspect) return [];
  return [
    {
      value: `cord:${vm.vmId}:${suspect.key}`,
      label: `Yank ${suspect.name} on ${vm.name}…`,
      detail: [suspect.serves, suspect.farSide?.text].filter(Boolean).join(" → "),
      href: `/vms/${vm.vmId}?ask=${encodeURIComponent(suspect.key)}`,
    },
  ];
}

function incidentItem(incident: IncidentSummary): PaletteItem {
  return {
    value: `incident:${incident.incidentId}`,
    label: `Incident ${incident.number}: ${incident.title}`,
    detail: `${incident.state} · ${incident.hosts.slice(0, 3).join(", ")}`,
    href: `/incidents/${incident.incidentId}`,
  };
}

function vmItem(vm: VmSummary): PaletteItem {
  return {
    value: `vm:${vm.vmId}`,
    label: vm.name,
    detail: [VERDICT_WORD[vm.health.kind], vm.host, ...vm.tags].join(" · "),
    href: `/vms/${vm.vmId}`,
  };
}
