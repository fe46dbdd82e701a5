import type { FactBody, VmDetailReport } from "#lib/link/contract";
import type { Ended, VmId, VmReport } from "#lib/vm/report";
import { ActVmAdapter } from "./act-vm.ts";
import type { ActVm } from "./ports.ts";
import { SupervisedVm } from "./supervised-vm.ts";
import type { MonitorSpot, VmHost } from "./vm-host.ts";
import { addressText } from "./vm-id.ts";

/** What leaves the registry; the link listens. */
export interface RegistryListener {
  vmChanged(vmId: VmId): void;
  /** It left the list; the last report carries `ended`. */
  vmEnded(report: VmReport): void;
  fact(vm: { vmId: VmId; incarnationId?: string }, body: FactBody): void;
}

/** What the registry adds to a `VmHost` that others have prepared. */
export type HostParts = Omit<VmHost, "changed" | "fact" | "claim" | "ended" | "probed">;

/**
 * All VMs of this bridge, by address. It makes a `SupervisedVm` for each spot that discovery finds, sees to it that one
 * process is one VM, and tells the listener what is worth publishing. Ends with `close`.
 */
export class VmRegistry {
  /** When any VM was last asked; undefined with none. */
  lastProbedMonoMs: number | undefined;
  readonly #host: VmHost;
  readonly #listener: RegistryListener;
  readonly #byAddress = new Map<string, SupervisedVm>();
  readonly #byId = new Map<VmId, SupervisedVm>();
  /** By incarnation id: the address under which that process is a VM. */
  readonly #byProcess = new Map<string, SupervisedVm>();
  #isClosed = false;

  constructor(parts: HostParts, listener: RegistryListener) {
    this.#listener = listener;
    this.#host = Object.assign(Object.create(null) as object, parts, {
      changed: (vm: SupervisedVm) => this.#listener.vmChanged(vm.vmId),
      fact: (vm: SupervisedVm, body: FactBody) => this.#fact(vm, body),
      claim: (vm: SupervisedVm) => this.#claim(vm),
      ended: (vm: SupervisedVm, reason: Ended["reason"]) => this.#ended(vm, reason),
      probed: (nowMonoMs: number) => {
        this.lastProbedMonoMs = nowMonoMs;
      },
    });
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Ids of all VMs that operators may see. */
  listedIds(): VmId[] {
    const ids: VmId[] = [];
    for (const vm of this.#byId.values()) if (vm.isListed) ids.push(vm.vmId);
    return ids;
  }

  /** What stands in the way of watching, for people: a mistyped path, a socket that may not be opened. */
  notices(): string[] {
    const texts: string[] = [];
    const forbidden: string[] = [];
    for (const vm of this.#byId.values()) {
      if (vm.isForbidden) forbidden.push(addressText(vm.address));
      else if (vm.spot.isExplicit && !vm.isListed && !vm.isStandingBy) {
        texts.push(`Nobody listens at ${addressText(vm.address)}, which the config names`);
      }
    }
    if (forbidden.length > 0) texts.unshift(`The bridge's user may not open ${forbidden.length} monitor sockets, such as ${forbidden[0]}`);
    return texts;
  }

  report(vmId: VmId): VmReport | undefined {
    const vm = this.#byId.get(vmId);
    return vm?.isListed ? vm.report() : undefined;
  }

  detail(vmId: VmId): VmDetailReport | undefined {
    const vm = this.#byId.get(vmId);
    if (!vm?.isListed) return undefined;
    // Somebody has its page open.
    this.#host.hostWatch.want(vm);
    const { client } = vm;
    const counters = client?.counters;
    return {
      vmId,
      inBandRoundTripMs: client?.inBand.lastRoundTripMs,
      outOfBandRoundTripMs: client?.outOfBand.lastRoundTripMs,
      counters: {
        eventsSeen: counters?.events ?? 0,
        repliesDropped: counters?.droppedReplies ?? 0,
        lateReplies: counters?.lateReplies ?? 0,
        bytesRead: counters?.bytesIn ?? 0,
        reconnects: vm.reconnects,
      },
    };
  }

  actVm(vmId: VmId): ActVm | undefined {
    const vm = this.#byId.get(vmId);
    return vm?.isListed ? new ActVmAdapter(vm, this.#host) : undefined;
  }

  /** Discovery found something at this address, or found it again. */
  appeared(spot: MonitorSpot, file?: string): void {
    if (this.#isClosed) return;
    const key = addressText(spot.address);
    const known = this.#byAddress.get(key);
    if (known) {
      known.socketAppeared(file);
      return;
    }
    const vm = new SupervisedVm(spot, this.#host);
    this.#byAddress.set(key, vm);
    this.#byId.set(vm.vmId, vm);
    vm.socketAppeared(file);
    vm.start();
  }

  /** The socket's file is gone. */
  vanished(address: string): void {
    this.#byAddress.get(address)?.socketVanished();
  }

  dismiss(vmId: VmId): boolean {
    return this.#byId.get(vmId)?.dismiss() ?? false;
  }

  /** The bridge stood still between these moments. */
  bridgeStalled(fromMonoMs: number, untilMonoMs: number): void {
    for (const vm of this.#byId.values()) vm.bridgeStalled(fromMonoMs, untilMonoMs);
  }

  /** Thresholds, tags or queries were configured anew. */
  applySettings(): void {
    for (const vm of this.#byId.values()) vm.applySettings();
  }

  close(): void {
    this.#isClosed = true;
    for (const vm of this.#byId.values()) vm.close();
    this.#byId.clear();
    this.#byAddress.clear();
  }

  #fact(vm: SupervisedVm, body: FactBody): void {
    if (vm.isListed) this.#listener.fact({ vmId: vm.vmId, incarnationId: vm.known.incarnation?.id }, body);
  }

  #claim(vm: SupervisedVm): boolean {
    const { incarnation } = vm.known;
    this.#unclaim(vm);
    if (incarnation?.by !== "process") return true;
    const other = this.#byProcess.get(incarnation.id);
    if (other && !other.isStandingBy && other.known.incarnation?.id === incarnation.id && other.client !== undefined) {
      if (isBefore(other.spot, vm.spot)) {
        if (vm.isListed) this.#listener.vmEnded(endedReport(vm, "replaced"));
        return false;
      }
      if (other.isListed) this.#listener.vmEnded(endedReport(other, "replaced"));
      other.standBy();
    }
    this.#byProcess.set(incarnation.id, vm);
    return true;
  }

  #unclaim(vm: SupervisedVm): void {
    const { formerIncarnationId } = vm;
    if (formerIncarnationId !== undefined && this.#byProcess.get(formerIncarnationId) === vm) this.#byProcess.delete(formerIncarnationId);
    vm.formerIncarnationId = vm.known.incarnation?.id;
  }

  #ended(vm: SupervisedVm, reason: Ended["reason"]): void {
    if (vm.isListed) {
      this.#fact(vm, { kind: "vm-ended", reason });
      this.#listener.vmEnded(endedReport(vm, reason));
    }
    this.#unclaim(vm);
    this.#byId.delete(vm.vmId);
    this.#byAddress.delete(addressText(vm.address));
    for (const other of this.#byId.values()) if (other.isStandingBy) other.stepIn();
    void this.#lookAgain(vm.spot);
  }

  /** A fresh QEMU may already listen where the ended one did, too quickly for the watcher to see two files. */
  async #lookAgain(spot: MonitorSpot): Promise<void> {
    const { address } = spot;
    if (address.kind === "tcp" || (await this.#host.socketExists(address.path))) this.appeared(spot);
  }
}

function endedReport(vm: SupervisedVm, reason: Ended["reason"]): VmReport {
  return { ...vm.report(), ended: { reason, ageMs: 0 } };
}

function isBefore(one: MonitorSpot, other: MonitorSpot): boolean {
  return one.order !== other.order ? one.order < other.order : addressText(one.address) < addressText(other.address);
}
