import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, open, readFile, readdir, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readSecondDiskSector } from "#lab/boot-sectors";
import { QmpClient } from "#server/qmp/client";
import type { ContractPeer, ContractVm, ContractVmOptions } from "./peer.ts";
import { until } from "./wait.ts";

const run = promisify(execFile);

const IMAGE_BYTES = 16 * 1024 * 1024;
const REPLY_TIMEOUT_MS = 10_000;
const OPENAT_SYSCALL = process.arch === "arm64" ? "56" : "257";
const PEER_COMMANDS = new Set([
  "human-monitor-command",
  "blockdev-add",
  "blockdev-mirror",
  "query-block-jobs",
  "query-blockstats",
  "query-chardev",
  "query-migrate",
  "migrate",
  "migrate-set-capabilities",
  "migrate-set-parameters",
  "migrate-start-postcopy",
]);
/** Memory that is not all zeros, or a migration is over before it can be slow. */
const GUEST_DATA_BYTES = 16 * 1024 * 1024;
const GUEST_DATA_ADDRESS = "0x800000";
const MIGRATION_BYTES_PER_SECOND = 100_000;
const POSTCOPY = { capabilities: [{ capability: "postcopy-ram", state: true }] };

/** Where one QEMU's programs are. */
export interface QemuPrograms {
  /** As the configuration calls it: "system", "qemu-11". */
  readonly name: string;
  readonly system: string;
  readonly nbd: string;
}

/** The QEMU in that place as a peer. @throws Error where it cannot be run. */
export async function qemuPeer(programs: QemuPrograms): Promise<ContractPeer & { version: string }> {
  const { stdout } = await run(programs.system, ["--version"]);
  const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "of unknown version";
  return {
    name: `qemu ${version} (${programs.name})`,
    major: Number.parseInt(version, 10),
    version,
    start: (options) => QemuVm.start(programs, options ?? {}),
  };
}

/** One QEMU with its NBD server. The third monitor, `ctl0`, is the peer's own: what it needs to break things. */
class QemuVm implements ContractVm {
  readonly monitorPath: string;
  readonly secondMonitorPath: string;
  readonly serialPath: string;
  tcpMonitor: { host: string; port: number } | undefined;
  readonly #programs: QemuPrograms;
  readonly #dir: string;
  readonly #children: ChildProcess[] = [];
  #nbdServer: ChildProcess | undefined;
  #qemu: ChildProcess | undefined;
  #control: QmpClient | undefined;
  #fifoCount = 0;
  #isClosed = false;

  static async start(programs: QemuPrograms, options: ContractVmOptions): Promise<QemuVm> {
    const vm = new QemuVm(programs, await mkdtemp(join(tmpdir(), "ripcord-qemu-")));
    try {
      await vm.#start(options);
      return vm;
    } catch (error) {
      await vm.close();
      throw error;
    }
  }

  private constructor(programs: QemuPrograms, dir: string) {
    this.#programs = programs;
    this.#dir = dir;
    this.monitorPath = join(dir, "mon0.sock");
    this.secondMonitorPath = join(dir, "mon1.sock");
    this.serialPath = join(dir, "ser0.sock");
  }

  async blockMainLoop(): Promise<() => Promise<void>> {
    const number = ++this.#fifoCount;
    const fifo = join(this.#dir, `fifo${number}`);
    await run("mkfifo", [fifo]);
    const image = { driver: "null-co", "read-zeroes": true };
    const added = this.#client.execute(
      "blockdev-add",
      { driver: "blkdebug", "node-name": `blocked${number}`, config: fifo, image },
      { timeoutMs: 60_000 },
    );
    // Whoever closes the VM before releasing it ends this request: that is no failure of a test.
    added.catch(() => undefined);
    await until(async () => (await this.#syscall()) === OPENAT_SYSCALL, "the main loop blocked in opening the FIFO");
    return async () => {
      // Opening for writing is what the reader waits for; an empty configuration is a valid one.
      const writer = await open(fifo, "w");
      await writer.close();
      await added;
    };
  }

  async freezeNbdServer(): Promise<void> {
    await stopProcess(this.#nbdServer);
    await this.#diskRequest("aio_read 0 4096");
  }

  async stallIo(): Promise<void> {
    await until(async () => (await this.#diskReads()) > 5, "reads of the guest");
    await stopProcess(this.#nbdServer);
  }

  async thawNbdServer(): Promise<void> {
    this.#nbdServer?.kill("SIGCONT");
  }

  async loseNbdServer(): Promise<void> {
    const before = await this.#sockets();
    if (this.#nbdServer) await endProcess(this.#nbdServer);
    await this.#diskRequest("aio_read 0 4096");
    // Until QEMU has closed its end it has not noticed, and a yank still cuts what it takes for a connection.
    await until(async () => {
      const now = new Set(await this.#sockets());
      return before.some((socket) => !now.has(socket));
    }, "QEMU to notice that its server is gone");
  }

  async restoreNbdServer(): Promise<void> {
    this.#nbdServer = await this.#startNbdServer("nbd");
  }

  async startStuckMirror(): Promise<void> {
    const target = await this.#startNbdServer("tgt");
    const server = { type: "unix", path: join(this.#dir, "tgt.sock") };
    await this.#ask("blockdev-add", { driver: "nbd", "node-name": "tgt", server, export: "exp" });
    await this.#ask("blockdev-mirror", { "job-id": "mir0", device: "fmt0", target: "tgt", sync: "full" });
    await until(async () => (await this.#firstJob())?.["ready"] === true, "the mirror ready");
    await stopProcess(target);
    await this.#diskRequest("aio_write 0 4096");
    await until(async () => (await this.#firstJob())?.["busy"] === true, "the mirror waiting for its target");
  }

  async startPostcopy(): Promise<void> {
    const path = join(this.#dir, "migration.sock");
    const control = join(this.#dir, "destination.sock");
    const destination = this.#spawn(this.#programs.system, [...this.#machine(), ...monitor("ctl0", control), "-incoming", "defer"]);
    await listening(control, destination);
    const peer = await openControl(control, new Set(["migrate-set-capabilities", "migrate-incoming"]));
    try {
      for (const client of [peer, this.#client])
        await client.execute("migrate-set-capabilities", POSTCOPY, { timeoutMs: REPLY_TIMEOUT_MS });
      await peer.execute("migrate-incoming", { uri: `unix:${path}` }, { timeoutMs: REPLY_TIMEOUT_MS });
    } finally {
      peer.close();
    }
    const slow = { "max-bandwidth": MIGRATION_BYTES_PER_SECOND, "max-postcopy-bandwidth": MIGRATION_BYTES_PER_SECOND };
    await this.#ask("migrate-set-parameters", slow);
    await this.#ask("migrate", { uri: `unix:${path}` });
    await until(async () => (await this.#migrationStatus()) === "active", "the migration active");
    await this.#ask("migrate-start-postcopy");
    await until(async () => (await this.#migrationStatus()) === "postcopy-active", "the migration in postcopy");
  }

  async freezeProcess(): Promise<void> {
    await stopProcess(this.#qemu);
  }

  async thawProcess(): Promise<void> {
    this.#qemu?.kill("SIGCONT");
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#control?.close();
    await Promise.all(this.#children.map(endProcess));
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #client(): QmpClient {
    if (this.#control === undefined) throw new Error("The VM has not been started");
    return this.#control;
  }

  async #ask(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return (await this.#client.execute(command, args, { timeoutMs: REPLY_TIMEOUT_MS })).value;
  }

  /** By the device, not by the node: on a node of its own `qemu-io` drains before it returns, and so hangs itself. */
  async #diskRequest(command: string): Promise<void> {
    await this.#ask("human-monitor-command", { "command-line": `qemu-io -d /machine/peripheral/vda/virtio-backend "${command}"` });
  }

  async #diskReads(): Promise<number> {
    const disks = (await this.#ask("query-blockstats")) as { qdev?: string; stats: { rd_operations: number } }[];
    return disks.find((disk) => disk.qdev?.includes("vda"))?.stats.rd_operations ?? 0;
  }

  async #firstJob(): Promise<Record<string, unknown> | undefined> {
    return ((await this.#ask("query-block-jobs")) as Record<string, unknown>[])[0];
  }

  async #migrationStatus(): Promise<unknown> {
    return ((await this.#ask("query-migrate")) as { status?: unknown }).status;
  }

  /** What a migration's two sides must have alike. */
  #machine(): string[] {
    const data = join(this.#dir, "guest-data");
    const loader = existsSync(data) ? ["-device", `loader,file=${data},addr=${GUEST_DATA_ADDRESS},force-raw=on`] : [];
    return ["-display", "none", "-nodefaults", "-m", "32", "-accel", "tcg", ...loader];
  }

  async #start(options: ContractVmOptions): Promise<void> {
    const { pretty = false, nbd = true, serial = true, tcp = false, reads = false, reconnectDelayS = 0 } = options;
    const controlPath = join(this.#dir, "ctl0.sock");
    if (nbd) this.#nbdServer = await this.#startNbdServer("nbd");
    else await writeFile(join(this.#dir, "guest-data"), randomBytes(GUEST_DATA_BYTES));
    const args = this.#machine();
    args.push(...monitor("mon0", this.monitorPath, pretty), ...monitor("mon1", this.secondMonitorPath), ...monitor("ctl0", controlPath));
    if (serial) args.push("-chardev", `socket,id=ser0,path=${this.serialPath},server=on,wait=off`, "-device", "isa-serial,chardev=ser0");
    if (tcp) args.push("-chardev", "socket,id=tcp0,host=127.0.0.1,port=0,server=on,wait=off", "-mon", "chardev=tcp0,mode=control");
    if (nbd) {
      const server = `server.type=unix,server.path=${join(this.#dir, "nbd.sock")},export=exp,reconnect-delay=${reconnectDelayS}`;
      args.push("-blockdev", `driver=nbd,node-name=nbd0,${server}`, "-blockdev", "driver=raw,node-name=fmt0,file=nbd0");
      args.push("-device", "virtio-blk-pci,drive=fmt0,id=vda,bootindex=1");
    }
    if (reads) {
      const boot = join(this.#dir, "boot.img");
      await writeFile(boot, Buffer.concat([readSecondDiskSector(), Buffer.alloc(1024 * 1024)]));
      args.push("-drive", `file=${boot},format=raw,if=none,id=boot`, "-device", "ide-hd,drive=boot,bootindex=0");
    }
    this.#qemu = this.#spawn(this.#programs.system, args);
    await listening(controlPath, this.#qemu);
    this.#control = await openControl(controlPath, PEER_COMMANDS);
    if (tcp) this.tcpMonitor = await this.#findTcpMonitor();
  }

  /** Serves `NAME.sock`, anew where it did before. */
  async #startNbdServer(name: string): Promise<ChildProcess> {
    const image = join(this.#dir, `${name}.img`);
    const path = join(this.#dir, `${name}.sock`);
    await rm(path, { force: true });
    await writeFile(image, "");
    await truncate(image, IMAGE_BYTES);
    const server = this.#spawn(this.#programs.nbd, ["-f", "raw", "-k", path, "-x", "exp", "-t", "-e", "4", image]);
    await listening(path, server);
    return server;
  }

  /** The sockets that QEMU holds, by inode. */
  async #sockets(): Promise<string[]> {
    const folder = `/proc/${this.#qemu?.pid}/fd`;
    const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")));
    return links.filter((link) => link.startsWith("socket:"));
  }

  #spawn(program: string, args: string[]): ChildProcess {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], cwd: this.#dir });
    this.#children.push(child);
    // A pipe that nobody reads would in the end block the process that we watch.
    child.stderr?.resume();
    return child;
  }

  /** Which system call the main thread is in; "running" where it is in none. */
  async #syscall(): Promise<string> {
    return (await readFile(`/proc/${this.#qemu?.pid}/syscall`, "utf8")).split(" ", 1)[0] ?? "";
  }

  async #findTcpMonitor(): Promise<{ host: string; port: number }> {
    const { value } = await this.#client.execute("query-chardev", undefined, { timeoutMs: REPLY_TIMEOUT_MS });
    const filename = (value as { label: string; filename: string }[]).find((chardev) => chardev.label === "tcp0")?.filename ?? "";
    const port = Number(/tcp:127\.0\.0\.1:(\d+)/.exec(filename)?.[1]);
    if (!(port > 0)) throw new Error(`No port in ${filename}`);
    return { host: "127.0.0.1", port };
  }
}

function monitor(id: string, path: string, isPretty = false): string[] {
  return [
    "-chardev",
    `socket,id=${id},path=${path},server=on,wait=off`,
    "-mon",
    `chardev=${id},mode=control${isPretty ? ",pretty=on" : ""}`,
  ];
}

/** A client of our own, for what the suite does to the VM. */
async function openControl(path: string, allowedCommands: ReadonlySet<string>): Promise<QmpClient> {
  const client = new QmpClient({
    address: { path },
    allowedCommands,
    inBandWindow: 1,
    greetingTimeoutMs: REPLY_TIMEOUT_MS,
    negotiationTimeoutMs: REPLY_TIMEOUT_MS,
  });
  await client.connect();
  return client;
}

/** Waits until somebody listens there. @throws Error where the process ended before. */
async function listening(path: string, process: ChildProcess): Promise<void> {
  await until(() => {
    if (process.exitCode !== null) throw new Error(`${process.spawnfile} ended with ${process.exitCode} before it listened`);
    return canConnect(path);
  }, `a listener at ${path}`);
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** SIGSTOP, and the fact that every thread of it has stopped. */
async function stopProcess(child: ChildProcess | undefined): Promise<void> {
  const pid = child?.pid;
  if (child === undefined || pid === undefined) throw new Error("There is no process to stop");
  child.kill("SIGSTOP");
  await until(async () => {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")));
    return stats.every((stat) => /\) T /.test(stat));
  }, `process ${pid} stopped`);
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await gone;
}
