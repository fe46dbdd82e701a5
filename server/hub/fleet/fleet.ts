import type { BridgeView, FleetSnapshot, VmDetail, VmSummary } from "#lib/api/vm";
import type { BridgeHello, Pulse, VmDetailReport } from "#lib/link/contract";
import type { FleetDelta } from "#lib/realtime/events";
import type { VmId, VmReport } from "#lib/vm/report";
import type { PlannableVm } from "#lib/yank/plannable-vm";
import type { Clock } from "../clock.ts";
import { newBridge, viewBridge } from "./bridge-presence.ts";
import type { Bridge } from "./bridge-presence.ts";
import { ChangeLog } from "./change-log.ts";
import { firstRows } from "./first-rows.ts";
import { GuestIndex } from "./guest-index.ts";
import { TroubleIndex } from "./trouble-index.ts";
import { rowFingerprint, summarise, viewVm } from "./vm-view.ts";
import type { VmView } from "./vm-view.ts";

/** A bridge whose newest message is older than this is as good as gone. */
export const PULSE_LOST_AFTER_MS = 5_000;
/** What others in trouble say of a VM is told at most this often, */
const PEERS_INTERVAL_MS = 300;
/** and where it is told of very many, once in so many times as long. */
const PEERS_PER_INTERVAL = 200;

export interface FleetOptions {
  clock: Clock;
  /** Random per hub start. */
  epoch: string;
  events: FleetListener;
}

/** What the fleet tells, always after its own state has changed. */
export interface FleetListener {
  /** Rows changed: `revision` has grown. */
  rowsChanged(): void;
  /** What the pages of these VMs show has changed, though perhaps not their row. */
  detailsChanged(vmIds: VmId[]): void;
  /** Something about the bridges themselves has changed. */
  bridgesChanged(): void;
  /** A VM has left the list; its last state, with when and why. */
  vmEnded(detail: VmDetail): void;
}

interface Vm {
  bridgeId: string;
  report: VmReport;
  receivedAtMs: number;
  view: VmView;
  fingerprint: string;
  row: VmSummary;
  /** The row as JSON, made once per change and reused by every snapshot. */
  rowJson: string;
  readings?: VmDetail["readings"];
}

/** The merged state of all bridges, with revisions. Owned by the hub; it starts no timer: `checkPulses` is called by its owner. */
export class Fleet {
  readonly epoch: string;
  readonly #clock: Clock;
  readonly #events: FleetListener;
  readonly #bridges = new Map<string, Bridge>();
  readonly #vms = new Map<VmId, Vm>();
  readonly #acts = new Map<VmId, NonNullable<VmSummary["actInProgress"]>>();
  readonly #incidents = new Map<VmId, string>();
  readonly #troubled = new TroubleIndex();
  readonly #guests = new GuestIndex();
  /** Servers whose number of VMs in trouble has changed, and the VMs there were not told yet. */
  readonly #changedServers = new Set<string>();
  #stopPeers: (() => void) | undefined;
  readonly #log = new ChangeLog();
  #revision = 0;

  constructor({ clock, epoch, events }: FleetOptions) {
    this.#clock = clock;
    this.epoch = epoch;
    this.#events = events;
  }

  get revision(): number {
    return this.#revision;
  }

  get vmCount(): number {
    return this.#vms.size;
  }

  /** A bridge that ought to be there, so that the screen can say that it is not. */
  expectBridge(bridgeId: string, host: string, isSimulated = false): void {
    if (this.#bridges.has(bridgeId)) return;
    this.#bridges.set(bridgeId, newBridge({ bridgeId, host, isSimulated, nowMs: this.#clock.nowMs(), presence: "absent" }));
    this.#events.bridgesChanged();
  }

  bridgeConnected(hello: Pick<BridgeHello, "bridgeId" | "label" | "isSimulated">): void {
    const nowMs = this.#clock.nowMs();
    const known = this.#bridges.get(hello.bridgeId);
    const bridge = newBridge({ bridgeId: hello.bridgeId, host: hello.label, isSimulated: hello.isSimulated, nowMs, presence: "syncing" });
    // Its VMs stay "lost" until its snapshot says what they are now.
    if (known) Object.assign(bridge, { vmIds: known.vmIds, hubNotices: known.hubNotices, lostSinceAtMs: known.lostSinceAtMs ?? nowMs });
    if (known === undefined || known.vmIds.size === 0) bridge.lostSinceAtMs = undefined;
    this.#bridges.set(hello.bridgeId, bridge);
    this.#events.bridgesChanged();
  }

  bridgeDisconnected(bridgeId: string): void {
    const bridge = this.#bridges.get(bridgeId);
    if (bridge === undefined || bridge.presence === "absent") return;
    this.#lose(bridge, "absent");
  }

  bridgeRefused(bridgeId: string, reason: string): void {
    const bridge = this.#bridges.get(bridgeId);
    if (!bridge) return;
    const isNews = bridge.refused?.reason !== reason;
    bridge.refused = { reason, atMs: this.#clock.nowMs() };
    // Who dials again and again needs no token for it, and must not make the hub write to every browser each time.
    if (isNews) this.#events.bridgesChanged();
  }

  /** A line about a bridge from the hub itself, under a key of its own; undefined takes it back. */
  noteBridge(bridgeId: string, key: string, text: string | undefined): void {
    const notices = this.#bridges.get(bridgeId)?.hubNotices;
    if (notices === undefined || notices.get(key) === text) return;
    if (text === undefined) notices.delete(key);
    else notices.set(key, text);
    this.#events.bridgesChanged();
  }

  /** Any message of a bridge shows that it lives. */
  heard(bridgeId: string): void {
    const bridge = this.#bridges.get(bridgeId);
    if (!bridge) return;
    bridge.heardAtMs = this.#clock.nowMs();
    if (bridge.presence !== "quiet") return;
    // It was only quiet: what it told before still holds, as old as it now is.
    bridge.presence = "live";
    bridge.lostSinceAtMs = undefined;
    this.#refresh(this.#vmsOf(bridge));
    this.#events.bridgesChanged();
  }

  pulse(bridgeId: string, pulse: Pulse): void {
    const bridge = this.#bridges.get(bridgeId);
    if (!bridge) return;
    bridge.newestProbeAtMs = pulse.newestProbeAgeMs === undefined ? undefined : Math.round(this.#clock.nowMs() - pulse.newestProbeAgeMs);
    const isSame = bridge.notices.length === pulse.notices.length && bridge.notices.every((text, index) => text === pulse.notices[index]);
    bridge.notices = pulse.notices;
    if (!isSame) this.#events.bridgesChanged();
  }

  /** The whole set of a bridge's VMs, all at once. */
  replace(bridgeId: string, reports: readonly VmReport[]): void {
    const bridge = this.#bridges.get(bridgeId);
    if (!bridge) return;
    bridge.presence = "live";
    bridge.lostSinceAtMs = undefined;
    const present = new Set(reports.map((report) => report.vmId));
    const gone = [...bridge.vmIds].filter((vmId) => !present.has(vmId));
    this.#apply(bridge, reports, gone);
    this.#events.bridgesChanged();
  }

  update(bridgeId: string, changed: readonly VmReport[], removed: readonly VmId[]): void {
    const bridge = this.#bridges.get(bridgeId);
    if (bridge) this.#apply(bridge, changed, removed);
  }

  /**
   * What is known of a VM whose newest report could not be read: who it is, and of how it is only that nobody knows.
   * Undefined where this bridge has no such VM.
   */
  unreadable(bridgeId: string, vmId: VmId): VmReport | undefined {
    const vm = this.#vms.get(vmId);
    if (vm?.bridgeId !== bridgeId) return undefined;
    const sinceReceivedMs = Math.max(0, this.#clock.nowMs() - vm.receivedAtMs);
    const { runState, health, ...report } = vm.report;
    return {
      ...report,
      ...(runState === undefined ? {} : { runState: { ...runState, ageMs: runState.ageMs + sinceReceivedMs, isLastKnown: true } }),
      health: {
        verdict: { kind: "unknown", reason: "no-valid-reading" },
        sinceAgeMs: health.verdict.kind === "unknown" ? health.sinceAgeMs + sinceReceivedMs : 0,
        readingAgeMs: health.readingAgeMs + sinceReceivedMs,
        evidence: [{ code: "unreadable-report", text: "Its bridge sent a report that this hub cannot read; what follows was so before" }],
      },
      lanes: { inBand: { state: "absent", reason: "not-connected" }, outOfBand: { state: "absent", reason: "not-connected" } },
    };
  }

  setReadings(bridgeId: string, detail: VmDetailReport): void {
    const vm = this.#vms.get(detail.vmId);
    if (!vm || vm.bridgeId !== bridgeId) return;
    const { inBandRoundTripMs, outOfBandRoundTripMs, counters } = detail;
    vm.readings = { atMs: this.#clock.nowMs(), inBandRoundTripMs, outOfBandRoundTripMs, counters };
    this.#events.detailsChanged([detail.vmId]);
  }

  /** Shows on the VM's row that an act is under way, or no longer is; also on one that is reported only later. */
  setAct(vmId: VmId, act: VmSummary["actInProgress"]): void {
    if (act) this.#acts.set(vmId, act);
    else this.#acts.delete(vmId);
    const vm = this.#vms.get(vmId);
    if (vm) this.#refresh([vm]);
  }

  /** Shows on the rows to which incident the VMs belong now, all at once; undefined: to none. */
  setIncidents(memberships: ReadonlyMap<VmId, string | undefined>): void {
    const vms: Vm[] = [];
    for (const [vmId, incidentId] of memberships) {
      if (incidentId === undefined) this.#incidents.delete(vmId);
      else this.#incidents.set(vmId, incidentId);
      const vm = this.#vms.get(vmId);
      if (vm) vms.push(vm);
    }
    if (vms.length > 0) this.#refresh(vms);
  }

  /** Ends what it waits for; safe to call twice. */
  close(): void {
    this.#stopPeers?.();
    this.#stopPeers = undefined;
  }

  /** Finds bridges that have gone quiet without hanging up. To be called at least once a second. */
  checkPulses(): void {
    const nowMs = this.#clock.nowMs();
    for (const bridge of this.#bridges.values()) {
      if (bridge.presence === "live" && nowMs - bridge.heardAtMs > PULSE_LOST_AFTER_MS) this.#lose(bridge, "quiet");
    }
  }

  bridgeIdOf(vmId: VmId): string | undefined {
    return this.#vms.get(vmId)?.bridgeId;
  }

  /** The newest report of a VM and whether its bridge is lost, for the yank desk. */
  reportOf(vmId: VmId): PlannableVm | undefined {
    const vm = this.#vms.get(vmId);
    const bridge = vm && this.#bridges.get(vm.bridgeId);
    if (!vm || !bridge) return undefined;
    const { report, bridgeId } = vm;
    return { report, bridgeId, host: bridge.host, isLost: bridge.lostSinceAtMs !== undefined, peers: this.#troubled.peersOf(report) };
  }

  rows(): VmSummary[] {
    return Array.from(this.#vms.values(), (vm) => vm.row);
  }

  detail(vmId: VmId): VmDetail | undefined {
    const vm = this.#vms.get(vmId);
    return vm && { ...vm.view, changedAtRevision: vm.row.changedAtRevision, ...(vm.readings ? { readings: vm.readings } : {}) };
  }

  bridges(): BridgeView[] {
    return Array.from(this.#bridges.values(), viewBridge);
  }

  /** The snapshot as JSON; `rowJson` of each VM is reused as it is. */
  snapshotJson(isWanted?: (row: VmSummary) => boolean): string {
    const head: Omit<FleetSnapshot, "vms"> = {
      epoch: this.epoch,
      revision: this.#revision,
      serverTimeMs: this.#clock.nowMs(),
      bridges: this.bridges(),
    };
    const rows: string[] = [];
    for (const vm of this.#vms.values()) if (isWanted === undefined || isWanted(vm.row)) rows.push(vm.rowJson);
    return `${JSON.stringify(head).slice(0, -1)},"vms":[${rows.join(",")}]}`;
  }

  /** The same, cut to the first rows: those in trouble before others, then by name. */
  firstRowsJson(limit: number, isWanted: (row: VmSummary) => boolean): string {
    return JSON.stringify(
      firstRows({
        snapshot: { epoch: this.epoch, revision: this.#revision, serverTimeMs: this.#clock.nowMs(), bridges: this.bridges() },
        rows: [...this.#vms.values()].flatMap(({ row }) => (isWanted(row) ? [row] : [])),
        limit,
      }),
    );
  }

  /** Undefined when that revision is of another start, of the future, or too long ago. */
  deltaSince(epoch: string, revision: number): FleetDelta | undefined {
    if (epoch !== this.epoch || revision > this.#revision) return undefined;
    const since = this.#log.since(revision, this.#clock.nowMs());
    if (!since) return undefined;
    const changed = since.changed.flatMap((vmId) => this.#vms.get(vmId)?.row ?? []);
    return { epoch: this.epoch, fromRevision: revision, toRevision: this.#revision, changed, removed: since.removed };
  }

  #apply(bridge: Bridge, reports: readonly VmReport[], removed: readonly VmId[]): void {
    const receivedAtMs = this.#clock.nowMs();
    const changed: Vm[] = [];
    const ended = removed.filter((vmId) => bridge.vmIds.has(vmId));
    for (const report of reports) {
      const known = this.#vms.get(report.vmId);
      // A vmId is a hash of its bridge's id: another bridge that claims it is mistaken.
      if (known && known.bridgeId !== bridge.bridgeId) continue;
      if (known === undefined && report.ended) continue;
      if (known) {
        if (known.report.incarnation.id !== report.incarnation.id) known.readings = undefined;
        Object.assign(known, { report, receivedAtMs });
        changed.push(known);
      } else {
        changed.push(this.#add(bridge, report, receivedAtMs));
      }
      if (report.ended) ended.push(report.vmId);
      this.#peersChanged(this.#troubled.set(report));
      for (const vmId of this.#guests.set(report)) {
        const source = this.#vms.get(vmId);
        if (source) changed.push(source);
      }
    }
    for (const vmId of ended) {
      this.#peersChanged(this.#troubled.remove(vmId));
      this.#guests.end(vmId);
    }
    this.#refresh(changed, ended);
  }

  /** Others on these servers are told of it a little later, once for whatever changes until then. */
  #peersChanged(servers: readonly string[]): void {
    for (const server of servers) this.#changedServers.add(server);
    if (this.#changedServers.size === 0 || this.#stopPeers !== undefined) return;
    this.#stopPeers = this.#clock.after(PEERS_INTERVAL_MS, () => this.#tellPeers());
  }

  #tellPeers(): void {
    const vms = new Set<Vm>();
    for (const server of this.#changedServers) {
      for (const vmId of this.#troubled.vmsOf(server)) {
        const vm = this.#vms.get(vmId);
        if (vm) vms.add(vm);
      }
    }
    this.#changedServers.clear();
    // The next time comes later where this one cost more.
    this.#stopPeers = this.#clock.after(PEERS_INTERVAL_MS * Math.ceil((vms.size + 1) / PEERS_PER_INTERVAL), () => {
      this.#stopPeers = undefined;
      this.#peersChanged([]);
    });
    if (vms.size > 0) this.#refresh([...vms]);
  }

  #add(bridge: Bridge, report: VmReport, receivedAtMs: number): Vm {
    const view = viewVm(report, { bridgeId: bridge.bridgeId, host: bridge.host, receivedAtMs });
    const row = summarise(view, 0);
    const vm: Vm = { bridgeId: bridge.bridgeId, report, receivedAtMs, view, fingerprint: "", row, rowJson: "" };
    this.#vms.set(report.vmId, vm);
    bridge.vmIds.add(report.vmId);
    return vm;
  }

  /** One revision for everything that is different now. */
  #refresh(vms: readonly Vm[], ended: readonly VmId[] = []): void {
    const revision = this.#revision + 1;
    let hasChanged = false;
    for (const vm of vms) {
      const bridge = this.#bridges.get(vm.bridgeId);
      if (!bridge) continue;
      vm.view = viewVm(vm.report, {
        bridgeId: bridge.bridgeId,
        host: bridge.host,
        receivedAtMs: vm.receivedAtMs,
        lostSinceAtMs: bridge.lostSinceAtMs,
        actInProgress: this.#acts.get(vm.report.vmId),
        incidentId: this.#incidents.get(vm.report.vmId),
        peers: this.#troubled.peersOf(vm.report),
        sameGuest: this.#guests.othersOf(vm.report),
        previous: vm.view,
      });
      const fingerprint = rowFingerprint(vm.view);
      if (fingerprint === vm.fingerprint) continue;
      vm.fingerprint = fingerprint;
      vm.row = summarise(vm.view, revision);
      vm.rowJson = JSON.stringify(vm.row);
      this.#log.changed(vm.report.vmId, revision);
      hasChanged = true;
    }
    const endings: VmDetail[] = [];
    for (const vmId of new Set(ended)) {
      const ending = this.#end(vmId, revision);
      if (ending) endings.push(ending);
    }
    if (hasChanged || endings.length > 0) this.#revision = revision;
    if (hasChanged || endings.length > 0) this.#events.rowsChanged();
    const stillThere = vms.map((vm) => vm.report.vmId).filter((vmId) => this.#vms.has(vmId));
    if (stillThere.length > 0) this.#events.detailsChanged(stillThere);
    for (const ending of endings) this.#events.vmEnded(ending);
  }

  #end(vmId: VmId, revision: number): VmDetail | undefined {
    const vm = this.#vms.get(vmId);
    if (!vm) return undefined;
    const nowMs = this.#clock.nowMs();
    this.#vms.delete(vmId);
    this.#bridges.get(vm.bridgeId)?.vmIds.delete(vmId);
    this.#log.removed(vmId, revision, nowMs);
    return {
      ...vm.view,
      changedAtRevision: revision,
      endedAtMs: vm.view.endedAtMs ?? nowMs,
      endedReason: vm.view.endedReason ?? endedReason(vm.report),
    };
  }

  #lose(bridge: Bridge, presence: "absent" | "quiet"): void {
    bridge.presence = presence;
    bridge.lostSinceAtMs ??= this.#clock.nowMs();
    this.#refresh(this.#vmsOf(bridge));
    this.#events.bridgesChanged();
  }

  #vmsOf(bridge: Bridge): Vm[] {
    return [...bridge.vmIds].flatMap((vmId) => this.#vms.get(vmId) ?? []);
  }
}

/** Why a VM left that its bridge only stopped reporting. */
function endedReason({ health: { verdict } }: VmReport): string {
  return verdict.kind === "unreachable" && verdict.reason === "process-gone" ? "process-gone" : "no longer reported by its bridge";
}
