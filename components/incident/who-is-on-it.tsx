import { useState } from "react";
import type { IncidentSummary } from "#lib/incident/incident";
import { useAcknowledge } from "../queries/incidents.ts";
import { useHasPassed, useNow } from "../realtime/live-clock.tsx";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { formatAgeInWords } from "../ui/format.ts";

/** Where this browser remembers by which name its operator is known. */
const NAME_KEY = "ripcord-name";
const MINUTE_MS = 60_000;
const DURATIONS = [
  { forMs: 30 * MINUTE_MS, text: "30 min" },
  { forMs: 60 * MINUTE_MS, text: "1 h" },
  { forMs: 240 * MINUTE_MS, text: "4 h" },
] as const;

type Acknowledged = Pick<IncidentSummary, "incidentId" | "acknowledgement">;

/** Who is on it and until when, for everybody's screen and the wall; it ends by itself, because people forget to hand back. */
export function WhoIsOnIt({ incident, cannotSend }: { incident: Acknowledged; cannotSend: string | undefined }) {
  const { acknowledgement } = incident;
  const [isAsking, setIsAsking] = useState(false);
  const acknowledge = useAcknowledge(incident.incidentId);
  const now = useNow();
  const isOver = useHasPassed(acknowledgement?.untilMs ?? 0);
  const who = acknowledgement && !isOver ? acknowledgement : undefined;
  const reason = cannotSend ?? acknowledge.error?.message;
  return (
    <div className="mt-4">
      <div className="flex min-h-9 flex-wrap items-center gap-x-4 gap-y-2">
        <p role="status" aria-label="Who is on it">
          {who ? (
            <>
              <strong className="font-semibold text-strong">{who.who}</strong> is on it, {formatAgeInWords(who.untilMs - now)} left
            </>
          ) : (
            <strong className="font-semibold text-strong">Nobody is on it</strong>
          )}
        </p>
        {!isAsking && (
          <Button size="small" disabled={cannotSend !== undefined} onClick={() => setIsAsking(true)}>
            {who ? "I take over…" : "I am on it…"}
          </Button>
        )}
        {who && !isAsking && (
          <Button
            size="small"
            tone="ghost"
            disabled={cannotSend !== undefined || acknowledge.isPending}
            onClick={() => acknowledge.mutate(undefined)}
          >
            Nobody is any more
          </Button>
        )}
        {reason && (
          <p role="alert" className="text-sm">
            {reason}
          </p>
        )}
      </div>
      {isAsking && (
        <WhoForm
          isDisabled={cannotSend !== undefined || acknowledge.isPending}
          onCancel={() => setIsAsking(false)}
          onConfirm={(wish) => acknowledge.mutate(wish, { onSuccess: () => setIsAsking(false) })}
        />
      )}
    </div>
  );
}

function WhoForm({
  isDisabled,
  onCancel,
  onConfirm,
}: {
  isDisabled: boolean;
  onCancel: () => void;
  onConfirm: (wish: { who: string; forMs: number }) => void;
}) {
  const [name, setName] = useState(rememberedName);
  const [forMs, setForMs] = useState<number>(DURATIONS[1].forMs);
  const who = name.trim();
  function handleConfirm() {
    rememberName(who);
    onConfirm({ who, forMs });
  }
  return (
    <section aria-label="I am on it" className="mt-2 grid max-w-160 gap-3 border-l-2 border-line-strong pl-4">
      <TextField label="Your name, as the others know you" value={name} onChange={setName} maxLength={80} />
      <div role="radiogroup" aria-label="For how long" className="flex flex-wrap gap-2">
        {DURATIONS.map((duration) => (
          <label
            key={duration.forMs}
            className="flex min-h-9 cursor-pointer items-center gap-2 rounded-lg border border-line px-3 text-strong has-checked:border-line-strong has-checked:bg-sunken has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-info"
          >
            <input
              type="radio"
              name="for-how-long"
              checked={forMs === duration.forMs}
              onChange={() => setForMs(duration.forMs)}
              className="accent-(--hue-info) outline-none"
            />
            {duration.text}
          </label>
        ))}
      </div>
      <div className="flex flex-wrap gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button tone="primary" disabled={isDisabled || who === ""} onClick={handleConfirm}>
          I am on it
        </Button>
      </div>
    </section>
  );
}

function rememberedName(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return "";
  }
}

function rememberName(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // Storage is denied: it is asked for again.
  }
}
