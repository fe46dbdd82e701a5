import type { NbdState, SimulatedBlockNode, SimulatedDevice } from "./options.ts";
import type { VmCore } from "./vm-core.ts";

const NEXT_READ_MS = 1;

interface NbdNode {
  readonly nodeName: string;
  state: NbdState;
  isServerFrozen: boolean;
  /** Requests sent to a server that does not answer: each comes from a device of the guest, or from the monitor. */
  inFlight: (SimulatedDevice | undefined)[];
  /** Released when the node has no request left that cannot complete. */
  releases: (() => void)[];
  readonly cut: () => void;
}

/** Reads that a device has completed: counted by the clock while it runs, so that no timer is needed. */
interface Activity {
  operations: number;
  sinceMonoMs: number | undefined;
  idleSinceMonoMs: number | undefined;
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
  readonly #activity = new Map<SimulatedDevice, Activity>();
  #onDrained: (() => void) | undefined;

  constructor(core: VmCore, nodes: readonly SimulatedBlockNode[], devices: readonly SimulatedDevice[]) {
    this.#core = core;
    this.nodes = nodes;
    this.devices = devices;
    for (const node of nodes) if (node.driver === "nbd") this.#addNbd(node.nodeName, node.state ?? "connected");
    for (const device of devices) {
      if (!device.readsPerSecond) continue;
      this.#activity.set(device, { operations: 0, sinceMonoMs: undefined, idleSinceMonoMs: undefined });
    }
    this.followRunState();
  }

  nbdState(nodeName: string): NbdState | undefined {
    return this.#nbd.get(nodeName)?.state;
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
    const node = this.#protocolNode(nodeName);
    if (!node) return;
    if (node.state === "yanked") this.#reportError(device);
    else if (node.isServerFrozen || node.state === "reconnecting") node.inFlight.push(device);
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

  /** Calls back once no request is left that cannot complete: at once where there is none. */
  whenDrained(run: () => void): void {
    this.#onDrained = run;
    this.#noticeDrained();
  }

  /** Reading an image's metadata now. @returns whether the main loop is blocked on it. */
  blockOnMetadata(): boolean {
    let isBlocked = false;
    for (const node of this.nodes) {
      if (node.driver !== "qcow2" || !node.hasPersistentBitmaps) continue;
      const nbd = this.#protocolNode(node.nodeName);
      if (!nbd?.isServerFrozen || nbd.state !== "connected") continue;
      nbd.inFlight.push(undefined);
      nbd.releases.push(this.#core.mainLoop.block());
      isBlocked = true;
    }
    return isBlocked;
  }

  /** Whether an image's metadata cannot be read any more. */
  hasDeadMetadata(): boolean {
    return this.nodes.some(
      (node) => node.driver === "qcow2" && node.hasPersistentBitmaps === true && this.#protocolNode(node.nodeName)?.state === "yanked",
    );
  }

  /** The run state changed: the guest's reads go on or stand still with it. */
  followRunState(): void {
    this.#pauseActivity();
    if (!this.#core.isRunning) return;
    for (const [device, activity] of this.#activity) {
      const node = device.drive === undefined ? undefined : this.#protocolNode(device.drive);
      if (!node?.isServerFrozen && node?.state !== "yanked") activity.sinceMonoMs = this.#core.monoMs();
      else if (node.state === "yanked") this.#failNextRead(node, device);
      else if (!node.inFlight.includes(device)) node.inFlight.push(device);
    }
  }

  completedReads(device: SimulatedDevice): { operations: number; idleMs: number | undefined } {
    const activity = this.#activity.get(device);
    if (!activity) return { operations: 0, idleMs: undefined };
    if (activity.sinceMonoMs !== undefined) return { operations: this.#countReads(device, activity), idleMs: 0 };
    const idleMs = activity.idleSinceMonoMs === undefined ? undefined : this.#core.monoMs() - activity.idleSinceMonoMs;
    return { operations: activity.operations, idleMs };
  }

  #addNbd(nodeName: string, state: NbdState): void {
    const node: NbdNode = {
      nodeName,
      state,
      isServerFrozen: false,
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
  }

  /** Yanking is one-way: the requests in flight fail, and so does every later one. */
  #fail(node: NbdNode): void {
    const failed = node.inFlight;
    node.inFlight = [];
    for (const device of failed) this.#reportError(device);
    this.#release(node);
    this.followRunState();
  }

  /** The guest reads on a little later, unless it was stopped or given another disk by then. */
  #failNextRead(node: NbdNode, device: SimulatedDevice): void {
    this.#core.schedule(NEXT_READ_MS, () => {
      if (node.state === "yanked") this.#reportError(device);
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

  /** A failed read of the guest: reported to it, or, by its policy, a stop of the whole VM. */
  #reportError(device: SimulatedDevice | undefined): void {
    if (!device || !this.#core.isRunning) return;
    const action = device.rerror === "stop" ? "stop" : device.rerror === "ignore" ? "ignore" : "report";
    this.#core.emit("BLOCK_IO_ERROR", {
      "qom-path": this.#core.traits.isBlockIoErrorThrottled ? `/machine/peripheral/${device.id ?? ""}/virtio-backend` : undefined,
      device: "",
      "node-name": device.drive ?? "",
      reason: "Input/output error",
      operation: "read",
      action,
    });
    if (action !== "stop") return;
    this.#core.emit("STOP");
    this.#core.runState = "io-error";
    this.#pauseActivity();
  }

  #pauseActivity(): void {
    for (const [device, activity] of this.#activity) {
      if (activity.sinceMonoMs === undefined) continue;
      activity.operations = this.#countReads(device, activity);
      activity.sinceMonoMs = undefined;
      activity.idleSinceMonoMs = this.#core.monoMs();
    }
  }

  #countReads(device: SimulatedDevice, activity: Activity): number {
    const runMs = activity.sinceMonoMs === undefined ? 0 : this.#core.monoMs() - activity.sinceMonoMs;
    return activity.operations + Math.floor((runMs * (device.readsPerSecond ?? 0)) / 1000);
  }

  /** The NBD node at the bottom of a chain, if that is what is there. */
  #protocolNode(nodeName: string): NbdNode | undefined {
    let node = this.nodes.find((candidate) => candidate.nodeName === nodeName);
    while (node && (node.driver === "raw" || node.driver === "qcow2")) {
      const file: string = node.file;
      node = this.nodes.find((candidate) => candidate.nodeName === file);
    }
    return node && this.#nbd.get(node.nodeName);
  }

  #nbdNode(nodeName: string): NbdNode {
    const node = this.#nbd.get(nodeName);
    if (!node) throw new Error(`No NBD node ${nodeName} in this simulated VM`);
    return node;
  }
}
