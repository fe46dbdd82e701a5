import { readPath } from "./block-chain.ts";
import { DiskActivity, type QueueIndexes } from "./disk-activity.ts";
import type { NbdState, SimulatedBlockNode, SimulatedDevice, SimulatedJob } from "./options.ts";
import type { VmCore } from "./vm-core.ts";

const NEXT_READ_MS = 1;
const SECTOR_BYTES = 512;
const NO_ACTIVITY = { reads: 0, failedReads: 0, idleMs: undefined };

/** Who sent a request: a device of the guest, a block job, or the monitor. */
type RequestOrigin = { device: SimulatedDevice } | { job: SimulatedJob } | "monitor";

interface NbdNode {
  readonly nodeName: string;
  state: NbdState;
  isServerFrozen: boolean;
  /** Requests sent to a server that does not answer. */
  inFlight: RequestOrigin[];
  /** Released when the node has no request left that cannot complete. */
  releases: (() => void)[];
  readonly cut: () => void;
}

/**
 * Block nodes, what sits on them, and the far sides of the NBD ones. A request to a frozen server stays in flight for
 * ever; draining such a node blocks the main loop until the server is thawed or the node is yanked.
 */
export class BlockLayer {
  readonly nodes: readonly SimulatedBlockNode[];
  readonly devices: readonly SimulatedDevice[];
  readonly #core: VmCore;
  readonly #nbd = new Map<string, NbdNode>();
  readonly #activity = new Map<SimulatedDevice, DiskActivity>();
  readonly #jobs = new Set<SimulatedJob>();
  readonly #detachers: (() => void)[] = [];
  #onDrained: (() => void) | undefined;
  /** A job's write failed; its owner decides what becomes of it. */
  onJobError: (job: SimulatedJob) => void = () => {};

  constructor(core: VmCore, nodes: readonly SimulatedBlockNode[], devices: readonly SimulatedDevice[]) {
    this.#core = core;
    this.nodes = nodes;
    this.devices = devices;
    for (const node of nodes) if (node.driver === "nbd") this.#addNbd(node);
    for (const device of devices) {
      if (!device.readsPerSecond) continue;
      this.#activity.set(device, new DiskActivity(core, this.#speedOf(device), device.queueDepth ?? 1));
    }
    this.followRunState();
  }

  /** Leaves the servers that other VMs share. */
  close(): void {
    for (const detach of this.#detachers.splice(0)) detach();
  }

  nbdState(nodeName: string): NbdState | undefined {
    return this.#nbd.get(nodeName)?.state;
  }

  hasRequests(nodeName: string): boolean {
    return this.#nbdNode(nodeName).inFlight.length > 0;
  }

  setNbdState(nodeName: string, state: NbdState): void {
    const node = this.#nbdNode(nodeName);
    const instance = { type: "block-node", "node-name": nodeName } as const;
    this.#core.yanks.removeFunction(instance, node.cut);
    node.state = state;
    if (state === "yanked") this.#fail(node);
    if (state !== "connected") return;
    this.#core.yanks.addFunction(instance, node.cut);
    // Requests that waited out the loss go through now, unless the server is no better than before.
    if (!node.isServerFrozen) this.thawServer(nodeName);
  }

  freezeServer(nodeName: string): void {
    const node = this.#nbdNode(nodeName);
    if (node.isServerFrozen) return;
    this.#pauseActivity();
    node.isServerFrozen = true;
    for (const job of this.#jobsOn(node)) if (node.state !== "yanked") node.inFlight.push({ job });
    this.followRunState();
  }

  thawServer(nodeName: string): void {
    const node = this.#nbdNode(nodeName);
    node.isServerFrozen = false;
    node.inFlight = [];
    this.#release(node);
    this.followRunState();
  }

  /** Sends one read through a node, for the guest's `device` or for the monitor; it may never complete. */
  startRequest(nodeName: string, device?: SimulatedDevice): void {
    this.#send(nodeName, device ? { device } : "monitor");
  }

  /** A job writes to its target from now on, as fast as the guest writes to the source. */
  addJob(job: SimulatedJob): void {
    this.#jobs.add(job);
    this.#send(job.target, { job });
  }

  removeJob(job: SimulatedJob): void {
    this.#jobs.delete(job);
  }

  /** Blocks the main loop on every node with requests that cannot complete. @returns whether there was one. */
  blockOnDrain(): boolean {
    let isBlocked = false;
    for (const node of this.#nbd.values()) {
      if (node.inFlight.length === 0) continue;
      node.releases.push(this.#core.mainLoop.block());
      isBlocked = true;
    }
    return isBlocked;
  }

  /** Whether the guest itself waits for a request, as opposed to the monitor or a job. */
  get hasGuestRequests(): boolean {
    return Array.from(this.#nbd.values()).some((node) => node.inFlight.some((origin) => origin !== "monitor" && "device" in origin));
  }

  hasJobRequests(job: SimulatedJob): boolean {
    return (
      this.#protocolNode(job.target)?.inFlight.some((origin) => origin !== "monitor" && "job" in origin && origin.job === job) ?? false
    );
  }

  /** Calls back once no request is left that cannot complete: at once where there is none. */
  whenDrained(run: () => void): void {
    this.#onDrained = run;
    this.#noticeDrained();
  }

  /** Reading an image's metadata now. @returns whether the main loop is blocked on it. */
  blockOnMetadata(): boolean {
    let isBlocked = false;
    for (const node of this.#bitmapNodes()) {
      if (!node.isServerFrozen || node.state !== "connected") continue;
      node.inFlight.push("monitor");
      node.releases.push(this.#core.mainLoop.block());
      isBlocked = true;
    }
    return isBlocked;
  }

  /** Whether an image's metadata cannot be read any more. */
  hasDeadMetadata(): boolean {
    return this.#bitmapNodes().some((node) => node.state === "yanked");
  }

  /** The run state changed: the guest's reads go on or stand still with it. */
  followRunState(): void {
    this.#pauseActivity();
    if (!this.#core.isRunning) return;
    for (const [device, activity] of this.#activity) {
      const node = device.drive === undefined ? undefined : this.#protocolNode(device.drive);
      if (!node?.isServerFrozen && node?.state !== "yanked") activity.run();
      else if (node.state === "yanked") this.#failNextRead(node, device);
      else if (!hasRequestOf(node, device)) node.inFlight.push({ device });
    }
  }

  /** What a disk's counters say; a disk that nobody reads has none. */
  activityOf(device: SimulatedDevice): { reads: number; failedReads: number; idleMs: number | undefined } {
    return this.#activity.get(device) ?? NO_ACTIVITY;
  }

  queueOf(device: SimulatedDevice): QueueIndexes {
    const activity = this.#activity.get(device);
    if (!activity) return { inUse: 0, lastAvailIndex: 0, usedIndex: 0 };
    const node = device.drive === undefined ? undefined : this.#protocolNode(device.drive);
    const isThrottled = this.#core.isRunning && this.#throttleOf(device) !== undefined;
    return activity.queue(isThrottled || (node !== undefined && hasRequestOf(node, device)));
  }

  #addNbd({ nodeName, state = "connected", farSide }: Extract<SimulatedBlockNode, { driver: "nbd" }>): void {
    const node: NbdNode = {
      nodeName,
      state,
      isServerFrozen: farSide?.isFrozen ?? false,
      inFlight: [],
      releases: [],
      cut: () => {
        node.state = "yanked";
        this.#fail(node);
      },
    };
    this.#nbd.set(nodeName, node);
    const instance = { type: "block-node", "node-name": nodeName } as const;
    this.#core.yanks.register(instance);
    if (state === "connected") this.#core.yanks.addFunction(instance, node.cut);
    if (!farSide) return;
    this.#detachers.push(farSide.attach((isFrozen) => (isFrozen ? this.freezeServer(nodeName) : this.thawServer(nodeName))));
  }

  #send(nodeName: string, origin: RequestOrigin): void {
    const node = this.#protocolNode(nodeName);
    if (!node) return;
    if (node.state === "yanked") this.#reportError(origin);
    else if (node.isServerFrozen || node.state === "reconnecting") node.inFlight.push(origin);
  }

  /** Yanking is one-way: the requests in flight fail, and so does every later one. */
  #fail(node: NbdNode): void {
    const failed = node.inFlight.filter((origin) => origin === "monitor" || "device" in origin);
    node.inFlight = [];
    for (const origin of failed) this.#reportError(origin);
    for (const job of this.#jobsOn(node)) this.#reportError({ job });
    this.#release(node);
    this.followRunState();
  }

  /** The guest reads on a little later, unless it was stopped or given another disk by then. */
  #failNextRead(node: NbdNode, device: SimulatedDevice): void {
    this.#core.schedule(NEXT_READ_MS, () => {
      if (node.state === "yanked") this.#reportError({ device });
    });
  }

  #release(node: NbdNode): void {
    const releases = node.releases;
    node.releases = [];
    for (const release of releases) release();
    this.#noticeDrained();
  }

  #noticeDrained(): void {
    if (!this.#onDrained || Array.from(this.#nbd.values()).some((node) => node.inFlight.length > 0)) return;
    const run = this.#onDrained;
    this.#onDrained = undefined;
    run();
  }

  /** A failed request: the job's own, or the guest's, which is told or, by its policy, stopped. */
  #reportError(origin: RequestOrigin): void {
    if (origin === "monitor") return;
    if ("job" in origin) return this.onJobError(origin.job);
    const { device } = origin;
    if (!this.#core.isRunning) return;
    const action = device.rerror === "stop" ? "stop" : device.rerror === "ignore" ? "ignore" : "report";
    this.#core.emit("BLOCK_IO_ERROR", {
      "qom-path": this.#core.traits.isBlockIoErrorThrottled ? `/machine/peripheral/${device.id ?? ""}/virtio-backend` : undefined,
      device: "",
      nospace: false,
      "node-name": device.drive ?? "",
      reason: "Input/output error",
      operation: "read",
      action,
    });
    // Requests that a policy stops are not counted as failed: they are tried again.
    if (action !== "stop") return this.#activity.get(device)?.fail();
    this.#core.emit("STOP");
    this.#core.runState = "io-error";
    this.#pauseActivity();
  }

  #pauseActivity(): void {
    for (const activity of this.#activity.values()) activity.pause();
  }

  /** The guest's own speed, or what a throttle on the way lets through. */
  #speedOf(device: SimulatedDevice): number {
    const readsPerSecond = device.readsPerSecond ?? 0;
    const limit = this.#throttleOf(device);
    return limit === undefined ? readsPerSecond : Math.min(readsPerSecond, limit / SECTOR_BYTES);
  }

  #throttleOf(device: SimulatedDevice): number | undefined {
    for (const node of readPath(this.nodes, device.drive ?? "")) {
      if (node.driver === "throttle" && node.bytesPerSecond !== undefined) return node.bytesPerSecond;
    }
    return undefined;
  }

  #jobsOn(node: NbdNode): SimulatedJob[] {
    return Array.from(this.#jobs).filter((job) => this.#protocolNode(job.target) === node);
  }

  #bitmapNodes(): NbdNode[] {
    const images = this.nodes.filter((node) => node.driver === "qcow2" && node.hasPersistentBitmaps === true);
    return images.map((node) => this.#protocolNode(node.nodeName)).filter((node) => node !== undefined);
  }

  /** The NBD node at the bottom of a chain, if that is what is there. */
  #protocolNode(nodeName: string): NbdNode | undefined {
    const bottom = readPath(this.nodes, nodeName).at(-1);
    return bottom && this.#nbd.get(bottom.nodeName);
  }

  #nbdNode(nodeName: string): NbdNode {
    const node = this.#nbd.get(nodeName);
    if (!node) throw new Error(`No NBD node ${nodeName} in this simulated VM`);
    return node;
  }
}

function hasRequestOf(node: NbdNode, device: SimulatedDevice): boolean {
  return node.inFlight.some((origin) => origin !== "monitor" && "device" in origin && origin.device === device);
}
