import type { InstanceReport } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";

/** A healthy VM as a bridge reports it, with what the test says otherwise. */
export function vmReport(overrides: Partial<VmReport> & Pick<VmReport, "vmId">): VmReport {
  return {
    address: `/run/ripcord/monitors/${overrides.vmId}.sock`,
    incarnation: { id: `${overrides.vmId}-1`, pid: 4711, by: "process" },
    name: overrides.vmId,
    launcher: "plain",
    qemuVersion: { major: 7, minor: 2, micro: 22, package: "Debian 1:7.2+dfsg-7" },
    hasOob: true,
    isSimulated: false,
    tags: [],
    runState: { value: "running", ageMs: 10, isLastKnown: false },
    health: { verdict: { kind: "healthy" }, sinceAgeMs: 60_000, readingAgeMs: 10, evidence: [] },
    lanes: {
      inBand: { state: "answered", bucket: "<10ms", roundTripMs: 0.4 },
      outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 0.4 },
    },
    instances: [],
    instancesAgeMs: 100,
    topologyAgeMs: 1_000,
    notices: [],
    ...overrides,
  };
}

/** A VM whose main loop hangs on a disk, with the cord in reach. */
export function hungVm(overrides: Partial<VmReport> & Pick<VmReport, "vmId">): VmReport {
  return vmReport({
    runState: { value: "running", ageMs: 42_000, isLastKnown: true },
    health: {
      verdict: { kind: "main-loop-hung", cord: "in-reach" },
      sinceAgeMs: 37_000,
      readingAgeMs: 200,
      evidence: [
        { code: "in-band-overdue", text: "query-status has waited for 42 s" },
        { code: "oob-answers", text: "query-yank answered in 0.4 ms" },
      ],
    },
    lanes: {
      inBand: { state: "open", openAgeMs: 42_000, lastRoundTripMs: 0.5 },
      outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 0.4 },
    },
    instances: [guestDisk(), monitorChardev()],
    ...overrides,
  });
}

export function guestDisk(overrides: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance: { type: "block-node", "node-name": "nbd0" },
    serves: { kind: "guest-disk", owner: "vda", how: "virtio-blk-pci vda through node fmt0", werror: "report", rerror: "report" },
    farSide: { key: "nbd:tcp:10.0.0.9:10809/exp", text: "NBD 10.0.0.9:10809, export exp" },
    connection: "connected",
    isMonitor: false,
    yankable: true,
    ...overrides,
  };
}

export function serialConsole(overrides: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance: { type: "chardev", id: "ser0" },
    serves: { kind: "serial-console", owner: "isa-serial" },
    connection: "connected",
    isServer: true,
    isMonitor: false,
    yankable: true,
    ...overrides,
  };
}

export function monitorChardev(overrides: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance: { type: "chardev", id: "compat_monitor0" },
    serves: { kind: "monitor" },
    connection: "connected",
    isServer: true,
    isMonitor: true,
    yankable: { code: "is-monitor", text: "compat_monitor0 is a monitor: yanking it takes the VM away from whoever holds it" },
    ...overrides,
  };
}

export function migrationInstance(overrides: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance: { type: "migration" },
    serves: { kind: "migration-out" },
    farSide: { key: "tcp:10.0.0.4:4444", text: "10.0.0.4:4444" },
    connection: "connected",
    isMonitor: false,
    yankable: true,
    ...overrides,
  };
}
