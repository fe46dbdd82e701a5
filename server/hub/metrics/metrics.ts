import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { BridgeView, VmSummary } from "#lib/api/vm";
import type { LaneView } from "#lib/health/lane";
import { HEALTH_KINDS } from "#lib/health/verdict";
import type { IncidentSummary } from "#lib/incident/incident";
import type { ActRecord } from "#lib/yank/act";
import type { Clock } from "../clock.ts";
import { CLOCK_BUCKETS_S, METRICS } from "./definitions.ts";
import type { MetricName } from "./definitions.ts";
import { EventLoopDelay } from "./event-loop-delay.ts";
import { labelText } from "./label.ts";

/** How often the clocks are looked at for the histogram, and how long a window of the event loop's delay is. */
export const SAMPLE_MS = 10_000;
/** Targets of acts that were counted already; an act is told of again only shortly after its last word. */
const MAX_COUNTED = 10_000;

export interface MetricsOptions {
  fleet: { rows(): VmSummary[]; bridges(): BridgeView[] };
  incidents: { active(): IncidentSummary[] };
  clock: Clock;
  version: string;
  /** With more VMs than this there are no series per VM. */
  maxVms: number;
  browserCount(): number;
  receivers(): { name: string; queued: number }[];
}

type Labels = Record<string, string>;

/**
 * What Prometheus scrapes. Nothing is kept up to date for it: a scrape reads the fleet as it stands. Only what has no
 * state to be read from is counted as it happens, and the clocks are looked at every ten seconds, which is `sample`.
 */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #clocks: Histogram;
  readonly #delay = new EventLoopDelay();
  readonly #activeIncidents = new Set<string>();
  readonly #countedTargets = new Set<string>();
  #rendering: Promise<string> | undefined;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    for (const [name, { type, labels, help }] of Object.entries(METRICS)) {
      const shape = { name, help, labelNames: [...labels], registers };
      if (type === "gauge") this.#gauges.set(name as MetricName, new Gauge(shape));
      if (type === "counter") this.#counters.set(name as MetricName, new Counter(shape));
    }
    const { help, labels } = METRICS.ripcord_clock_seconds;
    this.#clocks = new Histogram({ name: "ripcord_clock_seconds", help, labelNames: [...labels], buckets: CLOCK_BUCKETS_S, registers });
    for (const { incidentId } of options.incidents.active()) this.#activeIncidents.add(incidentId);
    for (const database of ["record", "history"]) this.#count("ripcord_store_errors_total", { database }, 0);
    this.#set("ripcord_build_info", 1, { version: labelText(options.version) });
    this.#set("ripcord_hub_start_timestamp_seconds", options.clock.nowMs() / 1_000);
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** The text that is scraped. Whoever asks while it is being made gets the same. */
  render(): Promise<string> {
    return (this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined;
    }));
  }

  /** To be called every SAMPLE_MS. */
  sample(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const { lanes } of this.#options.fleet.rows()) {
      this.#observe("in-band", lanes.inBand, nowMs);
      this.#observe("out-of-band", lanes.outOfBand, nowMs);
    }
    this.#delay.roll();
  }

  actChanged(act: ActRecord): void {
    for (const { vmId, isFinal, state, verdict } of act.targets) {
      const key = `${act.actId} ${vmId}`;
      if (!isFinal || this.#countedTargets.has(key)) continue;
      this.#countedTargets.add(key);
      this.#count("ripcord_act_targets_total", { action: act.action, state, verdict });
    }
    for (const key of this.#countedTargets) {
      if (this.#countedTargets.size <= MAX_COUNTED) break;
      this.#countedTargets.delete(key);
    }
  }

  incidentsChanged(incidents: readonly IncidentSummary[]): void {
    for (const { incidentId, state } of incidents) {
      if (state === "resolved") {
        if (this.#activeIncidents.delete(incidentId)) this.#count("ripcord_incidents_resolved_total");
      } else if (!this.#activeIncidents.has(incidentId)) {
        this.#activeIncidents.add(incidentId);
        this.#count("ripcord_incidents_opened_total");
      }
    }
  }

  notified(target: string, outcome: string): void {
    this.#count("ripcord_notify_deliveries_total", { target, outcome });
  }

  storeFailed(database: "record" | "history"): void {
    this.#count("ripcord_store_errors_total", { database });
  }

  /** Safe to call twice. */
  close(): void {
    this.#delay.close();
  }

  async #render(): Promise<string> {
    const rows = this.#options.fleet.rows();
    this.#collectVms(rows);
    this.#collectBridges();
    this.#collectIncidents();
    this.#collectOwn(rows);
    return this.#registry.metrics();
  }

  #collectVms(rows: readonly VmSummary[]): void {
    const nowMs = this.#options.clock.nowMs();
    const isLimited = rows.length > this.#options.maxVms;
    this.#clear("ripcord_vm_verdict", "ripcord_vm_verdict_since_timestamp_seconds", "ripcord_vm_request_open_seconds");
    this.#set("ripcord_vm_series_limited", isLimited ? 1 : 0);
    if (!isLimited) for (const row of rows) this.#collectVm(row, nowMs);

    this.#clear("ripcord_vms", "ripcord_vms_without_oob");
    const hosts = new Map<string, { verdicts: Map<string, number>; withoutOob: number }>();
    const countsOf = (host: string) => {
      const counts = hosts.get(host) ?? { verdicts: new Map<string, number>(), withoutOob: 0 };
      hosts.set(host, counts);
      return counts;
    };
    for (const { host } of this.#options.fleet.bridges()) countsOf(labelText(host));
    for (const { host, health, hasOob } of rows) {
      const counts = countsOf(labelText(host));
      counts.verdicts.set(health.kind, (counts.verdicts.get(health.kind) ?? 0) + 1);
      if (hasOob === false) counts.withoutOob += 1;
    }
    for (const [host, { verdicts, withoutOob }] of hosts) {
      for (const verdict of HEALTH_KINDS) this.#set("ripcord_vms", verdicts.get(verdict) ?? 0, { host, verdict });
      this.#set("ripcord_vms_without_oob", withoutOob, { host });
    }
  }

  #collectVm({ vmId, name, host, health, lanes }: VmSummary, nowMs: number): void {
    const labels = { vm_id: vmId, vm: labelText(name), host: labelText(host) };
    this.#set("ripcord_vm_verdict", 1, { ...labels, verdict: health.kind });
    this.#set("ripcord_vm_verdict_since_timestamp_seconds", health.sinceAtMs / 1_000, labels);
    for (const [lane, clock] of [["in-band", lanes.inBand] as const, ["out-of-band", lanes.outOfBand] as const]) {
      if (clock.state !== "open") continue;
      this.#set("ripcord_vm_request_open_seconds", ageS(clock.openSinceAtMs, nowMs), { ...labels, lane });
    }
  }

  #collectBridges(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#clear("ripcord_bridge_up", "ripcord_bridge_vms", "ripcord_bridge_newest_probe_age_seconds", "ripcord_bridge_lost_seconds");
    for (const { bridgeId, host, isConnected, isSyncing, lostSinceAtMs, newestProbeAtMs, vmCount } of this.#options.fleet.bridges()) {
      const labels = { bridge_id: bridgeId, host: labelText(host) };
      this.#set("ripcord_bridge_up", isConnected && !isSyncing ? 1 : 0, labels);
      this.#set("ripcord_bridge_vms", vmCount, labels);
      this.#set("ripcord_bridge_lost_seconds", lostSinceAtMs === undefined ? 0 : ageS(lostSinceAtMs, nowMs), labels);
      if (newestProbeAtMs !== undefined) this.#set("ripcord_bridge_newest_probe_age_seconds", ageS(newestProbeAtMs, nowMs), labels);
    }
  }

  #collectIncidents(): void {
    const nowMs = this.#options.clock.nowMs();
    const active = this.#options.incidents.active();
    const isOpen = ({ state }: IncidentSummary) => state === "open";
    this.#set("ripcord_incidents", active.filter(isOpen).length, { state: "open" });
    this.#set("ripcord_incidents", active.filter((incident) => !isOpen(incident)).length, { state: "mitigated" });
    const isAlone = ({ acknowledgement }: IncidentSummary) => acknowledgement === undefined || acknowledgement.untilMs <= nowMs;
    this.#set("ripcord_incidents_unacknowledged", active.filter((incident) => isOpen(incident) && isAlone(incident)).length);
  }

  #collectOwn(rows: readonly VmSummary[]): void {
    this.#set("ripcord_acts_in_progress", rows.filter(({ actInProgress }) => actInProgress !== undefined).length);
    this.#set("ripcord_browsers_connected", this.#options.browserCount());
    for (const { name, queued } of this.#options.receivers()) this.#set("ripcord_notify_queued", queued, { target: name });
    for (const [quantile, seconds] of Object.entries(this.#delay.delays())) {
      this.#set("ripcord_hub_event_loop_delay_seconds", seconds, { quantile });
    }
    this.#set("ripcord_hub_resident_memory_bytes", process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    this.#counters.get("ripcord_hub_cpu_seconds_total")?.reset();
    this.#count("ripcord_hub_cpu_seconds_total", {}, (user + system) / 1e6);
  }

  #observe(lane: string, clock: LaneView, nowMs: number): void {
    if (clock.state === "answered") this.#clocks.observe({ lane }, clock.roundTripMs / 1_000);
    if (clock.state === "open") this.#clocks.observe({ lane }, ageS(clock.openSinceAtMs, nowMs));
  }

  #set(name: MetricName, value: number, labels: Labels = {}): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  #clear(...names: MetricName[]): void {
    for (const name of names) this.#gauges.get(name)?.reset();
  }

  #count(name: MetricName, labels: Labels = {}, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }
}

/** Never negative: somebody may have set the clock. */
function ageS(sinceAtMs: number, nowMs: number): number {
  return Math.max(0, nowMs - sinceAtMs) / 1_000;
}
