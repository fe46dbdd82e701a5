import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, open, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { QmpClient } from "#server/qmp/client";
import type { ContractPeer, ContractVm, ContractVmOptions } from "./peer.ts";
import { until } from "./wait.ts";

const run = promisify(execFile);

const IMAGE_BYTES = 16 * 1024 * 1024;
const REPLY_TIMEOUT_MS = 10_000;
const OPENAT_SYSCALL = process.arch === "arm64" ? "56" : "257";
const PEER_COMMANDS = new Set(["human-monitor-command", "blockdev-add", "query-chardev"]);

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
  return { name: `qemu ${version} (${programs.name})`, version, start: (options) => QemuVm.start(programs, options ?? {}) };
}

/** One QEMU with its NBD server. The third monitor, `ctl0`, is the peer's own: what it needs to break things. */
class QemuVm implements ContractVm {
  readonly monitorPath: string;
  readonly secondMonitorPath: string;
  readonly serialPath: string;
  tcpMonitor: { host: string; port: number } | undefined;
  readonly #dir: string;
  readonly #children: ChildProcess[] = [];
  #nbdServer: ChildProcess | undefined;
  #qemu: ChildProcess | undefined;
  #control: QmpClient | undefined;
  #fifoCount = 0;
  #isClosed = false;

  static async start(programs: QemuPrograms, options: ContractVmOptions): Promise<QemuVm> {
    const vm = new QemuVm(await mkdtemp(join(tmpdir(), "ripcord-qemu-")));
    try {
      await vm.#start(programs, options);
      return vm;
    } catch (error) {
      await vm.close();
      throw error;
    }
  }

  private constructor(dir: string) {
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
    // By the device, not by the node: on a node of its own `qemu-io` drains before it returns, and so hangs itself.
    const read = 'qemu-io -d /machine/peripheral/vda/virtio-backend "aio_read 0 4096"';
    await this.#client.execute("human-monitor-command", { "command-line": read }, { timeoutMs: REPLY_TIMEOUT_MS });
  }

  async thawNbdServer(): Promise<void> {
    this.#nbdServer?.kill("SIGCONT");
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

  async #start(programs: QemuPrograms, options: ContractVmOptions): Promise<void> {
    const { pretty = false, nbd = true, serial = true, tcp = false } = options;
    const controlPath = join(this.#dir, "ctl0.sock");
    if (nbd) await this.#startNbdServer(programs.nbd);
    const args = ["-display", "none", "-nodefaults", "-m", "32", "-accel", "tcg"];
    args.push(...monitor("mon0", this.monitorPath, pretty), ...monitor("mon1", this.secondMonitorPath), ...monitor("ctl0", controlPath));
    if (serial) args.push("-chardev", `socket,id=ser0,path=${this.serialPath},server=on,wait=off`, "-device", "isa-serial,chardev=ser0");
    if (tcp) args.push("-chardev", "socket,id=tcp0,host=127.0.0.1,port=0,server=on,wait=off", "-mon", "chardev=tcp0,mode=control");
    if (nbd) {
      args.push("-blockdev", `driver=nbd,node-name=nbd0,server.type=unix,server.path=${this.#nbdPath},export=exp`);
      args.push("-blockdev", "driver=raw,node-name=fmt0,file=nbd0", "-device", "virtio-blk-pci,drive=fmt0,id=vda");
    }
    this.#qemu = this.#spawn(programs.system, args);
    await listening(controlPath, this.#qemu);
    this.#control = new QmpClient({
      address: { path: controlPath },
      allowedCommands: PEER_COMMANDS,
      inBandWindow: 1,
      greetingTimeoutMs: REPLY_TIMEOUT_MS,
      negotiationTimeoutMs: REPLY_TIMEOUT_MS,
    });
    await this.#control.connect();
    if (tcp) this.tcpMonitor = await this.#findTcpMonitor();
  }

  get #nbdPath(): string {
    return join(this.#dir, "nbd.sock");
  }

  async #startNbdServer(program: string): Promise<void> {
    const image = join(this.#dir, "disk.img");
    await writeFile(image, "");
    await truncate(image, IMAGE_BYTES);
    this.#nbdServer = this.#spawn(program, ["-f", "raw", "-k", this.#nbdPath, "-x", "exp", "-t", "-e", "4", image]);
    await listening(this.#nbdPath, this.#nbdServer);
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
