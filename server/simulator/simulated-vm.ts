import { rm } from "node:fs/promises";
import { CommandRunner } from "./command-runner.ts";
import { realClock } from "./clock.ts";
import { SimulatedMachine, type EndOfMachine, type ReceivedYank } from "./machine.ts";
import { SimulatedMonitor } from "./monitor.ts";
import type { NbdState, SimulatedJob, SimulatedMigrationOptions, SimulatedVmOptions } from "./options.ts";
import { VmCore } from "./vm-core.ts";
import { writeValue, type WireObject, type WireValue } from "./wire-value.ts";

const FLOOD_TICK_MS = 20;

/**
 * Starts one VM that behaves on its monitors as QEMU does, and can be broken as QEMU can.
 * Whoever starts it owns its sockets and ends it with `close`.
 * @throws the system's error when a socket cannot be opened; nothing is left open then.
 */
export async function startSimulatedVm(options: SimulatedVmOptions): Promise<SimulatedVm> {
  const vm = new SimulatedVm(options);
  await vm.open();
  return vm;
}

/** One simulated VM: its hangs and faults on command, and what it has seen. */
export class SimulatedVm {
  readonly options: SimulatedVmOptions;
  readonly #core: VmCore;
  readonly #machine: SimulatedMachine;
  readonly #runner: CommandRunner;
  #ending: Promise<void> | undefined;
  #stopFlood: (() => void) | undefined;

  /** Use `startSimulatedVm`, which also opens the sockets. */
  constructor(options: SimulatedVmOptions) {
    this.options = options;
    this.#core = new VmCore({
      version: options.version ?? "7.2",
      clock: options.clock ?? realClock,
      runState: options.runState ?? "running",
      onEvent: (event) => this.#broadcast(event),
      onMainLoopReleased: () => this.#pump(),
    });
    this.#runner = new CommandRunner(() => this.#machine);
    // Registration order is the order of `query-yank`: monitors, chardevs, block nodes, migration.
    const monitors = options.monitors.map((monitor) => new SimulatedMonitor(this.#core, this.#runner, monitor));
    this.#machine = new SimulatedMachine(this.#core, options, (how) => void this.#end(how));
    for (const monitor of monitors) {
      this.#machine.monitors.push(monitor);
      this.#core.mainLoop.addQueue(monitor);
    }
    for (const job of options.jobs ?? []) this.#machine.jobs.start(job);
    if (options.migration) this.#machine.migration.start(options.migration);
  }

  /** Opens every socket; called once, by `startSimulatedVm`. */
  async open(): Promise<void> {
    try {
      for (const monitor of this.#machine.monitors) await monitor.open();
      await this.#machine.chardevs.open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get runState(): string {
    return this.#core.runState;
  }

  get migrationStatus(): string {
    return this.#machine.migration.status;
  }

  get isMainLoopBlocked(): boolean {
    return this.#core.mainLoop.isBlocked;
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Every yank that reached this VM, in order, whatever came of it. */
  get yanksReceived(): readonly ReceivedYank[] {
    return this.#machine.yanksReceived;
  }

  /** Calls back each time a client has negotiated with a monitor, until the returned function is called. */
  onNegotiated(listener: (monitorId: string) => void): () => void {
    this.#machine.negotiationListeners.add(listener);
    return () => void this.#machine.negotiationListeners.delete(listener);
  }

  /** The port of a monitor on loopback TCP, once open. */
  tcpPort(monitorId: string): number | undefined {
    return this.#monitor(monitorId).tcpPort;
  }

  nbdState(nodeName: string): NbdState | undefined {
    return this.#machine.block.nbdState(nodeName);
  }

  /** Whether requests to a node wait for its server now. */
  isWaitingForNbd(nodeName: string): boolean {
    return this.#machine.block.hasRequests(nodeName);
  }

  /** The NBD server of a node stops answering. Nothing hangs yet, until something waits for a request (recipe 1). */
  freezeNbdServer(nodeName: string): void {
    this.#machine.block.freezeServer(nodeName);
  }

  thawNbdServer(nodeName: string): void {
    this.#machine.block.thawServer(nodeName);
  }

  /** Sends one read through a node, as `qemu-io … "aio_read 0 4096"` does. */
  startRequest(nodeName: string): void {
    this.#machine.block.startRequest(nodeName);
  }

  /** For connections lost or still being made: listed, and without a yank function. */
  setNbdState(nodeName: string, state: NbdState): void {
    this.#machine.block.setNbdState(nodeName, state);
  }

  /** A live server, and a new node of the same name where the old one was yanked; the guest runs again. */
  repairDisk(nodeName: string): void {
    if (this.nbdState(nodeName) !== "connected") this.setNbdState(nodeName, "connected");
    this.#machine.block.thawServer(nodeName);
    this.#machine.cont();
  }

  /** Recipe 1 whole: a frozen server, a request, and an in-band `stop` that never returns. */
  hangOnDrain(nodeName: string): void {
    this.#machine.block.freezeServer(nodeName);
    this.#machine.block.startRequest(nodeName);
    this.#machine.stop();
  }

  /** The same, and the server answers again by itself: a flush that takes that long. */
  hangOnSlowFlush(nodeName: string, forMs: number): void {
    this.hangOnDrain(nodeName);
    this.#core.schedule(forMs, () => this.thawNbdServer(nodeName));
  }

  /** Recipe 4: the guest's reads stand still, and the main loop lives. @see SimulatedDevice.readsPerSecond */
  stallIo(nodeName: string): void {
    this.#machine.block.freezeServer(nodeName);
  }

  /** A block job is ready from now on, as far as its target takes what it writes. */
  startJob(job: SimulatedJob): void {
    this.#machine.jobs.start(job);
  }

  /** Stops the guest as an in-band `stop` would. */
  pause(): void {
    this.#machine.stop();
  }

  resume(): void {
    this.#machine.cont();
  }

  /** Blocks the main loop in something that no yank ends (H10). @returns how to unblock it. */
  blockMainLoop(): () => void {
    return this.#core.mainLoop.block();
  }

  /** The same for a while: what a long system call of QEMU's own does. */
  blockMainLoopFor(ms: number): void {
    this.#core.schedule(ms, this.#core.mainLoop.block());
  }

  /** Recipe 2: a peer never reads a chardev to which the guest writes, and a vCPU spins with the big lock held. */
  fillChardev(id: string): void {
    this.#machine.chardevs.fill(id);
  }

  drainChardev(id: string): void {
    this.#machine.chardevs.drain(id);
  }

  isChardevConnected(id: string): boolean {
    return this.#machine.chardevs.isConnected(id);
  }

  startMigration(options: SimulatedMigrationOptions): void {
    this.#machine.migration.start(options);
  }

  /** A migration in `setup` gets its connection. */
  connectMigration(): void {
    this.#machine.migration.finishConnect();
  }

  /** The source connects to this destination. */
  acceptMigration(): void {
    this.#machine.migration.acceptSource();
  }

  /** Recipe 3a: bytes stop moving, the main loop lives. */
  stallMigration(): void {
    this.#machine.migration.stall();
  }

  unstallMigration(): void {
    this.#machine.migration.unstall();
  }

  /** Recipe 3b: the switchover never ends, with the big lock held. */
  hangMigrationSwitchover(): void {
    this.#machine.migration.hangSwitchover();
  }

  /** The destination of a hung switchover reads again, or the child of an `exec:` migration ends. */
  releaseMigration(): void {
    this.#machine.migration.release();
  }

  /** Ends it as its yank would, without one: the destination was ended. */
  loseMigrationPeer(): void {
    this.#machine.migration.losePeer();
  }

  completeMigration(): void {
    this.#machine.migration.complete();
  }

  startPostcopy(): void {
    this.#machine.migration.startPostcopy();
  }

  /** SIGSTOP: both lanes fall silent; whoever connects is not greeted. */
  freezeProcess(): void {
    this.#core.setFrozen(true);
  }

  /** SIGCONT: everything that came meanwhile is answered. */
  thawProcess(): void {
    this.#core.setFrozen(false);
    this.#pump();
  }

  /** Sets the run state as the guest or QEMU itself would, with the event that goes with it. */
  setRunState(runState: string, event?: { name: string; data?: WireObject }): void {
    if (event) this.#core.emit(event.name, event.data);
    if (this.#core.isRunning && runState !== "running") this.#core.emit("STOP");
    this.#machine.setRunState(runState);
  }

  /** Sends an event to every negotiated monitor, throttled where QEMU throttles it. */
  emitEvent(name: string, data?: WireObject): void {
    this.#core.emit(name, data);
  }

  /** Sends so many `BLOCK_IO_ERROR` a second until the returned function is called, past any throttle. */
  floodEvents(perSecond: number): () => void {
    this.#stopFlood?.();
    let isFlooding = true;
    let owed = 0;
    const tick = () => {
      if (!isFlooding || this.hasEnded) return;
      owed += (perSecond * FLOOD_TICK_MS) / 1000;
      for (; owed >= 1; owed--) {
        this.#core.emitNow("BLOCK_IO_ERROR", {
          device: "",
          "node-name": "fmt0",
          operation: "read",
          action: "report",
          reason: "Input/output error",
        });
      }
      this.#core.schedule(FLOOD_TICK_MS, tick);
    };
    tick();
    return (this.#stopFlood = () => {
      isFlooding = false;
    });
  }

  /** Writes bytes as they are to whoever is connected: garbage, endless lines, half a character. */
  sendRaw(bytes: Buffer | string, monitorId?: string): void {
    for (const monitor of this.#machine.monitors) if (monitorId === undefined || monitor.id === monitorId) monitor.sendRaw(bytes);
  }

  /** From now on the replies of this command carry a bare `inf`, which is not JSON. */
  spoilReplies(command: string): void {
    this.#runner.spoiled.add(command);
  }

  /** From now on this command is answered with this, whatever it was asked: a VM that lies, or is not QEMU at all. */
  answerWith(command: string, value: WireValue): void {
    this.#runner.lies.set(command, value);
  }

  /** A peer that serves clients and never reads a byte of them. */
  setDeaf(isDeaf: boolean): void {
    for (const monitor of this.#machine.monitors) monitor.setDeaf(isDeaf);
  }

  /** SIGKILL: EOF without SHUTDOWN, and the socket files stay behind. */
  async kill(): Promise<void> {
    await this.#end("kill");
  }

  /** `quit` or SIGTERM: SHUTDOWN, then EOF, as far as nothing holds the disks up. Resolves when SHUTDOWN was sent. */
  shutdown(reason = "host-signal"): void {
    this.#machine.quit(reason);
  }

  /** Ends everything and removes the sockets, those of a killed VM too; safe to call twice. */
  async close(): Promise<void> {
    await this.#end("exit");
    for (const { path } of this.options.monitors) if (path !== undefined) await rm(path, { force: true });
  }

  #end(how: EndOfMachine): Promise<void> {
    return (this.#ending ??= this.#closeAll(how));
  }

  async #closeAll(how: EndOfMachine): Promise<void> {
    this.#core.end();
    this.#machine.block.close();
    await this.#machine.chardevs.close();
    await Promise.all(this.#machine.monitors.map((monitor) => monitor.close(how === "kill")));
  }

  #broadcast(event: WireObject): void {
    const plain = `${writeValue(event)}\r\n`;
    for (const monitor of this.#machine.monitors) monitor.sendEvent(plain, () => `${writeValue(event, true)}\r\n`);
  }

  #pump(): void {
    for (const monitor of this.#machine.monitors) monitor.pump();
  }

  #monitor(id: string): SimulatedMonitor {
    const monitor = this.#machine.monitors.find((candidate) => candidate.id === id);
    if (!monitor) throw new Error(`No monitor ${id} in this simulated VM`);
    return monitor;
  }
}
