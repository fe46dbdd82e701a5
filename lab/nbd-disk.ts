import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { idleSector } from "./boot-sectors.ts";
import { writeDisk } from "./images.ts";
import type { Lab } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { LabProcess } from "./lab-process.ts";
import type { RawMonitor } from "./raw-monitor.ts";
import { openSocket } from "./raw-monitor.ts";
import { requireSocketPath } from "./socket-path.ts";
import { escapeValue } from "./vm-arguments.ts";
import { waitFor } from "./wait-for.ts";

const EXPORT = "exp";
const DEVICE = "vda";
const DISK_BYTES = 64 * 1024 * 1024;
const SPARE_NODE = "lab-spare";

export interface NbdDiskOptions {
  /** Name of the folder that holds the image and the socket. */
  name: string;
  /** Default `unix`; over TCP the host's socket counters show the stall. */
  transport?: "unix" | "tcp";
  /** Seconds that a request waits for a lost server. */
  reconnectDelaySeconds?: number;
}

type Address = { type: "unix"; path: string } | { type: "inet"; host: string; port: string };

/**
 * A disk on a `qemu-nbd` of its own, and what a VM's command line needs to use it: the NBD node `nbd0`, which is the
 * yank instance, under the raw node `fmt0`, which the virtio disk `vda` has.
 */
export class NbdDisk {
  readonly nodeName = "nbd0";
  readonly formatNode = "fmt0";
  readonly #lab: Lab;
  readonly #options: NbdDiskOptions;
  readonly #image: string;
  readonly #address: Address;
  #server: LabProcess | undefined;

  private constructor(lab: Lab, options: NbdDiskOptions, image: string, address: Address) {
    this.#lab = lab;
    this.#options = options;
    this.#image = image;
    this.#address = address;
  }

  /** Makes a disk that boots into idling, and starts its server. @throws LabError when qemu-nbd is missing. */
  static async start(lab: Lab, options: NbdDiskOptions): Promise<NbdDisk> {
    const folder = await lab.makeFolder(options.name);
    const image = await writeDisk(join(folder, "disk.img"), idleSector(), DISK_BYTES);
    const address: Address =
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

  /** Command line for a VM that boots from, or has, this disk. */
  get devices(): string[] {
    const address = Object.entries(this.#address).map(([key, value]) => `server.${key}=${escapeValue(value)}`);
    const delay = this.#options.reconnectDelaySeconds;
    const options = [`driver=nbd,node-name=${this.nodeName}`, ...address, `export=${EXPORT}`];
    if (delay !== undefined) options.push(`reconnect-delay=${delay}`);
    return [
      ...["-blockdev", options.join(",")],
      ...["-blockdev", `driver=raw,node-name=${this.formatNode},file=${this.nodeName}`],
      ...["-device", `virtio-blk-pci,drive=${this.formatNode},id=${DEVICE}`],
    ];
  }

  /** Starts the server, again if it was ended, and resolves once it takes connections. */
  async startServer(): Promise<void> {
    const { nbdBinary } = this.#lab.qemu;
    if (nbdBinary === undefined) throw new LabError("qemu-nbd is missing: on Debian, apt install qemu-utils");
    if (this.#server?.isRunning === true) return;
    const at = this.#address.type === "unix" ? ["-k", this.#address.path] : ["-b", this.#address.host, "-p", this.#address.port];
    const server = await LabProcess.start(this.#lab.processes, {
      what: `NBD server of ${this.#options.name}`,
      command: nbdBinary,
      args: ["-f", "raw", ...at, "-x", EXPORT, "-t", "-e", "8", this.#image],
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
    await raw.human(`qemu-io -d /machine/peripheral/${DEVICE}/virtio-backend "aio_read 0 4096"`);
  }

  /**
   * Gives the guest's disk a fresh connection after a yank, which is one-way for a node: the device is moved to a spare
   * node, the dead nodes are closed, and new ones of the same names take their place. (`blockdev-reopen` would flush
   * the dead node and fail.) Needs the main loop alive and the server answering.
   */
  async replug(raw: RawMonitor): Promise<void> {
    await raw.execute("blockdev-add", { driver: "null-co", "node-name": SPARE_NODE, size: DISK_BYTES, "read-zeroes": true });
    await setDrive(raw, SPARE_NODE);
    await raw.execute("blockdev-del", { "node-name": this.formatNode });
    await raw.execute("blockdev-del", { "node-name": this.nodeName });
    const delay = this.#options.reconnectDelaySeconds;
    await raw.execute("blockdev-add", {
      driver: "nbd",
      "node-name": this.nodeName,
      server: this.#address,
      export: EXPORT,
      ...(delay === undefined ? {} : { "reconnect-delay": delay }),
    });
    await raw.execute("blockdev-add", { driver: "raw", "node-name": this.formatNode, file: this.nodeName });
    await setDrive(raw, this.formatNode);
    await raw.execute("blockdev-del", { "node-name": SPARE_NODE });
  }

  async close(): Promise<void> {
    await this.#server?.stop();
    await rm(join(this.#lab.directory, this.#options.name), { recursive: true, force: true });
  }

  async #isListening(): Promise<boolean> {
    if (this.#address.type === "unix") {
      const socket = await openSocket(this.#address.path);
      socket?.destroy();
      return socket !== undefined;
    }
    const { host, port } = this.#address;
    return new Promise((resolve) => {
      const socket = connect({ host, port: Number(port) });
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
  }
}

async function setDrive(raw: RawMonitor, node: string): Promise<void> {
  await raw.execute("qom-set", { path: `/machine/peripheral/${DEVICE}`, property: "drive", value: node });
}

/** Asks the kernel for a port and gives it back at once: good enough for a server of our own on loopback. */
async function findFreePort(): Promise<number> {
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
