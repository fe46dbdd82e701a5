import { SIMULATOR_PACKAGE } from "../../lib/qapi/simulated.ts";
import type { SimulatorClock } from "./clock.ts";
import { EventThrottle } from "./event-throttle.ts";
import { MainLoop } from "./main-loop.ts";
import type { SimulatedVersion } from "./options.ts";
import type { WireObject } from "./wire-value.ts";
import { YankRegistry } from "./yank-registry.ts";

/** What differs between the QEMUs that the simulator can be like. */
export interface VersionTraits {
  qemu: { major: number; minor: number; micro: number };
  package: string;
  hasOob: boolean;
  /** `query-status` carried `singlestep` until 8.2. */
  hasSinglestep: boolean;
  /** Parse errors start with their position. */
  hasErrorPositions: boolean;
  /** Migration shows `device` and `failing`; cancelling in postcopy is refused and in `setup` immediate (10.0). */
  hasNewMigration: boolean;
  isBlockIoErrorThrottled: boolean;
  /** `stop` waits for requests of virtio disks before STOP is sent, not only after it. */
  stopWaitsForGuest: boolean;
  /** `x-query-virtio-status` ends the process: an assertion of QEMU's own output visitor. */
  abortsOnVirtioStatus: boolean;
}

const TRAITS_7_2: VersionTraits = {
  qemu: { major: 7, minor: 2, micro: 22 },
  package: `Debian 1:7.2 (${SIMULATOR_PACKAGE})`,
  hasOob: true,
  hasSinglestep: true,
  hasErrorPositions: false,
  hasNewMigration: false,
  isBlockIoErrorThrottled: false,
  stopWaitsForGuest: false,
  abortsOnVirtioStatus: false,
};

const TRAITS: Readonly<Record<SimulatedVersion, VersionTraits>> = {
  "7.2": TRAITS_7_2,
  "no-oob": { ...TRAITS_7_2, package: `pve-qemu-kvm_7.2.22 (${SIMULATOR_PACKAGE})`, hasOob: false },
  "11.1": {
    qemu: { major: 11, minor: 1, micro: 3 },
    package: `Debian 1:11.1 (${SIMULATOR_PACKAGE})`,
    hasOob: true,
    hasSinglestep: false,
    hasErrorPositions: true,
    hasNewMigration: true,
    isBlockIoErrorThrottled: true,
    stopWaitsForGuest: true,
    abortsOnVirtioStatus: true,
  },
};

/** Sends one event to every negotiated monitor. */
export type EventSink = (event: WireObject) => void;

export interface VmCoreOptions {
  version: SimulatedVersion;
  clock: SimulatorClock;
  runState: string;
  onEvent: EventSink;
  /** The main loop runs again after something had blocked it. */
  onMainLoopReleased: () => void;
}

/** What every part of one simulated VM shares: its clock, its main loop, its yank registry, its run state, its events. */
export class VmCore {
  readonly traits: VersionTraits;
  readonly clock: SimulatorClock;
  readonly mainLoop: MainLoop;
  readonly yanks: YankRegistry;
  readonly #options: VmCoreOptions;
  #throttle: EventThrottle | undefined;
  #runState: string;
  #frozenSinceMonoMs: number | undefined;
  #frozenForMs = 0;
  #afterThaw: (() => void)[] = [];
  #hasEnded = false;
  /** Replies of the two probes, kept as text because a fleet of thousands is asked for them every second. */
  #statusText: string | undefined;
  #yankText: string | undefined;

  constructor(options: VmCoreOptions) {
    this.#options = options;
    this.traits = TRAITS[options.version];
    this.clock = options.clock;
    this.#runState = options.runState;
    this.yanks = new YankRegistry(() => {
      this.#yankText = undefined;
    });
    this.mainLoop = new MainLoop(() => {
      this.#throttle?.release();
      options.onMainLoopReleased();
    });
  }

  get runState(): string {
    return this.#runState;
  }

  set runState(runState: string) {
    this.#runState = runState;
    this.#statusText = undefined;
  }

  get isRunning(): boolean {
    return this.#runState === "running";
  }

  get isFrozen(): boolean {
    return this.#frozenSinceMonoMs !== undefined;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Monotonic ms of this VM's own life: it stands still while the process is frozen. */
  monoMs(): number {
    return (this.#frozenSinceMonoMs ?? this.clock.monoMs()) - this.#frozenForMs;
  }

  setFrozen(isFrozen: boolean): void {
    if (isFrozen === this.isFrozen || this.#hasEnded) return;
    if (isFrozen) {
      this.#frozenSinceMonoMs = this.clock.monoMs();
      this.mainLoop.setStopped(true);
      return;
    }
    this.#frozenForMs += this.clock.monoMs() - (this.#frozenSinceMonoMs ?? 0);
    this.#frozenSinceMonoMs = undefined;
    this.mainLoop.setStopped(false);
    const due = this.#afterThaw;
    this.#afterThaw = [];
    for (const run of due) run();
  }

  /** Calls back once after `afterMs`; later when the process is frozen by then, never when it has ended. */
  schedule(afterMs: number, callback: () => void): () => void {
    return this.clock.schedule(afterMs, () => this.whenThawed(callback));
  }

  whenThawed(run: () => void): void {
    if (this.#hasEnded) return;
    if (this.isFrozen) this.#afterThaw.push(run);
    else run();
  }

  emit(name: string, data?: WireObject): void {
    const stream = EventThrottle.streamOf(name, data, this.traits.isBlockIoErrorThrottled);
    if (stream === undefined) this.emitNow(name, data);
    else this.#throttled().push(stream, () => this.emitNow(name, data));
  }

  /** Like `emit`, and never throttled. */
  emitNow(name: string, data?: WireObject): void {
    this.whenThawed(() => this.#options.onEvent({ timestamp: this.#timestamp(), event: name, data }));
  }

  status(): WireObject {
    const singlestep = this.traits.hasSinglestep ? false : undefined;
    return { status: this.#runState, singlestep, running: this.isRunning };
  }

  /** `query-status`'s return, as text. */
  statusText(write: (value: WireObject) => string): string {
    return (this.#statusText ??= write(this.status()));
  }

  /** `query-yank`'s return, as text. */
  yankText(write: (value: WireObject[]) => string): string {
    return (this.#yankText ??= write(this.yanks.list()));
  }

  end(): void {
    this.#hasEnded = true;
    this.#afterThaw = [];
  }

  #throttled(): EventThrottle {
    const clock: SimulatorClock = {
      nowMs: () => this.clock.nowMs(),
      monoMs: () => this.clock.monoMs(),
      schedule: (afterMs, callback) => this.schedule(afterMs, callback),
    };
    return (this.#throttle ??= new EventThrottle(clock, () => this.mainLoop.isBlocked));
  }

  #timestamp(): WireObject {
    const atMs = this.clock.nowMs();
    const seconds = Math.floor(atMs / 1000);
    return { seconds, microseconds: Math.floor((atMs - seconds * 1000) * 1000) };
  }
}
