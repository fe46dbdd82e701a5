import Link from "next/link";
import type { ReactNode } from "react";
import type { VmSummary } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { cx } from "../ui/cx.ts";
import { formatAge, formatAgeInWords, formatUtc } from "../ui/format.ts";
import { ProgressBar } from "../ui/progress-bar.tsx";
import { laneClock } from "../vm/lane-clock.ts";
import { TwoClocks } from "../vm/two-clocks.tsx";
import { VerdictLabel } from "../vm/verdict-label.tsx";
import { DEFAULT_COLUMNS } from "./column-ids.ts";
import type { ColumnId } from "./column-ids.ts";
import { farSidesOf } from "./facets.ts";
import { rowNote } from "./row-note.ts";

/** What a cell is drawn from. */
export interface CellContext extends AsOf {
  vm: VmSummary;
  nowMs: number;
  isDense: boolean;
}

interface Column {
  /** Its track in the grid, and the one where there is room (`xl`). */
  width: string;
  wideWidth: string;
  /** Of heading and cell alike. */
  className?: string;
  /** Only of the cell: below `lg` a row is a card, and this is the cell's place in it. */
  cellClassName?: string;
  render: (context: CellContext) => ReactNode;
}

const PLAIN = "truncate text-body max-lg:hidden";

export const COLUMNS: Record<ColumnId, Column> = {
  verdict: {
    width: "minmax(170px,1.2fr)",
    wideWidth: "minmax(190px,.7fr)",
    cellClassName: "min-w-0 max-lg:order-1",
    render: ({ vm, isStale }) => <VerdictLabel verdict={vm.health} isStale={isStale} />,
  },
  name: {
    width: "minmax(110px,1fr)",
    wideWidth: "minmax(140px,1fr)",
    cellClassName: "min-w-0 truncate max-lg:order-3",
    render: ({ vm }) => (
      <>
        <Link
          href={`/vms/${vm.vmId}`}
          prefetch={false}
          title={vm.name}
          className="scroll-mt-32 scroll-mb-16 font-semibold text-strong after:absolute after:inset-0 after:content-[''] focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-info"
        >
          {vm.name}
        </Link>
        <span className="ml-2 text-body lg:hidden">{vm.host}</span>
      </>
    ),
  },
  host: {
    width: "minmax(70px,.6fr)",
    wideWidth: "minmax(80px,.5fr)",
    cellClassName: PLAIN,
    render: ({ vm }) => <span title={vm.host}>{vm.host}</span>,
  },
  since: {
    width: "72px",
    wideWidth: "76px",
    cellClassName: "whitespace-nowrap text-body max-lg:order-2 max-lg:text-right",
    render: (context) => (
      <>
        {context.vm.yankableCount > 0 && <span className="text-quiet lg:hidden">{context.vm.yankableCount} to yank · </span>}
        <Since {...context} />
      </>
    ),
  },
  clocks: {
    width: "208px",
    wideWidth: "224px",
    cellClassName: "max-lg:hidden",
    render: ({ vm, asOfMs, hasOldReadings }) => <TwoClocks lanes={vm.lanes} kind={vm.health.kind} asOfMs={asOfMs} isOld={hasOldReadings} />,
  },
  state: { width: "minmax(88px,.5fr)", wideWidth: "minmax(100px,.3fr)", cellClassName: PLAIN, render: RunState },
  launcher: { width: "minmax(70px,.4fr)", wideWidth: "minmax(80px,.3fr)", cellClassName: PLAIN, render: ({ vm }) => vm.launcher },
  version: {
    width: "64px",
    wideWidth: "72px",
    cellClassName: PLAIN,
    render: ({ vm }) => vm.qemuVersion ?? <NotKnown />,
  },
  tags: {
    width: "minmax(70px,.6fr)",
    wideWidth: "minmax(90px,.6fr)",
    cellClassName: PLAIN,
    render: ({ vm }) => <span title={vm.tags.join(", ")}>{vm.tags.join(", ")}</span>,
  },
  far: {
    width: "minmax(110px,1fr)",
    wideWidth: "minmax(140px,1.2fr)",
    cellClassName: PLAIN,
    render: ({ vm }) => {
      const text = farSidesOf(vm).join("; ");
      return <span title={text}>{text}</span>;
    },
  },
  note: {
    width: "0",
    wideWidth: "minmax(130px,3fr)",
    className: "max-xl:hidden",
    cellClassName: "min-w-0",
    render: Note,
  },
  yankable: {
    width: "84px",
    wideWidth: "92px",
    className: "text-right",
    cellClassName: "whitespace-nowrap max-lg:order-4",
    render: ({ vm, isStale, asOfMs, hasOldReadings }) => (
      <>
        <span className="max-lg:hidden">
          <Yankable vm={vm} isStale={isStale} />
        </span>
        <span className="text-xs text-body lg:hidden">
          in {laneClock(vm.lanes.inBand, asOfMs, hasOldReadings).text} · oob {laneClock(vm.lanes.outOfBand, asOfMs, hasOldReadings).text}
        </span>
      </>
    ),
  },
};

/** The grid of header and rows, as CSS variables of the table: what is known has room only from `xl` on. */
export function gridVariables(columns: readonly ColumnId[]): Record<"--fleet-tracks" | "--fleet-wide-tracks", string> {
  // With more columns than there are by themselves each gives way, or the last ones would stand outside of the window.
  const fit = (width: string) => (columns.length > DEFAULT_COLUMNS.length ? width.replace(/minmax\(\d+px/, "minmax(40px") : width);
  const narrow = columns.filter((id) => id !== "note").map((id) => fit(COLUMNS[id].width));
  return {
    "--fleet-tracks": ["20px", ...narrow].join(" "),
    "--fleet-wide-tracks": ["20px", ...columns.map((id) => fit(COLUMNS[id].wideWidth))].join(" "),
  };
}

export const GRID = "lg:grid lg:gap-x-4 lg:grid-cols-(--fleet-tracks) xl:grid-cols-(--fleet-wide-tracks)";

function NotKnown() {
  return <span aria-label="not known">—</span>;
}

/** Since when the verdict holds. Old values are not counted on: they say how long ago they were true. */
function Since({ vm, asOfMs, nowMs, isStale }: CellContext) {
  const atMs = vm.health.sinceAtMs;
  if (isStale) return <span title={`Last known ${formatUtc(asOfMs)}`}>{formatAgeInWords(nowMs - asOfMs)} ago</span>;
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatUtc(atMs)}>
      {formatAge(asOfMs - atMs)}
    </time>
  );
}

function RunState({ vm, hasOldReadings }: CellContext) {
  if (vm.runState === undefined) return <NotKnown />;
  return <>{vm.runStateIsLastKnown || hasOldReadings ? `was ${vm.runState}` : vm.runState}</>;
}

function Note({ vm, hasOldReadings, isDense }: CellContext) {
  const note = rowNote(vm);
  if (!note) return null;
  const text = hasOldReadings && !note.text.startsWith("was ") ? `was: ${note.text}` : note.text;
  return (
    <div className="min-w-0 text-body">
      <p className="truncate" title={note.suspect === undefined ? text : `${note.suspect} ${text}`}>
        {note.suspect !== undefined && <span className="font-semibold text-strong">{note.suspect} </span>}
        {text}
      </p>
      {note.migrationFraction !== undefined && !isDense && (
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
