import type { VmDetail } from "#lib/api/vm";
import type { AsOf } from "../realtime/freshness.ts";
import { Age } from "../ui/age.tsx";
import { Card } from "../ui/card.tsx";
import { cx } from "../ui/cx.ts";
import { Instant } from "../ui/instant.tsx";
import { hangPaths, pathSentence } from "./hang-path.ts";
import type { HangPath, HangStep, LinkState } from "./hang-path.ts";
import { SuspicionMark } from "./suspicion-mark.tsx";
import { isSuspected, SCORE_WORD } from "./suspicion-words.ts";
import { VERDICT_TEXT_CLASS } from "./verdict-words.ts";

/** A reading that is older than this is told with its age. */
const FRESH_FOR_MS = 5_000;

/** The way from the guest to the far side, with the place where nothing comes back. One is drawn large; the rest are lines. */
export function WhereItHangs({ vm, asOf }: { vm: VmDetail; asOf: AsOf }) {
  const { main, others } = hangPaths(vm);
  return (
    <Card title="Where it hangs">
      <div className={cx("grid gap-4", asOf.isStale && "is-stale")}>
        {main ? (
          <MainPath path={main} vm={vm} asOf={asOf} />
        ) : (
          <p>{others.length === 0 ? "It has nothing that can be drawn" : "Nothing points at one of them"}</p>
        )}
        {others.length > 0 && (
          <ul aria-label={main ? "The others" : "What it could be"} className={cx("grid gap-2", main && "border-t border-line pt-3")}>
            {others.map((path) => (
              <OtherPath key={path.key} path={path} vm={vm} />
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}

function MainPath({ path, vm, asOf }: { path: HangPath; vm: VmDetail; asOf: AsOf }) {
  const hue = path.link !== "plain" || isSuspected(path.report) ? VERDICT_TEXT_CLASS[vm.health.kind] : "text-body";
  const lastIndex = path.steps.length - 1;
  return (
    <div className="@container">
      <p className="sr-only">
        {pathSentence(path)}: {path.words}
      </p>
      <div aria-hidden="true" className="flex flex-col py-2 @md:flex-row @md:items-center @md:pt-4 @md:pb-5">
        {path.steps.map((step, index) => (
          <Stop
            key={`${step.role} ${step.name}`}
            step={step}
            link={index === 0 ? undefined : index === lastIndex && step.role === "far-side" ? path.link : "plain"}
            hue={hue}
            isDead={path.link !== "plain"}
          />
        ))}
      </div>
      {/* A sentence of its own, as wide as the card: the picture has no room for it at the link. */}
      <p aria-hidden="true" className={cx("wrap-anywhere @md:text-right", path.link === "dead" ? `font-semibold ${hue}` : "text-strong")}>
        {path.words}
      </p>
      <Measured path={path} asOf={asOf} />
    </div>
  );
}

/** When that was read, and when the far side was last heard, as the host's kernel tells it. */
function Measured({ path, asOf }: { path: HangPath; asOf: AsOf }) {
  const heardAtMs = newest(path.report.sockets?.flatMap((socket) => socket.lastReceivedAtMs ?? []) ?? []);
  const { measured } = path;
  const isOld = measured !== undefined && asOf.asOfMs - measured.atMs > FRESH_FOR_MS;
  if (heardAtMs === undefined && !isOld) return null;
  return (
    <p className="text-sm @md:text-right">
      {isOld && (
        <>
          read <Age atMs={measured.atMs} />
          {heardAtMs !== undefined && " · "}
        </>
      )}
      {heardAtMs !== undefined && (
        <>
          last byte from the far side <Instant atMs={heardAtMs} />, <Age atMs={heardAtMs} until={asOf.isStale ? asOf.asOfMs : undefined} />
        </>
      )}
    </p>
  );
}

const BOX: Record<HangStep["role"], string> = {
  device: "border-line bg-sunken",
  node: "border-line bg-sunken",
  instance: "bg-sunken",
  "far-side": "border-dashed bg-transparent",
};

function Stop({ step, link, hue, isDead }: { step: HangStep; link: LinkState | undefined; hue: string; isDead: boolean }) {
  const isMarked = step.role === "instance" || (step.role === "far-side" && isDead);
  return (
    <>
      {link && <Link state={link} hue={hue} />}
      <div
        className={cx(
          "min-w-0 rounded-lg border px-3 py-2 @md:flex-1 @md:px-2 @md:text-center",
          BOX[step.role],
          isMarked ? `border-current ${hue}` : step.role === "far-side" && "border-line-strong",
        )}
      >
        <p className="truncate font-semibold text-strong" title={step.name}>
          {step.name}
        </p>
        <p className="line-clamp-2 min-h-4 text-xs wrap-anywhere text-body" title={step.note}>
          {step.note}
        </p>
      </div>
    </>
  );
}

/** A whole line, or one that is broken in the middle and crossed out. */
function Link({ state, hue }: { state: LinkState; hue: string }) {
  if (state === "plain") return <div className="ml-6 h-4 w-px shrink-0 bg-line-strong @md:ml-0 @md:h-px @md:w-6" />;
  return (
    <div
      className={cx(
        "relative ml-6 h-8 w-0 shrink-0 border-l-2 border-dashed border-current @md:ml-0 @md:h-0 @md:w-10 @md:border-t-2 @md:border-l-0",
        hue,
      )}
    >
      <svg
        viewBox="0 0 12 12"
        width="12"
        height="12"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        className="absolute top-2.5 -left-[7px] bg-raised @md:-top-[7px] @md:left-3.5"
      >
        {state === "dead" ? <path d="m2.5 2.5 7 7m0-7-7 7" /> : <path d="M2 6h2.5M7.5 6H10" />}
      </svg>
    </div>
  );
}

function OtherPath({ path, vm }: { path: HangPath; vm: VmDetail }) {
  const { report } = path;
  return (
    <li className="flex items-start gap-2">
      <span className="pt-0.5">
        <SuspicionMark score={report.suspicion.score} kind={vm.health.kind} />
      </span>
      <p className="min-w-0 wrap-anywhere">
        <span className="font-semibold text-strong">{path.steps.find((step) => step.role === "instance")?.name}</span>{" "}
        {report.farSide ? `→ ${report.farSide.text}` : ""}
        <span className="block text-sm">
          {SCORE_WORD[report.suspicion.score]}: {path.words}
        </span>
      </p>
    </li>
  );
}

function newest(times: number[]): number | undefined {
  return times.length === 0 ? undefined : Math.max(...times);
}
