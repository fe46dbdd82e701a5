import { rm } from "node:fs/promises";
import { join } from "node:path";
import { idleSector } from "./boot-sectors.ts";
import { writeDisk } from "./images.ts";
import { type Lab, removeFolder } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { LabProcess } from "./lab-process.ts";
import { RawMonitor } from "./raw-monitor.ts";
import { requireSocketPath } from "./socket-path.ts";
import { type VmShape, buildVmArguments, uuidOf } from "./vm-arguments.ts";
import { staysOpen, waitFor } from "./wait-for.ts";

/** In-band counts as silent when nothing came for this long while out-of-band went on answering. */
const SILENT_AFTER_MS = 700;

export interface LabVmOptions extends VmShape {
  /**
   * False for a VM that nobody watches, such as a migration's destination "on another host": its monitor then lies in
   * the lab's own folder.
   */
  isWatched?: boolean;
  /** True when something else stands at the watched path and QEMU opens its monitor in the lab's own folder. */
  isMonitorBehindRelay?: boolean;
}

/**
 * One real QEMU of the lab, with a monitor for Ripcord and one for the lab. `restart()` puts a new process behind the
 * same sockets; `close()` ends it, may be called twice, and removes what it left.
 */
export class LabVm {
  readonly name: string;
  readonly uuid: string;
  /** What Ripcord is to watch. */
  readonly monitorPath: string;
  /** Where QEMU itself opens that monitor: the same, unless a relay stands in front. */
  readonly qemuMonitorPath: string;
  readonly labMonitorPath: string;
  readonly folder: string;
  readonly #lab: Lab;
  #shape: VmShape;
  #process: LabProcess | undefined;
  #raw: RawMonitor | undefined;
  #openProbe: Promise<unknown> | undefined;

  private constructor(lab: Lab, options: LabVmOptions, folder: string) {
    this.#lab = lab;
    this.#shape = options;
    this.name = options.name;
    this.uuid = uuidOf(options.name);
    this.folder = folder;
    const ownPath = join(folder, "ripcord.sock");
    this.monitorPath = requireSocketPath((options.isWatched ?? true) ? watchedPath(lab, options.name) : ownPath);
    this.qemuMonitorPath = requireSocketPath(options.isMonitorBehindRelay === true ? ownPath : this.monitorPath);
    this.labMonitorPath = requireSocketPath(join(folder, "lab.sock"));
  }

  /** Makes the VM's folder, starts it, and resolves once the lab's monitor is in command mode with `oob`. */
  static async start(lab: Lab, options: LabVmOptions): Promise<LabVm> {
    const folder = await lab.makeFolder(options.name);
    const vm = new LabVm(lab, options, folder);
    if (options.bootDisk === undefined) vm.#shape = { ...options, bootDisk: await writeDisk(join(folder, "boot.img"), idleSector()) };
    await vm.#launch();
    return vm;
  }

  get process(): LabProcess {
    if (this.#process === undefined) throw new LabError(`${this.name} was never started`);
    return this.#process;
  }

  /** The lab's own line into this VM. */
  get raw(): RawMonitor {
    if (this.#raw === undefined) throw new LabError(`${this.name} was never started`);
    return this.#raw;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning === true;
  }

  /** A new QEMU behind the same sockets: a new incarnation. */
  async restart(changes: Partial<VmShape> = {}): Promise<void> {
    await this.#end();
    this.#shape = { ...this.#shape, ...changes };
    await this.#launch();
  }

  /**
   * Whether in-band commands are silent while out-of-band ones are answered, asked on the lab's own monitor. At most
   * one probe of it is ever open, because eight would make that monitor deaf.
   */
  async isHung(silentAfterMs = SILENT_AFTER_MS): Promise<boolean> {
    if (!this.isRunning) return false;
    const probe = (this.#openProbe ??= this.raw.execute("query-status", undefined, { timeoutMs: 0 }));
    const isSilent = await staysOpen(probe, silentAfterMs);
    if (!isSilent) {
      this.#openProbe = undefined;
      return false;
    }
    await this.raw.executeOob("query-yank");
    return true;
  }

  /** Resolves once `isHung`. */
  async waitUntilHung(): Promise<void> {
    await waitFor(`${this.name} to hang`, async () => ((await this.isHung()) ? true : undefined));
  }

  /** Resolves with the run state once in-band commands are answered again. */
  async waitUntilAnswering(): Promise<string> {
    return waitFor(`${this.name} to answer`, async () => {
      if (await this.isHung()) return undefined;
      return this.runState();
    });
  }

  async runState(): Promise<string> {
    const status = (await this.raw.execute("query-status")) as { status: string };
    return status.status;
  }

  async close(): Promise<void> {
    await this.#end();
    await rm(this.monitorPath, { force: true });
    await removeFolder(this.folder);
  }

  async #launch(): Promise<void> {
    const { qemu, processes } = this.#lab;
    this.#openProbe = undefined;
    this.#process = await LabProcess.start(processes, {
      what: `QEMU of ${this.name}`,
      command: qemu.systemBinary,
      args: buildVmArguments(this.#shape, { monitorPath: this.qemuMonitorPath, labMonitorPath: this.labMonitorPath }, qemu.version),
    });
    const started = this.#process;
    try {
      this.#raw = await RawMonitor.connect(this.labMonitorPath, { isAlive: () => started.isRunning });
    } catch (error) {
      await started.stop(0);
      const said = started.outputTail;
      throw new LabError(`${this.name} did not start${said === "" ? "" : `: ${said}`}`, { cause: error });
    }
  }

  async #end(): Promise<void> {
    this.#raw?.close();
    this.#openProbe?.catch(() => {});
    await this.#process?.stop();
  }
}

/** Where a watched VM of this name has its monitor. */
function watchedPath(lab: Pick<Lab, "monitorsDirectory">, name: string): string {
  return join(lab.monitorsDirectory, `${name}.sock`);
}
