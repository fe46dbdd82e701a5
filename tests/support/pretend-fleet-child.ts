import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { HealthKind, Verdict } from "#lib/health/verdict";
import { HEALTH_KINDS } from "#lib/health/verdict";
import type { VmReport } from "#lib/vm/report";
import { BRIDGE_TOKEN_FILE, startHub } from "#server/hub/compose";
import { prepareWeb } from "#server/hub/web";
import { silentLog } from "#server/log";
import { FakeBridge } from "./fake-bridge.ts";
import { testConfig } from "./hub.ts";
import { guestDisk, hungVm, migrationInstance, vmReport } from "./vm-report.ts";

/**
 * A real hub with its pages, and as many hosts of as many VMs as a test wants behind it, none of which exist:
 * `node pretend-fleet-child.ts DATA_DIR PORT HOSTS VMS_PER_HOST`. One command a line on stdin, answered by "ok":
 * `hang HOST COUNT`, `stall HOST COUNT`, `verdicts HOST` (its first VMs, one per verdict, in the order of HEALTH_KINDS),
 * `heal HOST`, `silence HOST`, `return HOST`, `hold HOST` (acts there get no verdict), `churn PER_SECOND` (so many
 * VMs become slow or well again each second, on every host but the first; 0 ends it and makes them well). Hosts count from 1. Ends with its
 * stdin. Acts are accepted, and a hung VM recovers from them.
 */
const [dataDir = "", port = "0", hostCount = "1", perHost = "1"] = process.argv.slice(2);
const ROOT = join(import.meta.dirname, "../..");
const FAR_SIDE = { key: "nbd:tcp:10.0.4.15:10809:exp", text: "NBD server 10.0.4.15:10809, export exp" };

const VERDICTS: Record<HealthKind, Verdict> = {
  "main-loop-hung": { kind: "main-loop-hung", cord: "in-reach" },
  silent: { kind: "silent", reason: "stopped" },
  "io-stalled": { kind: "io-stalled", nodes: ["nbd0"] },
  "migration-stalled": { kind: "migration-stalled", migrationStatus: "active" },
  "guest-stopped": { kind: "guest-stopped", runState: "io-error" },
  unreachable: { kind: "unreachable", reason: "process-gone" },
  slow: { kind: "slow" },
  unknown: { kind: "unknown", reason: "no-valid-reading" },
  "monitor-busy": { kind: "monitor-busy", peerPid: 812 },
  healthy: { kind: "healthy" },
};

const OPEN_LANE = { state: "open" as const, openAgeMs: 760_000, lastRoundTripMs: 0.5 };
const ABSENT_LANE = { state: "absent" as const, reason: "not-connected" as const };

/** What else a bridge would report of a VM with that verdict. */
const PRETENDED: Partial<Record<HealthKind, Partial<VmReport>>> = {
  silent: { lanes: { inBand: OPEN_LANE, outOfBand: OPEN_LANE }, runState: { value: "running", ageMs: 760_000, isLastKnown: true } },
  unreachable: { lanes: { inBand: ABSENT_LANE, outOfBand: ABSENT_LANE } },
  "monitor-busy": { lanes: { inBand: ABSENT_LANE, outOfBand: ABSENT_LANE }, instances: [] },
  "migration-stalled": {
    migration: {
      direction: "outgoing",
      status: "active",
      startId: "1",
      transferredBytes: 5_200_000_000,
      remainingBytes: 3_300_000_000,
      totalBytes: 8_500_000_000,
      bytesPerSecond: 0,
      uri: "tcp:10.0.0.4:4444",
      startedAgeMs: 120_000,
      stalledAgeMs: 65_000,
      sampleAgeMs: 100,
    },
  },
  "guest-stopped": { runState: { value: "io-error", ageMs: 10, isLastKnown: false } },
};

const resolved = testConfig(dataDir, Number(port));
const names = Array.from({ length: Number(hostCount) }, (_, index) => `kvm-${String(index + 1).padStart(2, "0")}`);
const tokenFile = join(dataDir, BRIDGE_TOKEN_FILE);
for (const id of names) resolved.config.bridges.push({ id, tokenFile });
const hub = await startHub({
  resolved,
  log: silentLog(),
  version: "test",
  isOpen: true,
  hasLocalBridge: false,
  prepareWeb: (server) => prepareWeb(server, { root: ROOT, host: "127.0.0.1", port: Number(port), isDevelopment: false }),
});
const token = readFileSync(tokenFile, "utf8").trim();
const bridges = names.map((id, host) => new FakeBridge({ hubUrl: hub.url, token, bridgeId: id, label: id, vms: vmsOf(host, wellVm) }));
const holding = new Set<FakeBridge>();
for (const bridge of bridges) {
  bridge.onGo = ({ actId }, { vmId }) => {
    void act(bridge, actId, vmId);
    return { ok: true };
  };
}
process.stdout.write(`ready ${hub.port}\n`);

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  obey(line.split(" "));
  process.stdout.write("ok\n");
});
let churning: NodeJS.Timeout | undefined;
lines.on("close", () => {
  clearInterval(churning);
  for (const bridge of bridges) bridge.close();
  void hub.close().then(() => process.exit(0));
});

function obey([verb, hostText, countText]: string[]): void {
  if (verb === "churn") {
    churn(Number(hostText));
    return;
  }
  const host = Number(hostText) - 1;
  const bridge = bridges[host];
  if (!bridge) throw new Error(`There is no host ${hostText}`);
  const first = (count: string | undefined) => vmsOf(host, wellVm).slice(0, Number(count ?? 1));
  switch (verb) {
    case "hang":
      bridge.set(...first(countText).map((vm) => hungOn(vm)));
      return;
    case "stall":
      bridge.set(...first(countText).map((vm) => stalled(vm)));
      return;
    case "verdicts":
      bridge.set(...HEALTH_KINDS.flatMap((kind, index) => showing(kind, vmsOf(host, wellVm)[index])));
      return;
    case "hold":
      holding.add(bridge);
      return;
    case "heal":
      bridge.set(...vmsOf(host, wellVm));
      return;
    case "silence":
      bridge.socket.disconnect();
      return;
    case "return":
      bridge.socket.connect();
      return;
    default:
      throw new Error(`There is no command ${verb}`);
  }
}

/** What a bridge reports of an act that QEMU took; the VM recovers, unless this host was told to hold the verdict back. */
async function act(bridge: FakeBridge, actId: string, vmId: string): Promise<void> {
  const vm = bridge.vms.get(vmId);
  await bridge.progress(actId, vmId, { state: "accepted", verdict: "pending", replyAfterMs: 0.6 });
  if (holding.has(bridge)) return;
  if (vm) bridge.set(wellVm(vmId, vm.name));
  await bridge.progress(actId, vmId, {
    state: "accepted",
    verdict: "recovered",
    replyAfterMs: 0.6,
    recoveredAfterMs: 7,
    recoveredParts: ["main-loop"],
    isFinal: true,
  });
}

/** The VM with this verdict; nothing where the host has too few. */
function showing(kind: HealthKind, vm: VmReport | undefined): VmReport[] {
  if (!vm) return [];
  if (kind === "main-loop-hung") return [hungOn(vm)];
  return [
    vmReport({
      vmId: vm.vmId,
      name: vm.name,
      instances:
        kind === "migration-stalled" ? [guestDisk({ farSide: FAR_SIDE }), migrationInstance()] : [guestDisk({ farSide: FAR_SIDE })],
      ...PRETENDED[kind],
      health: { verdict: VERDICTS[kind], sinceAgeMs: 48_000, readingAgeMs: 100, evidence: [] },
    }),
  ];
}

/** In tenths of a second, one VM after the other through all hosts but the first, so that a test can trust that one. */
function churn(perSecond: number): void {
  clearInterval(churning);
  if (perSecond === 0) {
    for (const bridge of bridges) bridge.set(...[...bridge.vms.values()].filter(isSlow).map((vm) => wellVm(vm.vmId, vm.name)));
    return;
  }
  let turn = 0;
  churning = setInterval(() => {
    for (let step = 0; step < perSecond / 10; step++) {
      turn += 1;
      const host = 1 + (turn % Math.max(1, bridges.length - 1));
      const at = Math.floor(turn / bridges.length) % Number(perHost);
      const vm = bridges[host]?.vms.get(vmIdOf(host, at));
      if (vm && isSlow(vm)) bridges[host]?.set(wellVm(vm.vmId, vm.name));
      else if (vm?.health.verdict.kind === "healthy") bridges[host]?.set(slow(vm));
    }
  }, 100);
}

function isSlow(vm: VmReport): boolean {
  return vm.health.verdict.kind === "slow";
}

function vmIdOf(host: number, index: number): string {
  return `vm${String(host + 1).padStart(3, "0")}${String(index).padStart(5, "0")}`;
}

function vmsOf(host: number, make: (vmId: string, name: string) => VmReport): VmReport[] {
  return Array.from({ length: Number(perHost) }, (_, index) =>
    make(vmIdOf(host, index), `${["web", "db", "mail", "cache"][index % 4]}-${host + 1}-${index + 1}`),
  );
}

function wellVm(vmId: string, name: string): VmReport {
  return vmReport({ vmId, name, tags: [name.startsWith("db") ? "storage" : "shop"], instances: [guestDisk({ farSide: FAR_SIDE })] });
}

function slow({ vmId, name }: VmReport): VmReport {
  return vmReport({
    ...wellVm(vmId, name),
    health: { verdict: { kind: "slow" }, sinceAgeMs: 1_200, readingAgeMs: 100, evidence: [] },
    lanes: { inBand: { state: "open", openAgeMs: 1_200 }, outOfBand: { state: "answered", bucket: "<10ms", roundTripMs: 0.4 } },
  });
}

function hungOn({ vmId, name }: VmReport): VmReport {
  const clues = [
    { code: "sent-unanswered" as const, text: "12 kB sent, nothing received for 192 s", ageMs: 500 },
    { code: "work-outstanding" as const, text: "1 request of vda in its queue did not complete", ageMs: 40_000 },
  ];
  return hungVm({ vmId, name, instances: [guestDisk({ farSide: FAR_SIDE, clues })] });
}

function stalled({ vmId, name }: VmReport): VmReport {
  return vmReport({
    vmId,
    name,
    instances: [guestDisk({ farSide: FAR_SIDE })],
    health: { verdict: { kind: "io-stalled", nodes: ["nbd0"] }, sinceAgeMs: 48_000, readingAgeMs: 100, evidence: [] },
  });
}
