import Link from "next/link";
import { useId } from "react";
import type { MemberCord } from "#lib/api/incident";
import type { VmSummary } from "#lib/api/vm";
import type { IncidentMember } from "#lib/incident/incident";
import { KIND_WORDS } from "#lib/incident/title";
import type { AsOf } from "../realtime/freshness.ts";
import { cx } from "../ui/cx.ts";
import { formatAge, formatAgeInWords, formatCount, formatUtc } from "../ui/format.ts";
import { TextLink } from "../ui/text-link.tsx";
import { SuspicionMark } from "../vm/suspicion-mark.tsx";
import { SCORE_WORD } from "../vm/suspicion-words.ts";
import { TwoClocks } from "../vm/two-clocks.tsx";
import { VerdictIcon } from "../vm/verdict-icon.tsx";
import { VerdictLabel } from "../vm/verdict-label.tsx";
import { VERDICT_TEXT_CLASS, VERDICT_WORD } from "../vm/verdict-words.ts";
import { cordId, cordIds } from "./member-selection.ts";
import type { Selection } from "./member-selection.ts";

/** The columns of header and rows; below `lg` a row is a card. */
export const MEMBER_COLUMNS =
  "lg:grid lg:gap-x-4 lg:grid-cols-[24px_minmax(150px,1fr)_minmax(120px,1fr)_208px_minmax(150px,1.6fr)_minmax(150px,1.4fr)]";

export interface MemberRowProps {
  member: IncidentMember;
  /** Its row in the fleet; undefined where it has none any more, or the fleet is not known. */
  vm: VmSummary | undefined;
  cord: MemberCord | undefined;
  asOf: AsOf | undefined;
  nowMs: number;
  selection: Selection;
  onSelect: (ids: string[], isSelected: boolean) => void;
}

/** One VM of the incident. What can be cut on it can be chosen; where nothing can, it says why and what helps. */
export function MemberRow({ member, vm, cord, asOf, nowMs, selection, onSelect }: MemberRowProps) {
  const ids = cord ? cordIds(cord) : [];
  const chosen = ids.filter((id) => selection.has(id));
  const isOld = (asOf?.isStale ?? false) || member.isNotKnown === true;
  return (
    <div
      role="row"
      className={cx("border-b border-line px-4 py-2.5 last:border-b-0", chosen.length > 0 && "bg-sunken", isOld && "is-stale")}
    >
      <div className={cx("grid grid-cols-[24px_1fr] items-start gap-x-3 gap-y-1", MEMBER_COLUMNS)}>
        <div role="cell" className="pt-0.5 max-lg:row-span-5">
          <Tick
            label={`Select ${member.name}`}
            isDisabled={ids.length === 0}
            state={chosen.length === 0 ? "none" : chosen.length === ids.length ? "all" : "some"}
            onChange={(isSelected) => onSelect(ids, isSelected)}
          />
        </div>
        <div role="cell" className="min-w-0">
          <State member={member} vm={vm} isStale={isOld} nowMs={nowMs} asOf={asOf} />
        </div>
        <div role="cell" className="min-w-0 wrap-anywhere">
          <Link href={`/vms/${member.vmId}`} prefetch={false} className="rounded font-semibold text-strong hover:underline">
            {member.name}
          </Link>
          <span className="ml-2 text-body lg:ml-0 lg:block">{member.host}</span>
          {member.flapCount > 0 && <span className="ml-2 text-sm lg:ml-0 lg:block">fell back {formatCount(member.flapCount, "time")}</span>}
        </div>
        <div role="cell" className="max-w-64">
          {vm && asOf ? (
            <TwoClocks lanes={vm.lanes} kind={vm.health.kind} asOfMs={asOf.asOfMs} isOld={asOf.hasOldReadings} />
          ) : (
            <span className="text-quiet">{member.endedAtMs === undefined ? "not in the fleet now" : "ended"}</span>
          )}
        </div>
        <div role="cell" className="min-w-0 wrap-anywhere">
          <WhatHolds vm={vm} isOld={isOld} />
        </div>
        <div role="cell" className="min-w-0 wrap-anywhere">
          <Cords member={member} cord={cord} selection={selection} onSelect={onSelect} />
        </div>
      </div>
    </div>
  );
}

/** The verdict of now, and since when; of a VM that is well again, when that was and what it was. */
function State({ member, vm, isStale, nowMs, asOf }: Pick<MemberRowProps, "member" | "vm" | "nowMs" | "asOf"> & { isStale: boolean }) {
  const sinceAtMs = member.isInTrouble ? (vm?.health.sinceAtMs ?? member.sinceAtMs) : member.recoveredAtMs;
  return (
    <>
      {vm ? (
        <VerdictLabel verdict={vm.health} isStale={isStale} />
      ) : (
        <span className={cx("flex items-center gap-2 font-semibold", isStale ? "text-muted" : VERDICT_TEXT_CLASS[member.kind])}>
          <VerdictIcon kind={member.kind} isMuted={isStale} />
          {member.endedAtMs === undefined
            ? `${isStale ? "Was: " : ""}${VERDICT_WORD[member.kind]}`
            : `Ended; was ${KIND_WORDS[member.kind]}`}
        </span>
      )}
      <p className="pl-6 text-sm">
        {sinceAtMs === undefined ? null : (
          <time dateTime={new Date(sinceAtMs).toISOString()} title={formatUtc(sinceAtMs)}>
            {member.isInTrouble
              ? isStale
                ? `${formatAgeInWords(nowMs - (asOf?.asOfMs ?? nowMs))} ago`
                : formatAge(nowMs - sinceAtMs)
              : `recovered ${formatAgeInWords(nowMs - sinceAtMs)} ago`}
          </time>
        )}
        {!member.isInTrouble && <span className="block">was {KIND_WORDS[member.worstKind]}</span>}
      </p>
    </>
  );
}

function WhatHolds({ vm, isOld }: { vm: VmSummary | undefined; isOld: boolean }) {
  if (!vm?.suspect) return <span className="text-quiet max-lg:hidden">—</span>;
  const { name, score, reason, serves } = vm.suspect;
  return (
    <div className="flex items-start gap-2">
      <span className="pt-0.5">
        <SuspicionMark score={score} kind={isOld ? "unknown" : vm.health.kind} />
      </span>
      <p className="min-w-0">
        <span className="font-semibold text-strong">{name}</span> <span className="text-strong">{SCORE_WORD[score]}</span>
        <span className="text-body"> · {serves}</span>
        <span className="block text-sm">{reason}</span>
      </p>
    </div>
  );
}

/** What a plan would name of this VM; each by itself where there are several, so that no more is cut than has to be. */
function Cords({ member, cord, selection, onSelect }: Pick<MemberRowProps, "member" | "cord" | "selection" | "onSelect">) {
  if (member.movedToId !== undefined) {
    return (
      <p className="text-sm">
        It has another cause: see <TextLink href={`/incidents/${member.movedToId}`}>its incident</TextLink>
      </p>
    );
  }
  if (!cord || cord.instances.length === 0) {
    return <p className="text-sm">{cord?.whyNot ?? "What can be cut on it is not known"}</p>;
  }
  return (
    <ul className="grid gap-1">
      {cord.instances.map(({ key, name, score, reason }) => {
        const id = cordId(member.vmId, key);
        const words = `${SCORE_WORD[score]}${reason === "" ? "" : `: ${reason}`}`;
        return (
          <li key={key} className="flex items-start gap-2">
            {cord.instances.length > 1 && (
              <span className="pt-0.5">
                <Tick
                  label={`Select ${name} of ${member.name}`}
                  isDisabled={false}
                  state={selection.has(id) ? "all" : "none"}
                  onChange={(isSelected) => onSelect([id], isSelected)}
                />
              </span>
            )}
            <p className="min-w-0" title={words}>
              <span className="text-strong">{name}</span>
              {cord.instances.length > 1 && <span className="block text-sm">{words}</span>}
            </p>
          </li>
        );
      })}
    </ul>
  );
}

interface TickProps {
  label: string;
  isDisabled: boolean;
  state: "none" | "some" | "all";
  onChange: (isSelected: boolean) => void;
}

function Tick({ label, isDisabled, state, onChange }: TickProps) {
  const id = useId();
  // The label around it is what a finger hits: 24 px, where the box alone has 16.
  return (
    <label htmlFor={id} className="-m-1 inline-flex size-6 items-center justify-center">
      <input
        id={id}
        type="checkbox"
        aria-label={label}
        disabled={isDisabled}
        checked={state === "all"}
        ref={(input) => {
          if (input) input.indeterminate = state === "some";
        }}
        onChange={(event) => onChange(event.target.checked)}
        className="size-4 accent-(--hue-info) disabled:opacity-40"
      />
    </label>
  );
}
