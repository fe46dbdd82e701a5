import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { idleSector } from "./boot-sectors.ts";
import { writeBitmapDisk, writeDisk } from "./images.ts";
import type { Lab } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { LabProcess } from "./lab-process.ts";
import type { RawMonitor } from "./raw-monitor.ts";
import { openSocket } from "./raw-monitor.ts";
import type { RelayTarget } from "./slow-relay.ts";
import { requireSocketPath } from "./socket-path.ts";
import { escapeValue } from "./vm-arguments.ts";
import { waitFor } from "./wait-for.ts";

const EXPORT = "exp";
export const NBD_DISK_BYTES = 64 * 1024 * 1024;
const SPARE_NODE = "lab-spare";

export interface NbdDiskOptions {
  /** Name of the folder that holds the image and the socket. */
  name: string;
  /** Default `unix`; over TCP the host's socket counters show the stall. */
  transport?: "unix" | "tcp";
  /** Seconds that a request waits for a lost server. */
  reconnectDelaySeconds?: number;
  /** How many connections the server takes at once; default 8. A VM has one, and the lab looks with another. */
  clients?: number;
  /** 0, the default, names them `nbd0`, `fmt0` and `vda`; 1 `nbd1`, `fmt1` and `vdb`. */
  index?: number;
  /** `qcow2` holds a persistent bitmap, whose directory QEMU reads for some queries. Default `raw`. */
  format?: "raw" | "qcow2";
  /** What the guest's device does on an error; default QEMU's own, which reports it. */
  onError?: "report" | "stop";
}

export type NbdAddress = { type: "unix"; path: string } | { type: "inet"; host: string; port: string };

/**
 * A disk on a `qemu-nbd` of its own, and what a VM's command line needs to use it: the NBD node `nbd0`, which is the
 * yank instance, under the format node `fmt0`, which the virtio disk `vda` has.
 */
export class NbdDisk {
  readonly nodeName: string;
  readonly formatNode: string;
  readonly device: string;
  readonly address: NbdAddress;
  readonly #lab: Lab;
  readonly #options: NbdDiskOptions;
  readonly #image: string;
  #server: LabProcess | undefined;

  private constructor(lab: Lab, options: NbdDiskOptions, image: string, address: NbdAddress) {
    this.#lab = lab;
    this.#options = options;
    this.#image = image;
    this.address = address;
    const index = options.index ?? 0;
    this.nodeName = `nbd${index}`;
    this.formatNode = `fmt${index}`;
    this.device = `vd${"abcdefgh".charAt(index)}`;
  }

  /** Makes a disk that boots into idling, and starts its server. @throws LabError when qemu-nbd is missing. */
  static async start(lab: Lab, options: NbdDiskOptions): Promise<NbdDisk> {
    const folder = await lab.makeFolder(options.name);
    const image = join(folder, "disk.img");
    if (options.format === "qcow2") await writeBitmapDisk(lab.qemu, image, NBD_DISK_BYTES);
    else await writeDisk(image, idleSector(), NBD_DISK_BYTES);
    const address: NbdAddress =
      options.transport === "tcp"
        ? { type: "inet", host: "127.0.0.1", port: String(await findFreePort()) }
        : { type: "unix", path: requireSocketPath(join(folder, "nbd.sock")) };
    const disk = new NbdDisk(lab, options, image, address);
    await disk.startServer();
    return disk;
  }

  get server(): LabProcess {
    if (this.#server === undefined) throw new LabError("The NBD server was never started");
    return this.#server;
  }

  /** Where a relay in front of the server connects to. */
  get target(): RelayTarget {
    return this.address.type === "unix" ? { path: this.address.path } : { port: Number(this.address.port) };
  }

  /** Command line for a VM that boots from, or has, this disk. */
  get devices(): string[] {
    return [...this.nodes(), ...this.deviceOn(this.formatNode)];
  }

  /** The nodes alone, for whatever stands between them and a device. @param via where a relay in front of the server listens. */
  nodes(via: NbdAddress = this.address): string[] {
    const address = Object.entries(via).map(([key, value]) => `server.${key}=${escapeValue(value)}`);
    const delay = this.#options.reconnectDelaySeconds;
    const options = [`driver=nbd,node-name=${this.nodeName}`, ...address, `export=${EXPORT}`];
    if (delay !== undefined) options.push(`reconnect-delay=${delay}`);
    return [
      ...["-blockdev", options.join(",")],
      ...["-blockdev", `driver=${this.#format},node-name=${this.formatNode},file=${this.nodeName}`],
    ];
  }

  /** The guest's device, on the format node or on one above it. */
  deviceOn(node: string): string[] {
    const { onError } = this.#options;
    const policy = onError === undefined ? "" : `,rerror=${onError},werror=${onError}`;
    return ["-device", `virtio-blk-pci,drive=${node},id=${this.device}${policy}`];
  }

  /** As `blockdev-add` takes it. */
  nodeOptions(nodeName = this.nodeName): Record<string, unknown> {
    const delay = this.#options.reconnectDelaySeconds;
    return {
      driver: "nbd",
      "node-name": nodeName,
      server: this.address,
      export: EXPORT,
      ...(delay === undefined ? {} : { "reconnect-delay": delay }),
    };
  }

  /** Starts the server, again if it was ended, and resolves once it takes connections. */
  async startServer(): Promise<void> {
    const { nbdBinary } = this.#lab.qemu;
    if (nbdBinary === undefined) throw new LabError("qemu-nbd is missing: on Debian, apt install qemu-utils");
    if (this.#server?.isRunning === true) return;
    const at = this.address.type === "unix" ? ["-k", this.address.path] : ["-b", this.address.host, "-p", this.address.port];
    const clients = String(this.#options.clients ?? 8);
    const server = await LabProcess.start(this.#lab.processes, {
      what: `NBD server of ${this.#options.name}`,
      command: nbdBinary,
      args: ["-f", "raw", ...at, "-x", EXPORT, "-t", "-e", clients, this.#image],
    });
    this.#server = server;
    await waitFor("the NBD server to listen", async () => {
      if (!server.isRunning) throw new LabError(`qemu-nbd ended: ${server.outputTail}`);
      return (await this.#isListening()) ? true : undefined;
    });
  }

  /**
   * Starts a read on the disk that the main loop does not wait for. It goes through the device: named by its node, the
   * command would end with a drain and hang before its reply.
   */
  async startRequest(raw: RawMonitor): Promise<void> {
    await this.startIo(raw, "aio_read 0 4096");
  }

  /** As `startRequest`, with any command of qemu-io. @see qemu-io(1) */
  async startIo(raw: RawMonitor, command: string, timeoutMs?: number): Promise<void> {
    await raw.human(`qemu-io -d /machine/peripheral/${this.device}/virtio-backend "${command}"`, { timeoutMs });
  }

  /**
   * Gives the guest's disk a fresh connection after a yank, which is one-way for a node: the device is moved to a spare
   * node, the dead nodes are closed, and new ones of the same names take their place. (`blockdev-reopen` would flush
   * the dead node and fail.) Needs the main loop alive and the server answering.
   */
  async replug(raw: RawMonitor): Promise<void> {
    await raw.execute("blockdev-add", { driver: "null-co", "node-name": SPARE_NODE, size: NBD_DISK_BYTES, "read-zeroes": true });
    await this.#setDrive(raw, SPARE_NODE);
    await raw.execute("blockdev-del", { "node-name": this.formatNode });
    await raw.execute("blockdev-del", { "node-name": this.nodeName });
    await raw.execute("blockdev-add", this.nodeOptions());
    await raw.execute("blockdev-add", { driver: this.#format, "node-name": this.formatNode, file: this.nodeName });
    await this.#setDrive(raw, this.formatNode);
    await raw.execute("blockdev-del", { "node-name": SPARE_NODE });
  }

  async close(): Promise<void> {
    await this.#server?.stop();
    await rm(join(this.#lab.directory, this.#options.name), { recursive: true, force: true });
  }

  get #format(): "raw" | "qcow2" {
    return this.#options.format ?? "raw";
  }

  async #setDrive(raw: RawMonitor, node: string): Promise<void> {
    await raw.execute("qom-set", { path: `/machine/peripheral/${this.device}`, property: "drive", value: node });
  }

  async #isListening(): Promise<boolean> {
    if (this.address.type === "unix") {
      const socket = await openSocket(this.address.path);
      socket?.destroy();
      return socket !== undefined;
    }
    const { host, port } = this.address;
    return new Promise((resolve) => {
      const socket = connect({ host, port: Number(port) });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  }
}

/** Asks the kernel for a port and gives it back at once: good enough for a server of our own on loopback. */
export async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
