import { existsSync } from "node:fs";
import { isTerminalMigration } from "../../lib/qapi/migration.ts";
import { Colo } from "./colo.ts";
import { describeRam } from "./migration-ram.ts";
import type { SimulatedMigrationOptions } from "./options.ts";
import type { VmCore } from "./vm-core.ts";
import type { WireObject } from "./wire-value.ts";

const DEFAULT_TOTAL_BYTES = 536_870_912;
const DEFAULT_MAX_BANDWIDTH = 134_217_728;
/** From the yank to the end of the clean-up, as measured: 14 ms on 7.2, 49 ms on 11.1 (recipe 3b). */
const CLEAN_UP_MS = { old: 8, new: 25 } as const;
const SETUP_MS = 1;
const INSTANCE = { type: "migration" } as const;
/** A guest that does next to nothing. */
const IDLE_DIRTY_BYTES_PER_SECOND = 409_600;
const BROKEN_PIPE = "Unable to write to socket: Broken pipe";

/** What a migration command came to, other than success. */
export type MigrationProblem = string | undefined;

/**
 * The migration of one VM, whichever side it is on. Progress is a function of the clock, not of a timer. It never
 * completes by itself: a guest that dirties memory as fast as it is sent, until `complete` is called.
 */
export class Migration {
  readonly capabilities = new Map<string, boolean>();
  readonly parameters = new Map<string, number>();
  readonly colo = new Colo();
  readonly #core: VmCore;
  #side: SimulatedMigrationOptions["side"] = "outgoing";
  #status = "none";
  #uri = "";
  #exitsOnError = true;
  #errorDesc: string | undefined;
  #startedMonoMs = 0;
  #endedMonoMs: number | undefined;
  #downtimeMs: number | undefined;
  #totalBytes = DEFAULT_TOTAL_BYTES;
  #bytesPerSecond = DEFAULT_MAX_BANDWIDTH;
  #dirtyBytesPerSecond = IDLE_DIRTY_BYTES_PER_SECOND;
  #sentBytes = 0;
  /** Bytes move since then; nothing while they do not. */
  #movingSinceMonoMs: number | undefined;
  #runStateBefore = "running";
  #release: (() => void) | undefined;
  /** The attempt counts up, so that a callback of an earlier migration does nothing to a later one. */
  #attempt = 0;
  #mustCancelWhenConnected = false;
  /** The guest runs on the other side by now: nothing on this side may start it again. */
  #isGuestAway = false;
  /** Yanked while nothing was being sent. */
  #isCut = false;
  readonly #onExit: () => void;
  readonly #cut = () => this.#yank();

  /** @param onExit the process ends with status 1, as a precopy destination does when its source is gone. */
  constructor(core: VmCore, onExit: () => void) {
    this.#core = core;
    this.#onExit = onExit;
  }

  get status(): string {
    return this.#status;
  }

  get isUnderWay(): boolean {
    return !isTerminalMigration(this.#status) && this.#side === "outgoing";
  }

  start(options: SimulatedMigrationOptions): void {
    this.#attempt++;
    this.#side = options.side;
    this.#uri = options.uri ?? "unix:/run/migration.sock";
    this.#exitsOnError = options.exitsOnError ?? true;
    this.#totalBytes = options.totalBytes ?? DEFAULT_TOTAL_BYTES;
    this.#bytesPerSecond = options.bytesPerSecond ?? this.parameters.get("max-bandwidth") ?? DEFAULT_MAX_BANDWIDTH;
    this.#dirtyBytesPerSecond = options.dirtyBytesPerSecond ?? IDLE_DIRTY_BYTES_PER_SECOND;
    this.#sentBytes = 0;
    this.#errorDesc = undefined;
    this.#endedMonoMs = undefined;
    this.#downtimeMs = undefined;
    this.#mustCancelWhenConnected = false;
    this.#isGuestAway = false;
    this.#isCut = false;
    this.#startedMonoMs = this.#core.monoMs();
    this.#runStateBefore = this.#core.runState;
    this.#core.yanks.register(INSTANCE);
    if (options.side === "incoming") this.#startIncoming(options.status ?? "listening");
    else this.#startOutgoing(options.status ?? "active");
  }

  /** `migrate`, not as `resume`. @returns QEMU's description of why not. */
  migrate(uri: string): MigrationProblem {
    if (!/^(tcp|unix|exec|fd|vsock|rdma|file):/.test(uri)) return "Parameter 'uri' expects a valid migration protocol";
    if (this.isUnderWay) return "There's a migration process in progress";
    this.start({ side: "outgoing", uri, status: "setup" });
    const path = uri.startsWith("unix:") ? uri.slice("unix:".length) : undefined;
    const attempt = this.#attempt;
    this.#core.schedule(SETUP_MS, () => {
      if (attempt !== this.#attempt || this.#status !== "setup") return;
      if (path !== undefined && !existsSync(path)) this.#end("failed", `Failed to connect to '${path}': No such file or directory`);
      else this.finishConnect();
    });
    return undefined;
  }

  /** The connection of a migration in `setup` stands. */
  finishConnect(): void {
    if (this.#mustCancelWhenConnected) this.#end("cancelled");
    if (this.#status !== "setup") return;
    this.#addFunction();
    this.#pass(1);
    this.#set("active");
    this.#setMoving(true);
  }

  resume(uri: string): MigrationProblem {
    if (this.#status !== "postcopy-paused") return "Cannot resume if there is no paused migration";
    this.#uri = uri;
    this.#errorDesc = undefined;
    if (this.#core.traits.hasNewMigration) this.#set("postcopy-recover-setup");
    this.#set("postcopy-recover");
    this.#addFunction();
    this.#set("postcopy-active");
    this.#setMoving(true);
    return undefined;
  }

  cancel(): MigrationProblem {
    if (this.#side === "incoming" || isTerminalMigration(this.#status) || this.#status === "cancelling") return undefined;
    const isPostcopy = this.#status.startsWith("postcopy");
    if (isPostcopy && this.#core.traits.hasNewMigration) return "Postcopy migration in progress, cannot cancel.";
    const wasConnecting = this.#status === "setup";
    this.#setMoving(false);
    this.#set("cancelling");
    if (this.#uri.startsWith("exec:")) {
      // The clean-up waits for the child, in the main loop, and no yank reaches a child.
      this.#release ??= this.#core.mainLoop.block();
      return undefined;
    }
    if (wasConnecting && !this.#core.traits.hasNewMigration) {
      this.#mustCancelWhenConnected = true;
      return undefined;
    }
    this.#removeFunction();
    this.#later(0, () => this.#end("cancelled"));
    return undefined;
  }

  /** `migrate-continue`: leaves the pause before the switchover. @param status the one that the caller believes it to be in. */
  continueFrom(status: string): MigrationProblem {
    if (this.#status !== status) return `Migration not in expected state: ${this.#status}`;
    if (this.#isCut) this.#later(0, () => this.#end("failed", BROKEN_PIPE));
    else this.#later(0, () => this.complete());
    return undefined;
  }

  /** `migrate-pause`: what yank does in postcopy, and an error everywhere else. */
  pause(): MigrationProblem {
    const isNew = this.#core.traits.hasNewMigration;
    const isPausable = this.#status === "postcopy-active" || (isNew && this.#status === "postcopy-recover");
    if (!isPausable) return `migrate-pause is currently only supported during postcopy-active${isNew ? " or postcopy-recover" : ""} state`;
    if (isNew) this.#errorDesc = "Postcopy migration is paused by the user";
    this.#pausePostcopy();
    return undefined;
  }

  recover(uri: string): MigrationProblem {
    if (this.#side !== "incoming" || this.#status !== "postcopy-paused") return "Migrate recover can only be run when postcopy is paused.";
    this.#uri = uri;
    if (this.#eventsOn()) this.#core.emit("MIGRATION", { status: "setup" });
    return undefined;
  }

  /** Recipe 3a: the destination stops reading, and bytes stop moving. */
  stall(): void {
    this.#setMoving(false);
  }

  unstall(): void {
    if (this.#status === "active" || this.#status === "postcopy-active") this.#setMoving(true);
  }

  /** Recipe 3b: the last pass runs with the big lock held, and the destination stops reading in the middle of it. */
  hangSwitchover(): void {
    this.#pass(2);
    this.#core.emit("STOP");
    this.#core.runState = "finish-migrate";
    this.#pass(3);
    if (this.#core.traits.hasNewMigration) this.#set("device");
    this.#setMoving(false);
    this.#release ??= this.#core.mainLoop.block();
  }

  /** The far side reads again after `hangSwitchover`, or the child of an `exec:` migration ended. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
    if (this.#status === "cancelling") this.#later(0, () => this.#end("cancelled"));
    else if (this.isUnderWay) this.#later(0, () => this.complete());
  }

  /** The far side is gone: its connection breaks as a yank breaks it. */
  losePeer(): void {
    this.#yank();
  }

  startPostcopy(): void {
    const isNew = this.#core.traits.hasNewMigration;
    if (this.#side === "incoming") {
      if (isNew) this.#set("postcopy-device");
      this.#set("postcopy-active");
      this.#core.runState = "running";
      this.#core.emit("RESUME");
      return;
    }
    this.#isGuestAway = true;
    if (!isNew) this.#set("postcopy-active");
    this.#core.emit("STOP");
    this.#core.runState = "finish-migrate";
    if (!isNew) return this.#pass(2);
    this.#downtimeMs = 1;
    for (const status of ["device", "postcopy-device", "postcopy-active"]) this.#set(status);
  }

  /** `x-colo-lost-heartbeat`: this side of a pair goes on alone. */
  failOver(): MigrationProblem {
    if (this.colo.role === undefined) return "VM is not in COLO mode";
    this.#core.emit("STOP");
    this.#set("completed");
    const exit = this.colo.failOver();
    if (exit) this.#core.emit("COLO_EXIT", exit);
    this.#core.emit("RESUME");
    this.#removeFunction();
    this.#core.yanks.unregister(INSTANCE);
    return undefined;
  }

  complete(): void {
    this.#downtimeMs = 7;
    this.#sentBytes = Math.max(this.#totalBytes, this.#transferred());
    if (this.#side === "incoming") {
      this.#core.runState = "running";
      this.#core.emit("RESUME");
    } else if (this.#core.runState !== "finish-migrate") this.#core.emit("STOP");
    if (this.#side === "outgoing") this.#core.runState = "postmigrate";
    this.#end("completed");
  }

  /** The source connected to this incoming side, for the first time or after `migrate-recover`. */
  acceptSource(): void {
    this.#addFunction();
    if (this.#status === "postcopy-paused") this.#set("postcopy-recover");
    this.#set(this.#status === "postcopy-recover" ? "postcopy-active" : "active");
  }

  /** `query-migrate`. */
  info(): WireObject {
    // An incoming side that waits for its source: without a status up to 10, `setup` since.
    if (this.#status === "none") return this.#listenAddress();
    if (this.#side === "incoming") {
      const hasListener = !isTerminalMigration(this.#status);
      return { status: this.#status, ...(hasListener ? this.#listenAddress() : {}) };
    }
    const hasErrorDesc = this.#status === "failed" || this.#status === "postcopy-paused";
    const errorDesc = hasErrorDesc ? this.#errorDesc : undefined;
    const isFlowing = !["setup", "failed", "cancelled", "colo", "wait-unplug"].includes(this.#status);
    if (!isFlowing) return { status: this.#status, "error-desc": errorDesc };
    const ram = this.#ram();
    return {
      remaining: this.#core.traits.hasNewMigration && this.#status !== "completed" ? ram.remaining : undefined,
      "error-desc": errorDesc,
      "expected-downtime": this.#downtimeMs === undefined ? (this.parameters.get("downtime-limit") ?? 300) : undefined,
      downtime: this.#downtimeMs,
      status: this.#status,
      "setup-time": 1,
      "total-time": Math.round((this.#endedMonoMs ?? this.#core.monoMs()) - this.#startedMonoMs),
      ram,
    };
  }

  #startIncoming(status: string): void {
    this.#status = this.#core.traits.hasNewMigration ? "setup" : "none";
    if (status === "listening") return;
    this.#addFunction();
    if (status === "colo") this.#enterColo();
    else this.#status = status;
  }

  #startOutgoing(status: string): void {
    this.#set("setup");
    if (status === "setup") return;
    this.finishConnect();
    if (status === "active") return;
    if (status === "colo") return this.#enterColo();
    if (status === "pre-switchover") this.#core.runState = "finish-migrate";
    if (status === "postcopy-active" || status === "postcopy-paused") this.startPostcopy();
    if (status === "postcopy-paused") this.#pausePostcopy();
    else if (status === "pre-switchover") this.#set(status);
  }

  /** The first checkpoint is over: both sides run, and the connection carries one checkpoint after the other. */
  #enterColo(): void {
    const isPrimary = this.#side === "outgoing";
    this.#setMoving(false);
    if (isPrimary) this.#core.emit("STOP");
    this.#set("colo");
    this.colo.enter(isPrimary ? "primary" : "secondary");
    this.#core.runState = "running";
    this.#core.emit("RESUME");
  }

  #yank(): void {
    if (this.#status === "colo") {
      this.#removeFunction();
      const exit = this.colo.fail();
      if (exit) this.#core.emit("COLO_EXIT", exit);
      return;
    }
    const isPostcopy = this.#status === "postcopy-active" || this.#status === "postcopy-device";
    if (isPostcopy) return this.#pausePostcopy();
    // The socket is down, but whether anything was lost is only found out once sending goes on.
    if (this.#status === "cancelling") return;
    if (this.#status === "pre-switchover") {
      this.#isCut = true;
      return;
    }
    if (this.#side === "incoming") {
      this.#set("failed");
      this.#removeFunction();
      this.#core.yanks.unregister(INSTANCE);
      if (this.#exitsOnError) this.#later(0, this.#onExit);
      return;
    }
    this.#removeFunction();
    this.#setMoving(false);
    const wasHung = this.#release !== undefined;
    this.#release?.();
    this.#release = undefined;
    const isNew = this.#core.traits.hasNewMigration;
    if (isNew && !wasHung) this.#set("failing");
    this.#later(isNew ? CLEAN_UP_MS.new : CLEAN_UP_MS.old, () => {
      if (isNew && wasHung) this.#set("failing");
      if (!isNew || !wasHung) return this.#end("failed", wasHung ? undefined : BROKEN_PIPE);
      this.#later(CLEAN_UP_MS.new, () => this.#end("failed", `Failed to save iterable device state: ${BROKEN_PIPE}`));
    });
  }

  #pausePostcopy(): void {
    this.#removeFunction();
    this.#setMoving(false);
    this.#set("postcopy-paused");
  }

  #end(status: "failed" | "cancelled" | "completed", errorDesc?: string): void {
    this.#setMoving(false);
    this.#endedMonoMs = this.#core.monoMs();
    this.#errorDesc = errorDesc;
    this.#mustCancelWhenConnected = false;
    this.#removeFunction();
    this.#set(status);
    const mustResume = status !== "completed" && this.#side === "outgoing" && this.#core.runState === "finish-migrate";
    if (mustResume && this.#isGuestAway) this.#core.runState = "postmigrate";
    else if (mustResume) {
      this.#core.runState = this.#runStateBefore;
      if (this.#core.isRunning) this.#core.emit("RESUME");
    }
    this.#core.yanks.unregister(INSTANCE);
  }

  #set(status: string): void {
    this.#status = status;
    if (this.#eventsOn()) this.#core.emit("MIGRATION", { status });
  }

  #pass(pass: number): void {
    if (this.#eventsOn()) this.#core.emit("MIGRATION_PASS", { pass });
  }

  #eventsOn(): boolean {
    return this.capabilities.get("events") === true;
  }

  #later(afterMs: number, run: () => void): void {
    const attempt = this.#attempt;
    this.#core.schedule(afterMs, () => {
      if (attempt === this.#attempt) run();
    });
  }

  #addFunction(): void {
    // `exec:` and `file:` channels cannot be shut down, so that yanking one does nothing.
    if (/^(exec|file):/.test(this.#uri)) return;
    this.#core.yanks.addFunction(INSTANCE, this.#cut);
  }

  #removeFunction(): void {
    this.#core.yanks.removeFunction(INSTANCE, this.#cut);
  }

  #setMoving(isMoving: boolean): void {
    this.#sentBytes = this.#transferred();
    this.#movingSinceMonoMs = isMoving ? this.#core.monoMs() : undefined;
  }

  #transferred(): number {
    if (this.#movingSinceMonoMs === undefined) return this.#sentBytes;
    return this.#sentBytes + Math.floor(((this.#core.monoMs() - this.#movingSinceMonoMs) * this.#bytesPerSecond) / 1000);
  }

  #ram(): WireObject {
    const isMoving = this.#movingSinceMonoMs !== undefined;
    return describeRam({
      transferredBytes: this.#transferred(),
      totalBytes: this.#totalBytes,
      bytesPerSecond: isMoving ? this.#bytesPerSecond : 0,
      dirtyBytesPerSecond: isMoving ? this.#dirtyBytesPerSecond : 0,
      isCompleted: this.#status === "completed",
      hasSkipped: !this.#core.traits.hasNewMigration,
    });
  }

  #listenAddress(): WireObject {
    if (this.#side !== "incoming" || !this.#uri.startsWith("unix:")) return {};
    return { "socket-address": [{ path: this.#uri.slice("unix:".length), type: "unix" }] };
  }
}
