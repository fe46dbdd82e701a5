import type { HealthKind } from "#lib/health/verdict";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords, formatNumber, formatUtcTime } from "../ui/format.ts";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VERDICT_TEXT_CLASS, VERDICT_WORD } from "../vm/verdict-words.ts";
import { inSentence } from "./in-sentence.ts";
import type { WallLayout } from "./wall-layout.ts";
import type { Wall, WallItem } from "./wall-model.ts";

interface StageProps {
  wall: Wall;
  layout: WallLayout;
  /** Up to when what is shown is known. */
  nowMs: number;
  isStale: boolean;
  /** The fleet has been read at all. */
  isKnown: boolean;
}

const BESIDE = 3;

const FRAME: Partial<Record<HealthKind, string>> = {
  "main-loop-hung": "border-hung/70 bg-hung/15",
  silent: "border-silent/70 bg-silent/15",
  "io-stalled": "border-io/70 bg-io/15",
  "migration-stalled": "border-migration/70 bg-migration/15",
  "guest-stopped": "border-stopped/70 bg-stopped/15",
};

/** One thing dominates, three can be read beside it; of the rest their number. Without trouble it is calm and says so. */
export function Stage({ wall, layout, nowMs, isStale, isKnown }: StageProps) {
  const [worst, ...others] = wall.items;
  const { isPortrait, stageHeightPx, unitPx } = layout;
  if (!worst) return <Calm wall={wall} layout={layout} isStale={isStale} isKnown={isKnown} />;
  const beside = others.slice(0, others.length > BESIDE ? BESIDE - 1 : BESIDE);
  const rest = others.slice(beside.length);
  return (
    <section
      aria-label="Trouble"
      className={cx("grid shrink-0", isStale && "is-stale")}
      style={{
        height: stageHeightPx,
        gap: unitPx,
        ...(isPortrait
          ? { gridTemplateRows: others.length > 0 ? "minmax(0, 5fr) minmax(0, 4fr)" : "minmax(0, 1fr)" }
          : { gridTemplateColumns: others.length > 0 ? "minmax(0, 5fr) minmax(0, 3fr)" : "minmax(0, 1fr)" }),
      }}
    >
      <Worst item={worst} unitPx={unitPx} nowMs={nowMs} />
      {others.length > 0 && (
        <div className="grid min-h-0" style={{ gap: unitPx, gridTemplateRows: `repeat(${BESIDE}, minmax(0, 1fr))` }}>
          {beside.map((item) => (
            <Beside key={item.id} item={item} unitPx={unitPx} nowMs={nowMs} />
          ))}
          {rest.length > 0 && <Rest items={rest} unitPx={unitPx} />}
        </div>
      )}
    </section>
  );
}

function Worst({ item, unitPx, nowMs }: { item: WallItem; unitPx: number; nowMs: number }) {
  return (
    <article
      aria-label="Worst trouble"
      className={cx(
        "flex min-h-0 min-w-0 flex-col justify-center overflow-hidden rounded-[0.6em] border-2",
        FRAME[item.kind] ?? "border-line-strong bg-raised",
      )}
      style={{ padding: 2 * unitPx, gap: unitPx }}
    >
      <div className="flex min-w-0 items-center" style={{ gap: 2.2 * unitPx }}>
        <VerdictIcon kind={item.kind} size={6 * unitPx} />
        <div className="min-w-0">
          <p
            className={cx("line-clamp-2 font-bold wrap-anywhere", VERDICT_TEXT_CLASS[item.kind])}
            // From five metres a capital letter has to be some four centimetres high.
            style={{ fontSize: `max(48px, ${5 * unitPx}px)`, lineHeight: 1.15 }}
          >
            {item.headline}
          </p>
          <p className="line-clamp-2 font-semibold wrap-anywhere text-strong" style={{ fontSize: 2.2 * unitPx, lineHeight: 1.25 }}>
            {item.cause}
          </p>
        </div>
      </div>
      <p className="flex flex-wrap items-baseline justify-between gap-x-[2em]" style={{ fontSize: 1.6 * unitPx }}>
        <span>
          since <strong className="font-semibold text-strong">{formatUtcTime(item.sinceAtMs)}</strong>
        </span>
        <span>
          for <strong className="font-semibold text-strong">{formatAgeInWords(nowMs - item.sinceAtMs)}</strong>
        </span>
        <span className="min-w-0 truncate">{hostWords(item.hosts)}</span>
        {item.isIncident && <Who item={item} />}
      </p>
    </article>
  );
}

function Beside({ item, unitPx, nowMs }: { item: WallItem; unitPx: number; nowMs: number }) {
  return (
    <article
      className="flex min-h-0 min-w-0 items-center overflow-hidden rounded-[0.5em] border border-line bg-raised"
      style={{ padding: `${0.6 * unitPx}px ${1.4 * unitPx}px`, gap: 1.4 * unitPx }}
    >
      <VerdictIcon kind={item.kind} size={3 * unitPx} />
      <div className="min-w-0">
        <p className={cx("truncate font-bold", VERDICT_TEXT_CLASS[item.kind])} style={{ fontSize: 2.3 * unitPx, lineHeight: 1.2 }}>
          {item.headline}
        </p>
        <p className="truncate" style={{ fontSize: 1.3 * unitPx }}>
          {[item.cause, hostWords(item.hosts), formatAgeInWords(nowMs - item.sinceAtMs), item.who && `${item.who} is on it`]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </div>
    </article>
  );
}

/** Those that have no room: how many, and of what kinds. */
function Rest({ items, unitPx }: { items: readonly WallItem[]; unitPx: number }) {
  const kinds = [...new Set(items.map((item) => item.kind))];
  return (
    <p
      className="flex min-h-0 min-w-0 items-center overflow-hidden rounded-[0.5em] border border-line"
      style={{ padding: `${0.6 * unitPx}px ${1.4 * unitPx}px`, gap: unitPx, fontSize: 1.8 * unitPx }}
    >
      <span className="flex shrink-0" style={{ gap: 0.5 * unitPx }}>
        {kinds.slice(0, 5).map((kind) => (
          <VerdictIcon key={kind} kind={kind} size={2.2 * unitPx} />
        ))}
      </span>
      <span className="truncate font-semibold text-strong">and {items.length} more</span>
    </p>
  );
}

function Who({ item }: { item: WallItem }) {
  return item.who === undefined ? (
    <span className="font-semibold text-strong">nobody is on it</span>
  ) : (
    <span className="min-w-0 truncate">
      <strong className="font-semibold text-strong">{item.who}</strong> is on it
    </span>
  );
}

/** Says what is known and no more: VMs that nobody could ask are not among the healthy ones. */
function Calm({ wall, layout, isStale, isKnown }: { wall: Wall; layout: WallLayout; isStale: boolean; isKnown: boolean }) {
  const { unitPx, stageHeightPx } = layout;
  const others = wall.counts.filter(({ kind }) => kind !== "healthy");
  const healthy = wall.counts.find(({ kind }) => kind === "healthy")?.count ?? 0;
  return (
    <section
      aria-label="Trouble"
      className={cx("flex shrink-0 flex-col justify-center", isStale && "is-stale")}
      style={{ height: stageHeightPx, gap: 0.4 * unitPx }}
    >
      <p className="font-semibold text-strong" style={{ fontSize: `max(48px, ${4 * unitPx}px)`, lineHeight: 1.1 }}>
        {!isKnown ? "Reading the fleet…" : wall.vmCount === 0 ? "No VM is listed" : "No trouble"}
      </p>
      {isKnown && wall.vmCount > 0 && (
        <p style={{ fontSize: 1.8 * unitPx }}>
          {formatNumber(healthy)} healthy
          {others.map(({ kind, count }) => ` · ${formatNumber(count)} ${inSentence(VERDICT_WORD[kind])}`).join("")}
        </p>
      )}
    </section>
  );
}

function hostWords(hosts: readonly string[]): string {
  return hosts.length <= 3 ? hosts.join(", ") : `${hosts.slice(0, 2).join(", ")} and ${hosts.length - 2} more hosts`;
}
