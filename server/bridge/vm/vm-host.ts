import type { Logger } from "pino";
import type { Thresholds } from "#lib/health/thresholds";
import type { FactBody } from "#lib/link/contract";
import type { YankInstance } from "#lib/qapi/yank";
import type { InstanceReport } from "#lib/vm/instance";
import type { Ended, Launcher } from "#lib/vm/report";
import type { OpenTransport, QmpClock } from "#server/qmp/client";
import type { SchemaCache } from "#server/qmp/schema-cache";
import type { HostWatch } from "../evidence/host-watch.ts";
import type { StallLog } from "../stalls/stall-log.ts";
import type { DescribeContext } from "../topology/describe-instances.ts";
import type { ReadTopologyOptions } from "../topology/read-topology.ts";
import type { Topology } from "../topology/topology.ts";
import type { Gate } from "./gate.ts";
import type { AskInBand, MonitorAddress, ProcReader } from "./ports.ts";
import type { SupervisedVm } from "./supervised-vm.ts";
import type { TickWheel } from "./tick-wheel.ts";

/** What the config says of one VM. */
export interface VmSettings {
  intervalMs: number;
  thresholds: Thresholds;
  tags: string[];
  mayQueryBlock: boolean;
  mayReadVirtqueues: boolean;
  mayEnableMigrationEvents: boolean;
}

/** One place to connect to, in the order in which the config names them. */
export interface MonitorSpot {
  address: MonitorAddress;
  /** Position in the config; the first of two addresses of one process is the VM. */
  order: number;
  /** Named in full, so that its absence is worth telling. */
  isExplicit: boolean;
  /** Set where it is another tool's and nobody said `takeOver`: listed, never touched. */
  isNotOurs: boolean;
}

/** What every VM of one bridge shares, and whom it tells. */
export interface VmHost {
  readonly bridgeId: string;
  /** Random per bridge start; makes ids that must differ from one start to the next. */
  readonly epoch: string;
  readonly isSimulated: boolean;
  readonly clock: QmpClock;
  readonly random: () => number;
  readonly wheel: TickWheel;
  readonly stalls: StallLog;
  readonly proc: ProcReader;
  /** Reads sockets and threads of the VMs that ask for it. */
  readonly hostWatch: HostWatch;
  readonly logger: Logger;
  readonly openTransport?: OpenTransport;
  /** How many topologies are read at once. */
  readonly topologyGate: Gate;
  /** What each QEMU build can be asked: `schemas.of(known.version)`. */
  readonly schemas: SchemaCache;
  readTopology(ask: AskInBand, options: ReadTopologyOptions): Promise<Topology>;
  describeInstances(instances: YankInstance[], topology: Topology | undefined, context: DescribeContext): InstanceReport[];
  guessLauncher(instances: YankInstance[], isSimulated: boolean): Launcher;
  settingsFor(name: string): VmSettings;
  socketExists(path: string): Promise<boolean>;
  /** Some published member changed. */
  changed(vm: SupervisedVm): void;
  fact(vm: SupervisedVm, body: FactBody): void;
  /** The process behind it is known now. @returns false where another address of that process is the VM already. */
  claim(vm: SupervisedVm): boolean;
  ended(vm: SupervisedVm, reason: Ended["reason"]): void;
  /** A probe was answered, or is overdue: the bridge looks at its VMs. */
  probed(nowMonoMs: number): void;
}
