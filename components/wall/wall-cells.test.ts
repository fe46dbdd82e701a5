import { describe, expect, test } from "vitest";
import { HEALTH_KINDS } from "#lib/health/verdict";
import { cellsShape } from "./wall-cells.ts";

describe.each([5, 6, 8, 12, 26])("cells of %i px", (sizePx) => {
  const grid = { columns: 4, rows: 2, sizePx, gapPx: 1 };

  test("have another shape for every verdict, so that no colour is needed", () => {
    const shapes = HEALTH_KINDS.map((kind) => JSON.stringify(cellsShape(kind, 0, 1, grid)));
    expect(new Set(shapes).size).toBe(HEALTH_KINDS.length);
  });

  test.each(HEALTH_KINDS)("draw one mark per VM that is %s", (kind) => {
    const one = cellsShape(kind, 0, 1, grid).path.match(/M/g)?.length ?? 0;
    expect(one).toBeGreaterThan(0);
    expect(cellsShape(kind, 3, 5, grid).path.match(/M/g)).toHaveLength(5 * one);
  });

  test("are drawn as an outline where nobody knows, or nobody has to do anything", () => {
    const solid = HEALTH_KINDS.filter((kind) => cellsShape(kind, 0, 1, grid).how === "solid");
    expect(solid).toEqual(["main-loop-hung", "silent", "io-stalled", "migration-stalled", "guest-stopped"]);
  });
});
