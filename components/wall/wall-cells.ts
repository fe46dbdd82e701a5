import { assertNever } from "#lib/assert-never";
import type { HealthKind } from "#lib/health/verdict";
import type { CellGrid } from "./wall-layout.ts";

/**
 * The shapes of the verdicts once more, from 5 px on: a wall is read from afar, by people who see colours differently, and
 * at night without any. `solid` is filled by the even-odd rule, `outline` is drawn as a line.
 */
export interface CellShape {
  how: "solid" | "outline";
  path: string;
  isDashed?: true;
}

/** Half of an outline's stroke, which would otherwise be cut off at the cell's edge. */
const INSET_PX = 0.75;

/** `count` cells of one verdict from the place `from` on, as one path. */
export function cellsShape(kind: HealthKind, from: number, count: number, { columns, sizePx, gapPx }: CellGrid): CellShape {
  const pitch = sizePx + gapPx;
  let path = "";
  for (let index = from; index < from + count; index++) {
    path += cellPath(kind, (index % columns) * pitch, Math.floor(index / columns) * pitch, sizePx);
  }
  const how = isOutlined(kind) ? "outline" : "solid";
  return kind === "unknown" ? { how, path, isDashed: true } : { how, path };
}

/** What nobody knows, or nobody has to do anything about, is an outline. */
function isOutlined(kind: HealthKind): boolean {
  return kind === "healthy" || kind === "unknown" || kind === "monitor-busy" || kind === "unreachable" || kind === "slow";
}

function cellPath(kind: HealthKind, x: number, y: number, size: number): string {
  const middle = size / 2;
  switch (kind) {
    case "main-loop-hung": {
      // An octagon cut by its bar; the bar lies on whole pixels, or it would be a grey of its own.
      const corner = round(size * 0.28);
      const bar = Math.max(1, Math.round(size * 0.18));
      const barTop = Math.floor((size - bar) / 2);
      return (
        `M${x + corner} ${y}h${round(size - 2 * corner)}l${corner} ${corner}V${y + barTop}H${x}V${y + corner}z` +
        `M${x} ${y + barTop + bar}h${size}V${y + size - corner}l${-corner} ${corner}H${x + corner}l${-corner} ${-corner}z`
      );
    }
    case "silent":
      return square(x, y, size);
    case "io-stalled":
      return `M${x + middle} ${y}L${x + size} ${y + size}H${x}z`;
    case "migration-stalled": {
      const wall = Math.max(1, Math.round(size * 0.2));
      return `M${x} ${y}L${x + size - wall - 1} ${y + middle}L${x} ${y + size}zM${x + size - wall} ${y}h${wall}v${size}h${-wall}z`;
    }
    case "guest-stopped":
      return `M${x + middle} ${y}L${x + size} ${y + middle}L${x + middle} ${y + size}L${x} ${y + middle}z`;
    case "unreachable":
      return `M${x + INSET_PX} ${y + INSET_PX}L${x + size - INSET_PX} ${y + size - INSET_PX}M${x + size - INSET_PX} ${y + INSET_PX}L${x + INSET_PX} ${y + size - INSET_PX}`;
    case "slow": {
      const radius = middle - INSET_PX;
      return `M${x + INSET_PX} ${y + middle}a${radius} ${radius} 0 1 1 ${2 * radius} 0a${radius} ${radius} 0 1 1 ${-2 * radius} 0M${x + middle} ${y + size * 0.25}V${y + middle}H${x + size * 0.75}`;
    }
    case "monitor-busy": {
      const side = size - 2 * INSET_PX;
      return `M${x + INSET_PX} ${y + middle}h${side}V${y + size - INSET_PX}h${-side}zM${x + size * 0.3} ${y + middle}V${y + INSET_PX}h${round(size * 0.4)}V${y + middle}`;
    }
    case "unknown":
    case "healthy":
      return square(x + INSET_PX, y + INSET_PX, size - 2 * INSET_PX);
    default:
      return assertNever(kind);
  }
}

function square(x: number, y: number, side: number): string {
  return `M${x} ${y}h${side}v${side}h${-side}z`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
