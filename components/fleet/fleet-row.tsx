import { memo } from "react";
import type { VmId } from "#lib/vm/report";
import { cx } from "../ui/cx.ts";
import type { ColumnId } from "./column-ids.ts";
import { COLUMNS, GRID } from "./columns.tsx";
import type { CellContext } from "./columns.tsx";
import { canSelect } from "./selection.ts";

export interface FleetRowProps extends CellContext {
  columns: readonly ColumnId[];
  /** Its place among all rows of the table, from 1, the header included. */
  rowIndex: number;
  offsetPx: number;
  heightPx: number;
  isSelected: boolean;
  onSelect: (vmId: VmId, isSelected: boolean) => void;
}

/** A card needs these, whether they were chosen as columns or not. */
const CARD_CELLS: readonly ColumnId[] = ["since", "yankable"];

/** One VM. The whole row leads to its page. */
export const FleetRow = memo(function FleetRow(props: FleetRowProps) {
  const { columns, rowIndex, offsetPx, heightPx, isSelected, onSelect, vm, isStale } = props;
  const isHung = vm.health.kind === "main-loop-hung" && !isStale;
  return (
    <div
      role="row"
      aria-rowindex={rowIndex}
      data-vm={vm.vmId}
      className={cx(
        "absolute inset-x-0 top-0 border-b border-line px-4 hover:bg-sunken has-[a:focus-visible]:bg-sunken sm:px-6",
        isHung && "bg-linear-to-r from-hung/12 to-transparent to-60%",
        isSelected && "bg-sunken",
        isStale && "is-stale",
      )}
      style={{ height: heightPx, transform: `translateY(${offsetPx}px)` }}
    >
      <div className={cx("grid h-full grid-cols-[1fr_auto] content-center items-center gap-x-3 gap-y-1", GRID)}>
        <div role="cell" className="max-lg:hidden">
          {canSelect(vm) && (
            <label className="relative z-10 -m-1.5 flex size-7 items-center justify-center">
              <input
                type="checkbox"
                aria-label={`Select ${vm.name}`}
                checked={isSelected}
                onChange={(event) => onSelect(vm.vmId, event.target.checked)}
                className="size-4 accent-(--hue-info)"
              />
            </label>
          )}
        </div>
        {columns.map((id) => (
          <Cell key={id} id={id} context={props} />
        ))}
        {CARD_CELLS.filter((id) => !columns.includes(id)).map((id) => (
          <Cell key={id} id={id} context={props} className="lg:hidden" />
        ))}
      </div>
    </div>
  );
});

function Cell({ id, context, className }: { id: ColumnId; context: CellContext; className?: string }) {
  const column = COLUMNS[id];
  return (
    <div role="cell" className={cx(column.className, column.cellClassName, className)}>
      {column.render(context)}
    </div>
  );
}
