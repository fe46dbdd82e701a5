import { TICK_INTERVAL_MS } from "#lib/realtime/events";
import type { IncidentSummary } from "#lib/incident/incident";
import type { ActRecord } from "#lib/yank/act";
import type { Clock } from "../clock.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { Coalescer } from "../gateway/coalescer.ts";

const DELTA_INTERVAL_MS = 100;
/** More rows than this travel as a snapshot, which is compressed and made once for all. */
const MAX_DELTA_ROWS = 500;
/** Acts and incidents that wait for one client; beyond that it fetches the lists again. */
const MAX_WAITING = 200;
/** Bytes that may wait in one stream before nothing more is written to it. */
const MAX_WAITING_BYTES = 256 * 1024;
export const MAX_STREAMS = 64;

export interface StreamStart {
  /** Where the client was: `epoch:revision`. Absent: from now on. */
  lastEventId?: string;
  /** Let in by the session's cookie, so that it ends with the session. */
  isBySession: boolean;
}

interface Client extends StreamStart {
  controller: ReadableStreamDefaultController<Uint8Array>;
  /** What it holds. */
  revision: number;
  /** It has to fetch the snapshot again: nothing is told of the fleet before that was said. */
  isOutdated: boolean;
  isTickDue: boolean;
  /** The latest of each that it was not told yet. */
  acts: Map<string, ActRecord>;
  incidents: Map<string, IncidentSummary>;
}

/**
 * Server-sent events, for those without socket.io: the facts that the socket has. Nothing is queued for a client that does
 * not keep up: it gets, when it reads again, one delta to what is true then, and the latest of each act and incident.
 */
export class EventStreams {
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #clients = new Set<Client>();
  readonly #deltas: Coalescer;
  readonly #stopTick: () => void;

  constructor(fleet: Fleet, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#deltas = new Coalescer(clock, DELTA_INTERVAL_MS, () => this.#writeAll());
    this.#stopTick = clock.every(TICK_INTERVAL_MS, () => {
      for (const client of this.#clients) client.isTickDue = true;
      this.#writeAll();
    });
  }

  get count(): number {
    return this.#clients.size;
  }

  /** A stream of facts from where the client was; undefined where too many are open. Ends when it is cancelled or closed. */
  open(start: StreamStart): ReadableStream<Uint8Array> | undefined {
    if (this.#clients.size >= MAX_STREAMS) return undefined;
    let client: Client;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const { revision, isOutdated } = this.#resume(start.lastEventId);
          client = { ...start, controller, revision, isOutdated, isTickDue: true, acts: new Map(), incidents: new Map() };
          this.#clients.add(client);
          this.#write(client);
        },
        pull: () => this.#write(client),
        cancel: () => void this.#clients.delete(client),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    );
  }

  rowsChanged(): void {
    if (this.#clients.size > 0) this.#deltas.poke();
  }

  actChanged(act: ActRecord): void {
    for (const client of this.#clients) this.#wait(client, client.acts, act.actId, act);
    this.#writeAll();
  }

  incidentsChanged(incidents: readonly IncidentSummary[]): void {
    for (const client of this.#clients) {
      for (const incident of incidents) this.#wait(client, client.incidents, incident.incidentId, incident);
    }
    this.#writeAll();
  }

  /** A session has ended: what its cookie let in has to show it again. */
  endSessions(): void {
    for (const client of this.#clients) if (client.isBySession) this.#end(client);
  }

  close(): void {
    this.#stopTick();
    this.#deltas.close();
    for (const client of this.#clients) this.#end(client);
  }

  #end(client: Client): void {
    this.#clients.delete(client);
    client.controller.close();
  }

  #resume(lastEventId: string | undefined): Pick<Client, "revision" | "isOutdated"> {
    if (lastEventId === undefined) return { revision: this.#fleet.revision, isOutdated: false };
    const [epoch = "", revision = ""] = lastEventId.split(":");
    const from = /^\d{1,15}$/.test(revision) ? Number(revision) : Number.NaN;
    const delta = Number.isNaN(from) ? undefined : this.#fleet.deltaSince(epoch, from);
    return delta === undefined ? { revision: this.#fleet.revision, isOutdated: true } : { revision: from, isOutdated: false };
  }

  #wait<Fact>(client: Client, waiting: Map<string, Fact>, id: string, fact: Fact): void {
    waiting.set(id, fact);
    if (waiting.size <= MAX_WAITING) return;
    waiting.clear();
    client.isOutdated = true;
  }

  #writeAll(): void {
    for (const client of this.#clients) this.#write(client);
  }

  /** Everything that the client was not told, as it is now; nothing while it has not read what was written. */
  #write(client: Client): void {
    if (!this.#clients.has(client) || (client.controller.desiredSize ?? 0) <= 0) return;
    const { epoch, revision } = this.#fleet;
    const lines: string[] = [];
    const delta = client.isOutdated ? undefined : this.#fleet.deltaSince(epoch, client.revision);
    if (delta === undefined || delta.changed.length > MAX_DELTA_ROWS) {
      lines.push(message("fleet:outdated", { epoch, revision }, `${epoch}:${revision}`));
    } else if (delta.changed.length > 0 || delta.removed.length > 0) {
      lines.push(message("fleet:changed", delta, `${epoch}:${delta.toRevision}`));
    }
    client.revision = revision;
    client.isOutdated = false;
    for (const act of client.acts.values()) lines.push(message("act:changed", act));
    for (const incident of client.incidents.values()) lines.push(message("incident:changed", { epoch, incident }));
    client.acts.clear();
    client.incidents.clear();
    if (client.isTickDue) {
      const tick = { epoch, revision, serverTimeMs: this.#clock.nowMs(), bridges: this.#fleet.bridges() };
      lines.push(message("clock:ticked", tick, `${epoch}:${revision}`));
      client.isTickDue = false;
    }
    if (lines.length > 0) client.controller.enqueue(Buffer.from(lines.join("")));
  }
}

/** JSON has no line ends outside of its strings, where they are escaped: one `data` line is enough. */
function message(event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
