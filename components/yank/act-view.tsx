import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import type { ReactNode } from "react";
import { VERIFY_FOR_MS } from "#lib/yank/act";
import type { ActRecord, ActTarget } from "#lib/yank/act";
import type { VmDetail } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { actQuery } from "../queries/acts.ts";
import { vmQuery } from "../queries/vm.ts";
import { useNow } from "../realtime/live-clock.tsx";
import { useAsOf } from "../realtime/use-freshness.ts";
import { AlertDialogActions, AlertDialogBody } from "../ui/alert-dialog.tsx";
import { Button } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { formatDuration, formatUtcTime } from "../ui/format.ts";
import { useFocusOnMount } from "../ui/use-focus-on-mount.ts";
import { VerdictLabel } from "../vm/verdict-label.tsx";
import { OutcomeIcon } from "./outcome-icon.tsx";
import { ACTION_NOUN, outcome } from "./act-words.ts";
import type { OutcomeTone } from "./act-words.ts";

const TONE_CLASS: Record<OutcomeTone, string> = { open: "text-strong", good: "text-good", plain: "text-strong", bad: "text-hung" };

/** What became of it, fact by fact as they arrive; nothing is drawn ahead of its fact. */
export function ActView({ confirmed, onClose }: { confirmed: ActRecord; onClose: () => void }) {
  const { data: act } = useQuery({ ...actQuery(confirmed.actId), initialData: confirmed });
  const closeRef = useRef<HTMLButtonElement>(null);
  useFocusOnMount(closeRef);
  return (
    <>
      <AlertDialogBody>
        {act.targets.map((target) => (
          <TargetResult key={target.vmId} act={act} target={target} />
        ))}
      </AlertDialogBody>
      <AlertDialogActions>
        <p className="mr-auto text-xs text-quiet">Recorded in the audit as {act.who}</p>
        <Button ref={closeRef} onClick={onClose}>
          {act.targets.some((target) => target.verdict === "pending") ? "Close, it goes on" : "Close"}
        </Button>
      </AlertDialogActions>
    </>
  );
}

function TargetResult({ act, target }: { act: ActRecord; target: ActTarget }) {
  const { title, tone } = outcome(act.action, target);
  return (
    <div className="grid gap-3">
      <div role="status" aria-label="Result" className={cx("flex items-center gap-3 text-lg font-semibold", TONE_CLASS[tone])}>
        <OutcomeIcon tone={tone} size={24} />
        <p>{title}</p>
      </div>
      <ol className="grid gap-1.5">
        <Fact isKnown>Recorded {formatUtcTime(act.createdAtMs, { withMilliseconds: true })}</Fact>
        <Fact isKnown={target.sentAtMs !== undefined}>
          {target.sentAtMs === undefined
            ? sendingWords(target)
            : `Sent ${target.lane === "oob" ? "out of band" : "in-band"} ${formatUtcTime(target.sentAtMs, { withMilliseconds: true })}`}
        </Fact>
        <AnswerFact target={target} />
        <VerdictFact act={act} target={target} />
      </ol>
      <HealthNow vmId={target.vmId} />
      {target.detail && <p className="text-strong">{target.detail}</p>}
      {target.aftermath.length > 0 && (
        <div>
          <p className="text-sm">As foretold</p>
          <ul className="list-disc pl-5">
            {target.aftermath.map((line) => (
              <li key={line} className="text-strong">
                {line}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

/** The VM's verdict of now: the page that shows it is out of reach behind the dialog. */
function HealthNow({ vmId }: { vmId: VmId }) {
  const { data: vm } = useQuery({ ...vmQuery(vmId), enabled: false });
  return vm && <KnownHealth vm={vm} />;
}

function KnownHealth({ vm }: { vm: VmDetail }) {
  const { isStale } = useAsOf(vm);
  return (
    <div className="flex items-center gap-3 rounded-lg border border-line px-4 py-2">
      <span className="text-sm">The VM now</span>
      <div role="status" aria-label="Health" className={cx("min-w-0", isStale && "is-stale")}>
        {vm.endedAtMs === undefined ? (
          <VerdictLabel verdict={vm.health} isStale={isStale} />
        ) : (
          <span className="font-semibold text-strong">Ended{vm.endedReason ? `: ${vm.endedReason}` : ""}</span>
        )}
      </div>
    </div>
  );
}

function AnswerFact({ target }: { target: ActTarget }) {
  if (target.state === "accepted") {
    return <Fact isKnown>QEMU accepted it{target.replyAfterMs !== undefined && ` in ${formatDuration(target.replyAfterMs)}`}</Fact>;
  }
  if (target.state === "refused") {
    const said = target.qmpError ? `: ${target.qmpError.class}, ${target.qmpError.desc}` : "";
    return <Fact isKnown>QEMU refused it{said}</Fact>;
  }
  if (target.state === "not-sent" || target.state === "skipped") return null;
  if (target.state === "unknown") return <Fact isKnown>No answer from QEMU arrived</Fact>;
  return <Fact isKnown={false}>QEMU's answer</Fact>;
}

function VerdictFact({ act, target }: { act: ActRecord; target: ActTarget }) {
  const now = useNow(100);
  if (target.state === "not-sent" || target.state === "skipped" || target.state === "refused") return null;
  if (target.verdict !== "pending") {
    return (
      <>
        {target.recoveredAfterMs !== undefined && (
          <Fact isKnown>
            First sign of life {formatDuration(target.recoveredAfterMs)} after the {ACTION_NOUN[act.action]}, confirmed by more probes
          </Fact>
        )}
        {!target.isFinal && <Fact isKnown={false}>Still watched for what follows</Fact>}
      </>
    );
  }
  if (target.sentAtMs === undefined) return <Fact isKnown={false}>What it did</Fact>;
  const elapsedMs = Math.min(VERIFY_FOR_MS, Math.max(0, now - target.sentAtMs));
  return (
    <Fact isKnown={false}>
      Probing what it did: {(Math.floor(elapsedMs / 100) / 10).toFixed(1)} s of at most {VERIFY_FOR_MS / 1_000} s
    </Fact>
  );
}

function Fact({ isKnown, children }: { isKnown: boolean; children: ReactNode }) {
  return (
    <li className={cx("flex items-baseline gap-2", isKnown ? "text-strong" : "text-quiet")}>
      <span
        aria-hidden="true"
        className={cx("size-2 shrink-0 translate-y-[-1px] rounded-full border", isKnown ? "border-strong bg-strong" : "border-quiet")}
      />
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </li>
  );
}

function sendingWords(target: ActTarget): string {
  return target.isFinal ? "Not sent" : "Being sent";
}
