import fc from "fast-check";
import { expect, test } from "vitest";
import { fitCells, layoutWall } from "./wall-layout.ts";

const screens = fc.constantFrom([1_920, 1_080], [3_840, 2_160], [1_080, 1_920], [1_280, 720], [2_560, 1_440]);

test("tiles and stage fit every screen for up to 64 hosts, and have room to be read", () => {
  fc.assert(
    fc.property(screens, fc.integer({ min: 1, max: 64 }), fc.boolean(), ([widthPx = 0, heightPx = 0], hostCount, hasTrouble) => {
      const layout = layoutWall({ widthPx, heightPx, hostCount, hasTrouble });
      const rows = Math.ceil(hostCount / layout.columns);
      expect(layout.columns * layout.tileWidthPx).toBeLessThanOrEqual(widthPx);
      expect(rows * layout.tileHeightPx + layout.stageHeightPx).toBeLessThanOrEqual(heightPx);
      expect(layout.tileWidthPx).toBeGreaterThan(40);
      expect(layout.tileHeightPx).toBeGreaterThan(40);
    }),
  );
});

test("600 VMs on 12 hosts have a cell each at 1080p", () => {
  const layout = layoutWall({ widthPx: 1_920, heightPx: 1_080, hostCount: 12, hasTrouble: true });
  expect(fitCells(50, layout.tileWidthPx - 40, layout.tileHeightPx - 70)).toMatchObject({ sizePx: expect.any(Number) });
});

test("cells never reach beyond their tile; too many are none", () => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.integer({ min: 1, max: 800 }), fc.integer({ min: 1, max: 600 }), (count, widthPx, heightPx) => {
      const grid = fitCells(count, widthPx, heightPx);
      if (!grid) return;
      const pitch = grid.sizePx + grid.gapPx;
      expect(grid.columns * pitch - grid.gapPx).toBeLessThanOrEqual(widthPx);
      expect(grid.rows * pitch - grid.gapPx).toBeLessThanOrEqual(heightPx);
      expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(count);
    }),
  );
  expect(fitCells(2_000, 100, 100)).toBeUndefined();
});
