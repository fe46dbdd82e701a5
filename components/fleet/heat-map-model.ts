import type { VmSummary } from "#lib/api/vm";
import { HEALTH_KINDS, isTrouble } from "#lib/health/verdict";
import type { HealthKind } from "#lib/health/verdict";
import type { VmId } from "#lib/vm/report";

/** One host of the map: its troubled VMs as cells of their own, the quiet ones as a grid of small ones. */
export interface MapHost {
  host: string;
  troubled: readonly VmSummary[];
  quiet: readonly VmSummary[];
}

export const QUIET_COLUMNS = 12;
export const QUIET_PITCH_PX = 12;
const TROUBLED_PER_ROW = 6;
const QUIET_SIDE_PX = 8;

/** @param vms by name, so that a cell is where it was yesterday. */
export function groupByHost(vms: readonly VmSummary[]): MapHost[] {
  const hosts = Map.groupBy(vms, ({ host }) => host);
  return [...hosts]
    .map(([host, all]) => ({
      host,
      troubled: all.filter(({ health }) => isTrouble(health.kind)),
      quiet: all.filter(({ health }) => !isTrouble(health.kind)),
    }))
    .toSorted((left, right) => NAMES.compare(left.host, right.host));
}

/** Whether nothing of it is drawn differently: rows are replaced, never changed. */
export function isSameHost(left: MapHost, right: MapHost): boolean {
  return left.host === right.host && sameRows(left.troubled, right.troubled) && sameRows(left.quiet, right.quiet);
}

export function countKinds({ troubled, quiet }: Pick<MapHost, "troubled" | "quiet">): { kind: HealthKind; count: number }[] {
  const counts = new Map<HealthKind, number>();
  for (const { health } of [...troubled, ...quiet]) counts.set(health.kind, (counts.get(health.kind) ?? 0) + 1);
  return HEALTH_KINDS.flatMap((kind) => {
    const count = counts.get(kind);
    return count === undefined ? [] : [{ kind, count }];
  });
}

/** One path for all quiet cells of a kind, so that thousands of VMs are a few elements. */
export function quietPath(quiet: readonly VmSummary[], kind: HealthKind): string {
  return quiet.map((vm, index) => (vm.health.kind === kind ? cellPath(kind, placeOf(index)) : "")).join("");
}

export function placeOf(index: number): { xPx: number; yPx: number } {
  return { xPx: (index % QUIET_COLUMNS) * QUIET_PITCH_PX, yPx: Math.floor(index / QUIET_COLUMNS) * QUIET_PITCH_PX };
}

/** Which quiet cell is at this place; undefined where there is none. */
export function cellAt(xPx: number, yPx: number, count: number): number | undefined {
  const column = Math.floor(xPx / QUIET_PITCH_PX);
  const index = Math.floor(yPx / QUIET_PITCH_PX) * QUIET_COLUMNS + column;
  return column >= 0 && column < QUIET_COLUMNS && index >= 0 && index < count ? index : undefined;
}

/** Where an arrow key leads from one cell: along the row, or to the row above or below, over the edge of a host to the next. */
export function stepOnMap(hosts: readonly MapHost[], from: VmId, key: string): VmId | undefined {
  const rows = hosts.flatMap(({ troubled, quiet }) => [...chunk(troubled, TROUBLED_PER_ROW), ...chunk(quiet, QUIET_COLUMNS)]);
  const flat = rows.flat();
  const at = flat.findIndex(({ vmId }) => vmId === from);
  const row = rows.findIndex((cells) => cells.some(({ vmId }) => vmId === from));
  const column = rows[row]?.findIndex(({ vmId }) => vmId === from) ?? 0;
  const inRow = (next: number) => rows[next]?.[Math.min(column, (rows[next]?.length ?? 1) - 1)]?.vmId;
  switch (key) {
    case "ArrowRight":
      return flat[at + 1]?.vmId;
    case "ArrowLeft":
      return at > 0 ? flat[at - 1]?.vmId : undefined;
    case "ArrowDown":
      return inRow(row + 1);
    case "ArrowUp":
      return inRow(row - 1);
    case "Home":
      return flat[0]?.vmId;
    case "End":
      return flat.at(-1)?.vmId;
    default:
      return undefined;
  }
}

/** Told apart by shape too: a hollow square, a diamond, a cross, a plus sign. */
function cellPath(kind: HealthKind, { xPx, yPx }: { xPx: number; yPx: number }): string {
  const x = xPx + (QUIET_PITCH_PX - QUIET_SIDE_PX) / 2;
  const y = yPx + (QUIET_PITCH_PX - QUIET_SIDE_PX) / 2;
  const half = QUIET_SIDE_PX / 2;
  if (kind === "slow") return `M${x + half} ${y - 1}l${half + 1} ${half + 1}l${-half - 1} ${half + 1}l${-half - 1} ${-half - 1}z`;
  if (kind === "unknown") return `M${x} ${y}l${QUIET_SIDE_PX} ${QUIET_SIDE_PX}m0 ${-QUIET_SIDE_PX}l${-QUIET_SIDE_PX} ${QUIET_SIDE_PX}`;
  if (kind === "monitor-busy") return `M${x} ${y + half}h${QUIET_SIDE_PX}M${x + half} ${y}v${QUIET_SIDE_PX}`;
  return `M${x + 0.5} ${y + 0.5}h${QUIET_SIDE_PX - 1}v${QUIET_SIDE_PX - 1}h${1 - QUIET_SIDE_PX}z`;
}

function chunk(vms: readonly VmSummary[], size: number): (readonly VmSummary[])[] {
  return Array.from({ length: Math.ceil(vms.length / size) }, (_, index) => vms.slice(index * size, (index + 1) * size));
}

function sameRows(left: readonly VmSummary[], right: readonly VmSummary[]): boolean {
  return left.length === right.length && left.every((vm, index) => vm === right[index]);
}

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
