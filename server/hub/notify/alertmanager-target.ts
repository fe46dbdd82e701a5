import type { AlertmanagerConfig } from "#lib/config/notify-schema";
import type { IncidentSummary } from "#lib/incident/incident";
import { KIND_WORDS } from "#lib/incident/title";
import { plainLine } from "../plain-line.ts";
import { backoffMs, deliver } from "./deliver.ts";
import type { Outcome } from "./deliver.ts";
import { DELIVER_TIMEOUT_MS, GATHER_MS } from "./target.ts";
import type { Target, TargetOptions, TargetStatus } from "./target.ts";
import { readQuietly } from "./webhook-target.ts";

const MAX_ANNOTATION = 500;
const MAX_HOSTS = 20;
/** Of how long it takes at most to be told of a receiver that is back. */
const MAX_BACKOFF_MS = 60_000;

/** As `POST /api/v2/alerts` takes it. */
interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt?: string;
  endsAt?: string;
  generatorURL?: string;
}

/** What has to be known to take an alert back, over a restart, too. */
interface Firing {
  number: number;
  title: string;
  startedAtMs: number;
}

/**
 * Alertmanager wants to hear again and again of what stands, so there is no queue: each request is everything that stands
 * now, and what no longer does with its end. Labels never change while an incident lives: they are its identity there.
 */
export class AlertmanagerTarget implements Target {
  readonly name: string;
  readonly #config: AlertmanagerConfig;
  readonly #options: TargetOptions;
  readonly #firing: Map<string, Firing>;
  readonly #closing = new AbortController();
  #saving: Promise<unknown> = Promise.resolve();
  #changedMonoMs: number | undefined;
  #nextMonoMs = 0;
  #retryMonoMs = 0;
  #failures = 0;
  #sending: Promise<void> | undefined;
  #deliveredAtMs: number | undefined;
  #lastError: TargetStatus["lastError"];

  private constructor(config: AlertmanagerConfig, options: TargetOptions, firing: Map<string, Firing>) {
    this.name = config.name;
    this.#config = config;
    this.#options = options;
    this.#firing = firing;
  }

  static async open(config: AlertmanagerConfig, options: TargetOptions): Promise<AlertmanagerTarget> {
    const { told } = await options.store.load(config.name);
    return new AlertmanagerTarget(config, options, new Map(told.map((row) => [row.incidentId, row.told as Firing])));
  }

  incidentsChanged(): void {
    this.#changedMonoMs ??= this.#options.clock.monoMs();
  }

  tick(): void {
    const nowMonoMs = this.#options.clock.monoMs();
    const isDue = nowMonoMs >= this.#nextMonoMs || (this.#changedMonoMs !== undefined && nowMonoMs >= this.#changedMonoMs + GATHER_MS);
    if (!isDue || this.#sending || this.#closing.signal.aborted || nowMonoMs < this.#retryMonoMs) return;
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  status(): TargetStatus {
    return {
      ...{ name: this.name, type: "alertmanager", queued: this.#failures > 0 ? 1 : 0, failures: this.#failures },
      ...(this.#deliveredAtMs === undefined ? {} : { deliveredAtMs: this.#deliveredAtMs }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  test(): Promise<Outcome> {
    const startedAtMs = this.#options.clock.nowMs();
    return this.#post([
      {
        labels: this.#labels("RipcordTest"),
        annotations: { summary: "A test message of Ripcord", description: "Somebody asked Ripcord to send this. Nothing is wrong." },
        startsAt: iso(startedAtMs),
        endsAt: iso(startedAtMs + 60_000),
      },
    ]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
    await this.#saving;
  }

  async #send(): Promise<void> {
    const { clock, log, random, active, notWell, onOutcome } = this.#options;
    this.#changedMonoMs = undefined;
    const incidents = active();
    const standing = new Set(incidents.map(({ incidentId }) => incidentId));
    const over = [...this.#firing].filter(([incidentId]) => !standing.has(incidentId));
    // One that passed before anybody was told of it is told of to nobody.
    const told = incidents.filter(({ incidentId, state }) => state === "open" || this.#firing.has(incidentId));
    for (const incident of told) this.#fire(incident);
    const isWell = (await notWell()) === undefined;
    const alerts = [
      ...told.map((incident) => this.#alertOf(incident)),
      ...over.map(([incidentId, firing]) => this.#endOf(incidentId, firing)),
      ...(isWell ? [this.#watchdog()] : []),
    ];
    const outcome: Outcome = alerts.length === 0 ? { kind: "delivered", status: 0 } : await this.#post(alerts);
    const nowMonoMs = clock.monoMs();
    if (outcome.kind === "delivered") {
      if (this.#failures > 0) log.info({ target: this.name, failures: this.#failures }, "alerts are delivered again");
      this.#failures = 0;
      this.#deliveredAtMs = clock.nowMs();
      this.#nextMonoMs = nowMonoMs + this.#config.resendMs;
      for (const [incidentId] of over) this.#firing.delete(incidentId);
      if (over.length > 0) this.#save(over.map(([incidentId]) => ({ incidentId, told: undefined })));
      if (alerts.length > 0) onOutcome(this.name, "delivered");
      return;
    }
    if (this.#closing.signal.aborted) return;
    this.#failures += 1;
    this.#lastError = { atMs: clock.nowMs(), text: outcome.reason };
    this.#nextMonoMs = nowMonoMs;
    const afterMs = outcome.kind === "retry" ? (outcome.afterMs ?? 0) : 0;
    this.#retryMonoMs = nowMonoMs + Math.max(afterMs, Math.min(MAX_BACKOFF_MS, backoffMs(this.#failures, random)));
    if (this.#failures === 1) log.warn({ target: this.name, reason: outcome.reason }, "alerts could not be delivered; tried again");
    onOutcome(this.name, outcome.kind === "refused" ? "refused" : "failed");
  }

  #fire(incident: IncidentSummary): void {
    const { incidentId, number, title, openedAtMs } = incident;
    const isNews = !this.#firing.has(incidentId);
    const firing = { number, title, startedAtMs: openedAtMs };
    this.#firing.set(incidentId, firing);
    if (isNews) this.#save([{ incidentId, told: firing }]);
  }

  #alertOf(incident: IncidentSummary): Alert {
    const { incidentId, number, title, state, troubledCount, memberCount, worstKind, hosts, cause, acknowledgement, beganAtMs } = incident;
    const annotations = {
      summary: `#${number} ${title}`,
      description: `${troubledCount} of ${memberCount} VMs in trouble; worst: ${KIND_WORDS[worstKind]}; ${state}`,
      cause: `${cause.text}${cause.isEstablished === true ? "" : " (not established)"}`,
      hosts: hosts.slice(0, MAX_HOSTS).join(", "),
      began: iso(beganAtMs),
      ...(acknowledgement === undefined ? {} : { acknowledged_by: acknowledgement.who }),
    };
    return {
      labels: this.#labels("RipcordIncident", incidentId),
      annotations: Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, plainLine(text, MAX_ANNOTATION)])),
      // No end: Alertmanager then counts by its own clock, and a clock that somebody set ends no alert.
      startsAt: iso(Math.min(incident.openedAtMs, this.#options.clock.nowMs())),
      ...this.#generator(`/incidents/${incidentId}`),
    };
  }

  #endOf(incidentId: string, { number, title, startedAtMs }: Firing): Alert {
    const nowMs = this.#options.clock.nowMs();
    const startsAtMs = Math.min(startedAtMs, nowMs - 1_000);
    return {
      labels: this.#labels("RipcordIncident", incidentId),
      annotations: { summary: plainLine(`#${number} resolved: ${title}`, MAX_ANNOTATION) },
      startsAt: iso(startsAtMs),
      endsAt: iso(nowMs),
      ...this.#generator(`/incidents/${incidentId}`),
    };
  }

  /** Fires as long as Ripcord is really well. Who stops hearing it is told by Alertmanager. */
  #watchdog(): Alert {
    return {
      labels: { ...this.#labels("RipcordWatchdog"), severity: "none" },
      annotations: { summary: "Ripcord is well", description: "This alert always fires. Route it to what notices its absence." },
    };
  }

  #labels(alertname: string, incidentId?: string): Record<string, string> {
    const { instance } = this.#options;
    return { ...this.#config.labels, alertname, ripcord: instance, ...(incidentId === undefined ? {} : { incident_id: incidentId }) };
  }

  #generator(path: string): Pick<Alert, "generatorURL"> {
    const { link } = this.#config;
    return link === undefined ? {} : { generatorURL: `${link.replace(/\/+$/, "")}${path}` };
  }

  async #post(alerts: readonly Alert[]): Promise<Outcome> {
    const { tokenFile, url } = this.#config;
    const token = readQuietly(tokenFile);
    if (tokenFile !== undefined && token === undefined) return { kind: "retry", reason: "tokenFile cannot be read or is empty" };
    return deliver({
      url: `${url.replace(/\/+$/, "")}/api/v2/alerts`,
      method: "POST",
      body: JSON.stringify(alerts),
      headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      timeoutMs: DELIVER_TIMEOUT_MS,
      closing: this.#closing.signal,
    });
  }

  #save(changes: Parameters<TargetOptions["store"]["save"]>[1]): void {
    const { store, log } = this.#options;
    this.#saving = this.#saving
      .then(() => store.save(this.name, changes))
      .catch((error: unknown) => log.error({ target: this.name, error: String(error) }, "what was told could not be written"));
  }
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
