import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "#lib/config/schema";
import { LINK_VERSION } from "#lib/link/contract";
import type { Pulse } from "#lib/link/contract";
import { systemClock } from "#server/qmp/clock";
import type { OpenTransport, QmpClock } from "#server/qmp/client";
import { SchemaCache } from "#server/qmp/schema-cache";
import { SettingsTable } from "./config.ts";
import { Discovery } from "./discovery/discovery.ts";
import { HostWatch } from "./evidence/host-watch.ts";
import { FactLog } from "./link/fact-log.ts";
import { HubLink } from "./link/hub-link.ts";
import { createProcReader } from "./proc/proc-reader.ts";
import { StallLog } from "./stalls/stall-log.ts";
import { StallWatch } from "./stalls/stall-watch.ts";
import { describeInstances } from "./topology/describe-instances.ts";
import { guessLauncher } from "./topology/guess-launcher.ts";
import { readTopology } from "./topology/read-topology.ts";
import { Gate } from "./vm/gate.ts";
import type { ProcReader } from "./vm/ports.ts";
import { TickWheel } from "./vm/tick-wheel.ts";
import { VmRegistry } from "./vm/vm-registry.ts";
import { Acts } from "./yank/acts.ts";

const TOPOLOGIES_AT_ONCE = 8;
const TICKET_BYTES = 24;
const MAX_NOTICES = 20;

export interface BridgeOptions {
  config: Config;
  /** An existing folder; outcomes of acts are kept in `acts` under it. */
  dataDir: string;
  bridgeId: string;
  label: string;
  token: string;
  /** Absent: it watches and keeps its facts until a hub adopts it. */
  hubUrl?: string;
  /** Every VM here is the simulator's. */
  isSimulated?: boolean;
  logger: Logger;
  /** Random per start; made here where the caller has none. */
  epoch?: string;
  clock?: QmpClock;
  random?: () => number;
  /** For tests: otherwise the helper process that reads /proc. */
  proc?: ProcReader;
  openTransport?: OpenTransport;
}

/** A bridge at work. Whoever started it ends it with `close`, which is safe to call twice. */
export interface RunningBridge {
  readonly epoch: string;
  readonly hubUrl: string | undefined;
  readonly isConnected: boolean;
  /** All VMs, and the way to look at them without a hub. */
  readonly registry: VmRegistry;
  adopt(hubUrl: string): void;
  /** Takes over `vms`, `queries` and the thresholds; all else needs a restart. */
  reload(config: Config): void;
  /** Something that operators should read of the bridge itself; the same key replaces it, undefined takes it back. */
  note(key: string, text: string | undefined): void;
  close(): Promise<void>;
}

/** Builds the parts of a bridge and hands them to each other. Resolves after the first look for monitors. */
export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const { config, logger, bridgeId } = options;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const epoch = options.epoch ?? makeEpoch();
  const notes = new Map<string, string>();
  const stalls = new StallLog();
  const facts = new FactLog(clock);
  const proc = options.proc ?? createProcReader({ logger });
  const hostWatch = new HostWatch(proc, clock);
  let settings = new SettingsTable(config);

  const stallWatch = new StallWatch({
    clock,
    readUptimeSeconds,
    onStall: (fromMonoMs, untilMonoMs, cause) => {
      stalls.record(fromMonoMs, untilMonoMs);
      registry.bridgeStalled(fromMonoMs, untilMonoMs);
      logger.warn({ cause, stalledMs: untilMonoMs - fromMonoMs }, "the bridge stood still; nothing is judged by that time");
    },
  });
  const wheel = new TickWheel(clock, () => stallWatch.beat());
  const registry = new VmRegistry(
    {
      bridgeId,
      epoch,
      isSimulated: options.isSimulated ?? false,
      clock,
      random,
      wheel,
      stalls,
      proc,
      hostWatch,
      logger,
      openTransport: options.openTransport,
      schemas: new SchemaCache(),
      topologyGate: new Gate(TOPOLOGIES_AT_ONCE),
      readTopology,
      describeInstances,
      guessLauncher,
      settingsFor: (name) => settings.settingsFor(name),
      socketExists: async (path) => (await stat(path).catch(() => undefined))?.isSocket() ?? false,
    },
    {
      vmChanged: (vmId) => link.vmChanged(vmId),
      vmEnded: (report) => link.vmEnded(report),
      fact: (vm, body) => {
        facts.append(vm, body);
        link.factsWait();
      },
    },
  );
  const acts = new Acts({
    outcomeDirectory: join(options.dataDir, "acts"),
    clock,
    random: () => randomBytes(TICKET_BYTES).toString("base64url"),
    logger,
    vms: (vmId) => registry.actVm(vmId),
    onProgress: (report) => link.progressed(report),
  });
  const discovery = new Discovery({
    monitors: config.bridge.monitors,
    allowRemoteTcp: config.bridge.allowRemoteTcp,
    clock,
    onAppeared: (spot, file) => registry.appeared(spot, file),
    onVanished: (address) => registry.vanished(address),
  });

  const pulse = (): Pulse => {
    const nowMonoMs = clock.nowMonoMs();
    const { lastProbedMonoMs, size } = registry;
    return {
      ...(size > 0 && lastProbedMonoMs !== undefined ? { newestProbeAgeMs: Math.max(0, nowMonoMs - lastProbedMonoMs) } : {}),
      eventLoopDelayMs: stallWatch.takeWorstDelayMs(),
      vmCount: registry.listedIds().length,
      notices: [...notes.values(), ...discovery.notices(), ...registry.notices()].slice(0, MAX_NOTICES),
    };
  };
  const link = new HubLink({
    hello: {
      linkVersion: LINK_VERSION,
      bridgeId,
      label: options.label,
      epoch,
      token: options.token,
      isSimulated: options.isSimulated ?? false,
    },
    source: {
      listedIds: () => registry.listedIds(),
      report: (vmId) => registry.report(vmId),
      detail: (vmId) => registry.detail(vmId),
      dismiss: (vmId) => registry.dismiss(vmId),
      pulse,
    },
    acts,
    facts,
    clock,
    random,
    logger,
  });

  // The helper takes a moment to load: by the first attach it is ready to say which process answers.
  void proc.readState(process.pid).catch(() => {});
  if (options.hubUrl !== undefined) link.adopt(options.hubUrl);
  await discovery.start();

  let closing: Promise<void> | undefined;
  return {
    epoch,
    registry,
    get hubUrl() {
      return link.hubUrl;
    },
    get isConnected() {
      return link.isConnected;
    },
    adopt: (hubUrl) => link.adopt(hubUrl),
    reload: (next) => {
      settings = new SettingsTable(next);
      registry.applySettings();
    },
    note: (key, text) => {
      if (text === undefined) notes.delete(key);
      else notes.set(key, text);
    },
    close: () => (closing ??= close()),
  };

  async function close(): Promise<void> {
    await discovery.close();
    registry.close();
    link.close();
    await acts.close();
    hostWatch.close();
    wheel.close();
    stallWatch.close();
    await proc.close();
  }
}

/** Tells one start of a bridge from the next. */
export function makeEpoch(): string {
  return randomBytes(9).toString("base64url");
}

/** Suspend included, unlike the monotonic clock. This file never blocks. */
function readUptimeSeconds(): number | undefined {
  try {
    const seconds = Number.parseFloat(readFileSync("/proc/uptime", "latin1"));
    return Number.isFinite(seconds) ? seconds : undefined;
  } catch {
    return undefined;
  }
}
