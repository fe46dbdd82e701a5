/**
 * Where everything stands on a wall, in pixels, so that it never scrolls. Pure: from the size of the screen, the number of
 * hosts and whether something is wrong.
 */
export interface WallLayout {
  /** The unit that letters and gaps are made of: a hundredth of the width, or of the height where that is the narrow side. */
  unitPx: number;
  isPortrait: boolean;
  stageHeightPx: number;
  columns: number;
  tileWidthPx: number;
  tileHeightPx: number;
}

export interface CellGrid {
  columns: number;
  rows: number;
  sizePx: number;
  gapPx: number;
}

const LEAST_CELL_PX = 5;
const LARGEST_CELL_PX = 26;
/** Of a cell's pitch. */
const GAP_SHARE = 0.25;
/** The tile that reads best is a little wider than high. */
const TILE_ASPECT = 1.45;

export function layoutWall({
  widthPx,
  heightPx,
  hostCount,
  hasTrouble,
}: {
  widthPx: number;
  heightPx: number;
  hostCount: number;
  hasTrouble: boolean;
}): WallLayout {
  const isPortrait = heightPx > widthPx;
  const unitPx = isPortrait ? widthPx / 75 : Math.min(widthPx / 100, heightPx / 56.25);
  const paddingPx = 2.4 * unitPx;
  const headerPx = 5.4 * unitPx;
  const footerPx = 4.2 * unitPx;
  const gapPx = unitPx;
  const innerWidthPx = widthPx - 2 * paddingPx;
  const innerHeightPx = heightPx - 2 * paddingPx - headerPx - footerPx - gapPx;
  const stageShare = hasTrouble ? (isPortrait ? 0.5 : 0.46) : 0.24;
  const stageHeightPx = Math.floor(innerHeightPx * stageShare);
  const tilesHeightPx = innerHeightPx - stageHeightPx;
  const columns = bestColumns(Math.max(1, hostCount), innerWidthPx, tilesHeightPx, gapPx);
  const rows = Math.ceil(Math.max(1, hostCount) / columns);
  return {
    unitPx,
    isPortrait,
    stageHeightPx,
    columns,
    tileWidthPx: Math.floor((innerWidthPx - (columns - 1) * gapPx) / columns),
    tileHeightPx: Math.floor((tilesHeightPx - (rows - 1) * gapPx) / rows),
  };
}

/** The number of columns whose tiles come closest to the aspect that reads best. */
function bestColumns(count: number, widthPx: number, heightPx: number, gapPx: number): number {
  let best = 1;
  let bestDistance = Infinity;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = (widthPx - (columns - 1) * gapPx) / columns;
    const height = (heightPx - (rows - 1) * gapPx) / rows;
    if (width <= 0 || height <= 0) continue;
    const distance = Math.abs(Math.log(width / height / TILE_ASPECT));
    if (distance >= bestDistance) continue;
    bestDistance = distance;
    best = columns;
  }
  return best;
}

/** The largest cells with which all of them fit; undefined where they would be too small to be told apart. */
export function fitCells(count: number, widthPx: number, heightPx: number): CellGrid | undefined {
  if (count === 0 || widthPx <= 0 || heightPx <= 0) return undefined;
  for (let sizePx = LARGEST_CELL_PX; sizePx >= LEAST_CELL_PX; sizePx--) {
    const gapPx = Math.max(1, Math.round(sizePx * GAP_SHARE));
    const columns = Math.floor((widthPx + gapPx) / (sizePx + gapPx));
    const rows = Math.floor((heightPx + gapPx) / (sizePx + gapPx));
    if (columns * rows >= count) return { columns, rows: Math.ceil(count / columns), sizePx, gapPx };
  }
  return undefined;
}
