import type { MigrationView, VmDetail } from "#lib/api/vm";
import type { HealthKind } from "#lib/health/verdict";
import { isCancellableMigration, isPostcopy, isTerminalMigration } from "#lib/qapi/migration";
import { Age } from "../ui/age.tsx";
import { useNow } from "../realtime/live-clock.tsx";
import { Button } from "../ui/button.tsx";
import { Card } from "../ui/card.tsx";
import { formatAgeInWords, formatBytes, formatBytesPerSecond } from "../ui/format.ts";
import { ProgressBar } from "../ui/progress-bar.tsx";
import { migrationFraction } from "./migration-progress.ts";
import { channelWords, phaseWords } from "./migration-words.ts";

export interface MigrationCardProps {
  vm: VmDetail;
  migration: MigrationView;
  cannotSend: string | undefined;
  onCancel: () => void;
  onPausePostcopy: () => void;
  /** Absent where the migration cannot be yanked from here. */
  onYank: (() => void) | undefined;
}

/** How old a sample may be before its age is said. */
const SAMPLE_FRESH_FOR_MS = 5_000;

/** The migration: which phase, how far, how fast against how fast it is dirtied, and how to end it, the softer way first. */
export function MigrationCard({ vm, migration, cannotSend, onCancel, onPausePostcopy, onYank }: MigrationCardProps) {
  const now = useNow();
  const isUnderWay = !isTerminalMigration(migration.status);
  const fraction = migrationFraction(migration);
  const isOldSample = isUnderWay && now - migration.sampleAtMs > SAMPLE_FRESH_FOR_MS;
  const isStalled = vm.health.kind === "migration-stalled";
  return (
    <Card
      title={migration.direction === "incoming" ? "Migration into this VM" : "Migration"}
      aside={isOldSample ? `sample of ${formatAgeInWords(now - migration.sampleAtMs)} ago` : undefined}
    >
      <div className="flex items-baseline justify-between gap-x-4">
        <p className="min-w-0 wrap-anywhere">
          <span className="font-semibold text-strong">{migration.status}</span>
          {phaseWords(migration) !== undefined && <span> · {phaseWords(migration)}</span>}
        </p>
        {fraction !== undefined && <p className="text-lg font-semibold text-strong">{Math.floor(fraction * 100)} %</p>}
      </div>
      <Way migration={migration} />
      {isUnderWay && fraction !== undefined && (
        <div className="mt-1 mb-2">
          <ProgressBar fraction={fraction} label="Migration" className={isStalled ? "bg-migration" : "bg-body"} />
        </div>
      )}
      <p>{figures(migration).join(" · ")}</p>
      {migration.stalledSinceAtMs !== undefined && isUnderWay && (
        <p className={isStalled ? "font-semibold text-migration" : "text-body"}>
          No bytes for <Age atMs={migration.stalledSinceAtMs} suffix="" />
        </p>
      )}
      {migration.isNotConverging && (
        <p className="text-body">
          <span className="font-semibold text-strong">Not converging</span>: the guest dirties memory faster than it is sent
        </p>
      )}
      <Unseen vm={vm} migration={migration} />
      {migration.errorDesc && <p className="wrap-anywhere text-strong">QEMU says: {migration.errorDesc}</p>}
      {isUnderWay && <Ways vm={vm} {...{ migration, cannotSend, onCancel, onPausePostcopy, onYank, isStalled }} />}
    </Card>
  );
}

/** Where it goes, over what, and since when. */
function Way({ migration }: { migration: MigrationView }) {
  const { uri, channel, direction, startedAtMs } = migration;
  if (uri === undefined && channel === undefined && startedAtMs === undefined) return null;
  return (
    <p className="wrap-anywhere">
      {uri !== undefined && `${direction === "incoming" ? "on" : "to"} ${uri}`}
      {uri === undefined && channel !== undefined && channelWords(channel)}
      {startedAtMs !== undefined && (
        <>
          {(uri ?? channel) !== undefined && " · "}began <Age atMs={startedAtMs} />
        </>
      )}
    </p>
  );
}

/** A migration that reads completed while nobody saw its destination run. */
function Unseen({ vm, migration }: { vm: VmDetail; migration: MigrationView }) {
  const help = vm.helps.find(({ code }) => code === "check-destination");
  if (migration.status !== "completed" || !help) return null;
  return (
    <p className="mt-1 wrap-anywhere text-strong">
      <span className="font-semibold">Completed, and nobody saw it arrive</span>: {help.text}
    </p>
  );
}

type WaysProps = MigrationCardProps & { isStalled: boolean };

/** How to end it; what cannot be done says why. */
function Ways({ vm, migration, cannotSend, onCancel, onPausePostcopy, onYank, isStalled }: WaysProps) {
  const uncancellable = whyNotCancel(vm, migration);
  return (
    <div className="mt-3 flex flex-wrap items-center gap-2">
      {uncancellable === undefined ? (
        <Button tone={isStalled ? "primary" : "plain"} disabled={cannotSend !== undefined} onClick={onCancel}>
          Cancel migration…
        </Button>
      ) : (
        <p className="basis-full text-body">{uncancellable}</p>
      )}
      {migration.status === "postcopy-active" && (
        <Button disabled={cannotSend !== undefined} onClick={onPausePostcopy}>
          Pause postcopy…
        </Button>
      )}
      {onYank && (
        <Button disabled={cannotSend !== undefined} onClick={onYank}>
          Yank it instead…
        </Button>
      )}
      {cannotSend !== undefined && <p className="text-sm text-body">{cannotSend}</p>}
    </div>
  );
}

function whyNotCancel({ health }: VmDetail, migration: MigrationView): string | undefined {
  if (migration.uri?.startsWith("exec:") || migration.channel === "exec")
    return "Cannot be cancelled from here: QEMU would wait for the command and hang";
  if (isPostcopy(migration.status))
    return "Cannot be cancelled in postcopy: the guest's state is on both hosts, and cancelling may lose it";
  if (!doesMainLoopAnswer(health.kind)) return "Cannot be cancelled now: cancelling goes in-band, and in-band does not answer";
  if (!isCancellableMigration(migration.status)) return `Cannot be cancelled while it is ${migration.status}`;
  return undefined;
}

function doesMainLoopAnswer(kind: HealthKind): boolean {
  return kind !== "main-loop-hung" && kind !== "silent" && kind !== "unreachable" && kind !== "monitor-busy" && kind !== "unknown";
}

function figures(migration: MigrationView): string[] {
  const parts: string[] = [];
  if (migration.transferredBytes !== undefined) parts.push(`${formatBytes(migration.transferredBytes)} sent`);
  if (migration.remainingBytes !== undefined && migration.totalBytes !== undefined) {
    parts.push(`${formatBytes(migration.remainingBytes)} of ${formatBytes(migration.totalBytes)} left`);
  }
  // QEMU goes on telling the rate that it last had.
  if (migration.stalledSinceAtMs !== undefined) parts.push(formatBytesPerSecond(0));
  else if (migration.bytesPerSecond !== undefined) parts.push(`sent at ${formatBytesPerSecond(migration.bytesPerSecond)}`);
  if (migration.dirtyBytesPerSecond !== undefined) parts.push(`dirtied at ${formatBytesPerSecond(migration.dirtyBytesPerSecond)}`);
  return parts.length === 0 ? ["QEMU tells no figures in this status"] : parts;
}
