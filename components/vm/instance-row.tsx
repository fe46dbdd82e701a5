import { Lock } from "lucide-react";
import type { InstanceView, VmDetail } from "#lib/api/vm";
import { isTrouble } from "#lib/health/verdict";
import { isCancellableMigration } from "#lib/qapi/migration";
import { instanceName } from "#lib/vm/instance";
import { useNow } from "../realtime/live-clock.tsx";
import { Button } from "../ui/button.tsx";
import { cx } from "../ui/cx.ts";
import { formatAgeInWords } from "../ui/format.ts";
import { connectionWords, errorPolicyWords, servesInFull } from "./instance-words.ts";
import type { InstancesCardProps } from "./instances-card.tsx";
import { SocketList } from "./socket-list.tsx";
import { SuspicionMark } from "./suspicion-mark.tsx";
import { isSuspected, SCORE_WORD } from "./suspicion-words.ts";
import { VerdictIcon } from "./verdict-icon.tsx";
import { VERDICT_TEXT_CLASS } from "./verdict-words.ts";

/** One instance: its name, what it serves, how much speaks for it and why, how it is connected, and its cord. */
export function InstanceRow({ vm, isOld, report, cannotSend, onYank }: { report: InstanceView } & InstancesCardProps) {
  const name = instanceName(report.instance);
  const isInQuestion = isTrouble(vm.health.kind) && report.isMonitor !== true;
  const isWanted = isInQuestion && !isOld && isSuspected(report);
  const mark = report.isMonitor === true ? "monitor" : report.isMonitor === "possible" ? "possibly a monitor" : undefined;
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-b border-line px-4 py-3 last:border-b-0">
      <span className="pt-0.5 text-muted">
        {report.yankable !== true ? (
          <Lock size={16} aria-hidden="true" />
        ) : isInQuestion ? (
          <SuspicionMark score={report.suspicion.score} kind={isOld ? "unknown" : vm.health.kind} />
        ) : (
          <VerdictIcon kind="healthy" />
        )}
      </span>
      <div className="min-w-0 flex-1 basis-60 wrap-anywhere">
        <p>
          <span className="font-semibold text-strong">{name}</span>{" "}
          {name !== report.instance.type && <span className="text-quiet">{report.instance.type}</span>}{" "}
          <span className="text-strong">
            {mark && report.serves.kind !== "monitor" ? `${mark}, ` : ""}
            {servesInFull(report.serves)}
            {report.farSide && ` → ${report.farSide.text}`}
          </span>
        </p>
        {isInQuestion && (
          <p className="text-strong">
            <span className={cx("font-semibold", isWanted && VERDICT_TEXT_CLASS[vm.health.kind])}>
              {isOld ? `was ${SCORE_WORD[report.suspicion.score]}` : SCORE_WORD[report.suspicion.score]}
            </span>
            : {report.suspicion.reasons.join(" · ")}
          </p>
        )}
        <p className="text-body">
          <Connection report={report} />
        </p>
        {report.sockets && report.sockets.length > 0 && (
          <details className="mt-1">
            <summary className="w-fit rounded text-sm hover:text-strong">What the kernel says of its connection</summary>
            <div className="pt-1 pl-4">
              <SocketList sockets={report.sockets} name={name} />
            </div>
          </details>
        )}
      </div>
      {report.yankable === true ? (
        <YankButton name={name} isWanted={isWanted && !hasSofterWay(vm, report)} reason={cannotSend} onClick={() => onYank(report)} />
      ) : (
        <p className="max-w-100 text-body sm:text-right">{report.yankable.text}</p>
      )}
    </li>
  );
}

/** How it is connected and how that is known, what requests still wait for, and what an error would mean to the guest. */
function Connection({ report }: { report: InstanceView }) {
  const now = useNow();
  const { waitEndsAtMs } = report;
  const left = waitEndsAtMs === undefined ? undefined : waitEndsAtMs - now;
  const words = [
    connectionWords(report.connection),
    left !== undefined && (left > 0 ? `requests wait for ${formatAgeInWords(left)} more, then fail` : "the wait of its requests is over"),
    report.connectionHow,
    report.serves.how && !isSaidElsewhere(report) && report.serves.how,
    errorPolicyWords(report.serves),
  ];
  return words.filter(Boolean).join(" · ");
}

/** Quiet until what it cuts is suspected. When it cannot be used it says why, in words beside it. */
function YankButton({
  name,
  isWanted,
  reason,
  onClick,
}: {
  name: string;
  isWanted: boolean;
  reason: string | undefined;
  onClick: () => void;
}) {
  return (
    <div className="flex flex-wrap items-center justify-end gap-x-3 gap-y-1">
      {reason && <p className="text-sm text-body">{reason}</p>}
      <Button tone={isWanted ? "danger" : "plain"} disabled={reason !== undefined} onClick={onClick}>
        Yank {name}…
      </Button>
    </div>
  );
}

/** The reason at the end of the row may be the very reading that stands in it. */
function isSaidElsewhere({ serves, yankable }: InstanceView): boolean {
  return yankable !== true && yankable.text === serves.how;
}

/** A migration that can be cancelled is cancelled first, which takes a living main loop; its cord stays quiet beside that. */
function hasSofterWay(vm: VmDetail, report: InstanceView): boolean {
  return (
    vm.health.kind === "migration-stalled" &&
    report.instance.type === "migration" &&
    vm.migration !== undefined &&
    isCancellableMigration(vm.migration.status)
  );
}
