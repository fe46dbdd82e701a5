import type { VmSummary } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { holdOrder, shownOrder } from "./hold-order.ts";
import type { ShownOrder } from "./hold-order.ts";

export interface HoldRequest {
  /** What was chosen of the fleet: with another choice the rows are new, and nothing of the old order is held. */
  key: string;
  isHeld: boolean;
  /** The row that is pointed at or focused. */
  anchor: VmId | undefined;
  wanted: readonly VmSummary[];
  byId: ReadonlyMap<VmId, VmSummary>;
}

/** Remembers what stood on the screen. The same request gives the same rows, however often React asks. */
export function createRowHolder(): (request: HoldRequest) => readonly VmSummary[] {
  let last: { key: string; order: ShownOrder } | undefined;
  return ({ key, isHeld, anchor, wanted, byId }) => {
    const rows = isHeld && last?.key === key ? holdOrder(last.order, wanted, { byId, anchor }) : wanted;
    last = { key, order: shownOrder(rows) };
    return rows;
  };
}
