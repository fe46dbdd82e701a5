import { randomUUID } from "node:crypto";
import type { WebhookConfig } from "#lib/config/notify-schema";
import type { IncidentSummary } from "#lib/incident/incident";
import { readSecret } from "../auth/secrets.ts";
import { deliver, signatureHeaders } from "./deliver.ts";
import type { Outcome } from "./deliver.ts";
import type { OutboxEntry } from "./notify-store.ts";
import { OutboxQueue } from "./outbox-queue.ts";
import { DELIVER_TIMEOUT_MS, GATHER_MS } from "./target.ts";
import type { Target, TargetOptions, TargetStatus } from "./target.ts";
import { eventOf, renderBody } from "./templates.ts";
import type { Message } from "./templates.ts";
import { toldOf, updateOf } from "./update.ts";
import type { Told, UpdateKind } from "./update.ts";

/** More incidents than this that open together are one message. */
const STORM_FROM = 6;

/** A webhook: one incident is one thread, told of when something about it changes for people. */
export class WebhookTarget implements Target {
  readonly name: string;
  readonly #config: WebhookConfig;
  readonly #options: TargetOptions;
  readonly #queue: OutboxQueue;
  readonly #told: Map<string, { told: Told; atMonoMs: number }>;
  /** Incidents that changed since their receiver was told, each as it is now. */
  readonly #changed = new Map<string, { incident: IncidentSummary; sinceMonoMs: number }>();

  private constructor(config: WebhookConfig, options: TargetOptions, kept: { entries: OutboxEntry[]; told: Map<string, Told> }) {
    this.name = config.name;
    this.#config = config;
    this.#options = options;
    this.#told = new Map(Array.from(kept.told, ([incidentId, told]) => [incidentId, { told, atMonoMs: Number.NEGATIVE_INFINITY }]));
    const { store, clock, log, random } = options;
    this.#queue = new OutboxQueue(
      {
        ...{ target: config.name, store, clock, log, random },
        send: (entry, closing) => this.#send(entry.body, { entryId: entry.entryId, event: entry.event }, closing),
        onOutcome: (outcome) => options.onOutcome(config.name, outcome),
      },
      kept.entries,
    );
  }

  /** Takes up what an earlier run of the hub left, and tells what happened since. */
  static async open(config: WebhookConfig, options: TargetOptions): Promise<WebhookTarget> {
    const { entries, told } = await options.store.load(config.name);
    const target = new WebhookTarget(config, options, {
      entries,
      told: new Map(told.map((row) => [row.incidentId, row.told as Told])),
    });
    target.incidentsChanged(options.active());
    for (const { incidentId } of told) {
      if (target.#changed.has(incidentId)) continue;
      const incident = await options.find(incidentId);
      if (incident) target.incidentsChanged([incident]);
      else target.#forget(incidentId);
    }
    return target;
  }

  incidentsChanged(incidents: readonly IncidentSummary[]): void {
    const nowMonoMs = this.#options.clock.monoMs();
    for (const incident of incidents) {
      const sinceMonoMs = this.#changed.get(incident.incidentId)?.sinceMonoMs ?? nowMonoMs;
      this.#changed.set(incident.incidentId, { incident, sinceMonoMs });
    }
  }

  tick(): void {
    const opened: IncidentSummary[] = [];
    for (const [incidentId, { incident, sinceMonoMs }] of this.#changed) {
      const told = this.#told.get(incidentId);
      const update = updateOf(told?.told, incident);
      if (update !== undefined && !this.#isDue(update, sinceMonoMs, told?.atMonoMs)) continue;
      this.#changed.delete(incidentId);
      if (update === undefined) continue;
      if (update === "opened") opened.push(incident);
      else this.#tell({ type: "incident", update, incident }, [incident]);
    }
    if (opened.length >= STORM_FROM) this.#tell({ type: "storm", incidents: opened }, opened);
    else for (const incident of opened) this.#tell({ type: "incident", update: "opened", incident }, [incident]);
    this.#queue.pump();
  }

  status(): TargetStatus {
    return { name: this.name, type: "webhook", ...this.#queue.status() };
  }

  test(): Promise<Outcome> {
    const message: Message = { type: "test", atMs: this.#options.clock.nowMs() };
    const entryId = randomUUID();
    const body = renderBody(this.#config.template, message, entryId, this.#config.link);
    return this.#send(body, { entryId, event: eventOf(message) });
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** What ends or answers a thread does not wait for the interval. */
  #isDue(update: UpdateKind, sinceMonoMs: number, toldMonoMs = Number.NEGATIVE_INFINITY): boolean {
    const nowMonoMs = this.#options.clock.monoMs();
    if (nowMonoMs < sinceMonoMs + GATHER_MS) return false;
    return update === "resolved" || update === "acknowledged" || nowMonoMs >= toldMonoMs + this.#config.minIntervalMs;
  }

  #tell(message: Message, incidents: readonly IncidentSummary[]): void {
    const { clock } = this.#options;
    const entryId = randomUUID();
    const entry: OutboxEntry = {
      entryId,
      target: this.name,
      event: eventOf(message),
      body: renderBody(this.#config.template, message, entryId, this.#config.link),
      createdAtMs: clock.nowMs(),
    };
    const changes = incidents.map((incident) => {
      const told = incident.state === "resolved" ? undefined : toldOf(incident);
      if (told) this.#told.set(incident.incidentId, { told, atMonoMs: clock.monoMs() });
      else this.#told.delete(incident.incidentId);
      return { incidentId: incident.incidentId, told };
    });
    this.#queue.add(entry, changes);
  }

  #forget(incidentId: string): void {
    this.#told.delete(incidentId);
    this.#queue.save([{ incidentId, told: undefined }]);
  }

  async #send(body: string, { entryId, event }: { entryId: string; event: string }, closing?: AbortSignal): Promise<Outcome> {
    const { urlFile, secretFile } = this.#config;
    // Read each time: files change, and a secret that is replaced counts at once.
    const url = this.#config.url ?? readQuietly(urlFile);
    if (url === undefined || !/^https?:\/\//.test(url)) return { kind: "retry", reason: "urlFile holds no http:// or https:// address" };
    const secret = secretFile === undefined ? undefined : readQuietly(secretFile);
    if (secretFile !== undefined && secret === undefined) return { kind: "retry", reason: "secretFile cannot be read or is empty" };
    const headers = {
      "content-type": "application/json",
      "user-agent": "Ripcord",
      "idempotency-key": entryId,
      "x-ripcord-event": event,
      ...(secret === undefined ? {} : signatureHeaders(secret, body, this.#options.clock.nowMs())),
    };
    return deliver({ url, method: "POST", body, headers, timeoutMs: DELIVER_TIMEOUT_MS, closing });
  }
}

/** The first line of a file; undefined where it cannot be read. */
export function readQuietly(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : readSecret(path);
  } catch {
    return undefined;
  }
}
