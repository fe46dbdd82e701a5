import { useQuery } from "@tanstack/react-query";
import { HEALTH_KINDS } from "#lib/health/verdict";
import type { VmEvent } from "#lib/api/vm";
import type { VmId } from "#lib/vm/report";
import { vmEventsQuery } from "../queries/vm.ts";
import { Card } from "../ui/card.tsx";
import { VERDICT_WORD } from "./verdict-words.ts";
import { formatNumber, formatUtc, formatUtcTime } from "../ui/format.ts";

/** More than this is not drawn; the API pages through the rest. */
const SHOWN_EVENTS = 50;

/** What QEMU reported and how the verdict changed, as it happens; newest first. */
export function EventsCard({ vmId }: { vmId: VmId }) {
  const events = useQuery(vmEventsQuery(vmId));
  const shown = events.data?.slice(0, SHOWN_EVENTS);
  return (
    <Card title="Events" aside={shown && shown.length === SHOWN_EVENTS ? `the newest ${SHOWN_EVENTS}` : undefined} isFlush>
      {events.isError && !shown ? (
        <p className="px-4 py-3">The events could not be read: {events.error.message}</p>
      ) : !shown ? (
        <p className="px-4 py-3">Reading the events</p>
      ) : shown.length === 0 ? (
        <p className="px-4 py-3">Nothing has happened since Ripcord knows this VM</p>
      ) : (
        <ol aria-label="Events, newest first">
          {shown.map((event) => (
            <EventRow key={event.eventId} event={event} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function EventRow({ event }: { event: VmEvent }) {
  const verdict = event.kind === "verdict" ? HEALTH_KINDS.find((kind) => kind === event.title) : undefined;
  // A verdict says itself what it was and is.
  const data = event.data === undefined || event.kind === "verdict" ? undefined : JSON.stringify(event.data);
  return (
    <li className="fact-changed grid grid-cols-[92px_1fr] gap-x-3 border-b border-line px-4 py-2 last:border-b-0">
      <time
        dateTime={new Date(event.atMs).toISOString()}
        title={formatUtc(event.atMs)}
        className="text-xs leading-5 whitespace-nowrap text-quiet"
      >
        {formatUtcTime(event.atMs)}
      </time>
      <div className="min-w-0 wrap-anywhere">
        <p>
          <span className={event.kind === "qmp-event" ? "font-mono text-xs text-strong" : "font-semibold text-strong"}>
            {verdict ? VERDICT_WORD[verdict] : event.title}
          </span>
          {event.count > 1 && <span className="ml-2 text-body">× {formatNumber(event.count)}</span>}
          {event.text && <span className="ml-2 text-body">{event.text}</span>}
        </p>
        {data !== undefined && data !== "{}" && <p className="line-clamp-2 font-mono text-xs leading-4 text-quiet">{data}</p>}
      </div>
    </li>
  );
}
