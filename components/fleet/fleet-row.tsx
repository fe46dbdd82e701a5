import Link from "next/link";
import { memo } from "react";
import type { VmSummary } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { cx } from "../ui/cx.ts";
import { formatAge, formatAgeInWords, formatUtc } from "../ui/format.ts";
import { ProgressBar } from "../ui/progress-bar.tsx";
import { laneClock } from "../vm/lane-clock.ts";
import { TwoClocks } from "../vm/two-clocks.tsx";
import { VerdictLabel } from "../vm/verdict-label.tsx";
import { rowNote } from "./row-note.ts";

/** The columns of header and rows. What is known takes most of the free width; below `xl` it has no room; below `lg` a row is a card of two lines. */
export const COLUMNS =
  "lg:grid lg:gap-x-4 lg:grid-cols-[minmax(170px,1.2fr)_minmax(110px,1fr)_minmax(70px,.6fr)_72px_208px_minmax(88px,.5fr)_84px] xl:grid-cols-[minmax(190px,.7fr)_minmax(140px,1fr)_minmax(80px,.5fr)_76px_224px_minmax(100px,.3fr)_minmax(130px,3fr)_92px]";

export interface FleetRowProps extends AsOf {
  vm: VmSummary;
  /** Its place among all rows of the table, from 1, the header included. */
  rowIndex: number;
  offsetPx: number;
  heightPx: number;
  nowMs: number;
}

/** One VM. The whole row leads to its page. */
export const FleetRow = memo(function FleetRow({
  vm,
  rowIndex,
  offsetPx,
  heightPx,
  nowMs,
  asOfMs,
  isStale,
  hasOldReadings,
}: FleetRowProps) {
  const isHung = vm.health.kind === "main-loop-hung" && !isStale;
  return (
    <div
      role="row"
      aria-rowindex={rowIndex}
      className={cx(
        "absolute inset-x-0 top-0 border-b border-line px-4 hover:bg-sunken has-[a:focus-visible]:bg-sunken sm:px-6",
        isHung && "bg-linear-to-r from-hung/12 to-transparent to-60%",
        isStale && "is-stale",
      )}
      style={{ height: heightPx, transform: `translateY(${offsetPx}px)` }}
    >
      <div className={cx("grid h-full grid-cols-[1fr_auto] content-center items-center gap-x-3 gap-y-1", COLUMNS)}>
        <div role="cell" className="min-w-0 max-lg:order-1">
          <VerdictLabel verdict={vm.health} isStale={isStale} />
        </div>
        <div role="cell" className="min-w-0 truncate max-lg:order-3">
          <Link
            href={`/vms/${vm.vmId}`}
            prefetch={false}
            title={vm.name}
            className="font-semibold text-strong after:absolute after:inset-0 after:content-[''] focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-info"
          >
            {vm.name}
          </Link>
          <span className="ml-2 text-body lg:hidden">{vm.host}</span>
        </div>
        <div role="cell" className="truncate text-body max-lg:hidden" title={vm.host}>
          {vm.host}
        </div>
        <div role="cell" className="whitespace-nowrap text-body max-lg:order-2 max-lg:text-right">
          {vm.yankableCount > 0 && <span className="text-quiet lg:hidden">{vm.yankableCount} to yank · </span>}
          <Since atMs={vm.health.sinceAtMs} asOfMs={asOfMs} nowMs={nowMs} isStale={isStale} />
        </div>
        <div role="cell" className="max-lg:hidden">
          <TwoClocks lanes={vm.lanes} kind={vm.health.kind} asOfMs={asOfMs} isOld={hasOldReadings} />
        </div>
        <div role="cell" className="truncate text-body max-lg:hidden">
          <RunState vm={vm} isOld={hasOldReadings} />
        </div>
        <div role="cell" className="min-w-0 max-xl:hidden">
          <Note vm={vm} isOld={hasOldReadings} />
        </div>
        <div role="cell" className="text-right whitespace-nowrap max-lg:order-4">
          <span className="max-lg:hidden">
            <Yankable vm={vm} isStale={isStale} />
          </span>
          <span className="text-xs text-body lg:hidden">
            in {laneClock(vm.lanes.inBand, asOfMs, hasOldReadings).text} · oob {laneClock(vm.lanes.outOfBand, asOfMs, hasOldReadings).text}
          </span>
        </div>
      </div>
    </div>
  );
});

/** Since when the verdict holds. Old values are not counted on: they say how long ago they were true. */
function Since({ atMs, asOfMs, nowMs, isStale }: { atMs: number; asOfMs: number; nowMs: number; isStale: boolean }) {
  if (isStale) return <span title={`Last known ${formatUtc(asOfMs)}`}>{formatAgeInWords(nowMs - asOfMs)} ago</span>;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatUtc(atMs)}>
      {formatAge(asOfMs - atMs)}
    </time>
  );
}

function RunState({ vm, isOld }: { vm: VmSummary; isOld: boolean }) {
  if (vm.runState === undefined) return <span aria-label="not known">—</span>;
  return <>{vm.runStateIsLastKnown || isOld ? `was ${vm.runState}` : vm.runState}</>;
}

function Note({ vm, isOld }: { vm: VmSummary; isOld: boolean }) {
  const note = rowNote(vm);
  if (!note) return null;
  const text = isOld && !note.text.startsWith("was ") ? `was: ${note.text}` : note.text;
  return (
    <div className="min-w-0 text-body">
      <p className="truncate" title={note.suspect === undefined ? text : `${note.suspect} ${text}`}>
        {note.suspect !== undefined && <span className="font-semibold text-strong">{note.suspect} </span>}
        {text}
      </p>
      {note.migrationFraction !== undefined && (
        <ProgressBar
          fraction={note.migrationFraction}
          label={`Migration of ${vm.name}`}
          className={vm.health.kind === "migration-stalled" ? "bg-migration" : "bg-line-strong"}
        />
      )}
    </div>
  );
}

function Yankable({ vm, isStale }: { vm: VmSummary; isStale: boolean }) {
  if (vm.yankableCount === 0) return <span className="text-quiet">none</span>;
  const isWanted = (vm.health.kind === "main-loop-hung" || vm.health.kind === "io-stalled") && !isStale;
  return (
    <span
      className={cx(
        "inline-flex min-h-6 items-center rounded-md border px-2 text-sm",
        isWanted ? "border-hung/60 bg-hung/12 font-semibold text-hung" : "border-line text-body",
      )}
    >
      {vm.yankableCount} to yank
    </span>
  );
}
