import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { FleetSnapshot } from "#lib/api/vm";

const MAIN = resolve(import.meta.dirname, "../../server/main.ts");
const MODE_ARGUMENTS = {
  demo: ["demo-serve", "--demo", "real"],
  "simulated-demo": ["demo-serve", "--demo", "simulated"],
  serve: ["serve"],
} as const;
type Mode = keyof typeof MODE_ARGUMENTS;
const READY_LINE = /^ripcord: ready (http:\/\/\S+)$/m;

export interface RipcordOptions {
  /** `demo` and `simulated-demo` go without the access token; `serve` prints a URL with it. */
  mode?: Mode;
  /** More lines for `ripcord.yaml`. */
  moreConfig?: string;
}

/**
 * One hub with its bridge, in a folder of its own, on a port of its own. `close()` ends both; the hub alone can be
 * killed and started again, as can the bridge.
 */
export class RipcordProcess {
  readonly folder: string;
  readonly monitorsDirectory: string;
  readonly labDirectory: string;
  readonly #mode: Mode;
  readonly #config: string;
  #child: ChildProcess | undefined;
  #url = "";
  #port = 0;
  #said = "";

  private constructor(options: RipcordOptions) {
    // Unix socket paths hold 107 bytes, so the folder's own name must stay short.
    this.folder = mkdtempSync(join(tmpdir(), "rc-"));
    this.monitorsDirectory = join(this.folder, "monitors");
    this.labDirectory = join(this.folder, "lab");
    this.#mode = options.mode ?? "demo";
    this.#config = join(this.folder, "ripcord.yaml");
    mkdirSync(this.monitorsDirectory, { mode: 0o700 });
    writeFileSync(
      this.#config,
      `dataDir: ${JSON.stringify(join(this.folder, "data"))}
bridge:
  id: kvm-03
  label: kvm-03
  monitors:
    - path: ${JSON.stringify(join(this.monitorsDirectory, "*.sock"))}
${options.moreConfig ?? ""}`,
    );
  }

  static async start(options: RipcordOptions = {}): Promise<RipcordProcess> {
    const ripcord = new RipcordProcess(options);
    await ripcord.startHub();
    return ripcord;
  }

  /** Where a browser goes; with the token in the fragment in `serve` mode. */
  get url(): string {
    return this.#url;
  }

  get origin(): string {
    return new URL(this.#url).origin;
  }

  /** Has the hub stand still, as a stopped or swapped-out process does: its sockets stay open and say nothing. */
  freezeHub(): void {
    this.#child?.kill("SIGSTOP");
  }

  thawHub(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Starts the hub; after a kill at the same port, so that open pages find it again. */
  async startHub(): Promise<void> {
    const modeArguments = [...MODE_ARGUMENTS[this.#mode], "--config", this.#config, "--port", String(this.#port)];
    const child = spawn(process.execPath, [MAIN, ...modeArguments], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    });
    this.#child = child;
    this.#said = "";
    let head = "";
    child.stderr.on("data", (chunk: Buffer) => this.#remember(chunk));
    this.#url = await new Promise((resolveUrl, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        this.#remember(chunk);
        head += chunk.toString();
        const url = READY_LINE.exec(head)?.[1];
        if (url !== undefined) resolveUrl(url);
      });
      child.once("exit", (code) => reject(new Error(`The hub ended with ${code}: ${this.#said}`)));
    });
    this.#port = Number(new URL(this.#url).port);
  }

  /** Ends the hub at once, as a crash would; the bridge stays. */
  async killHub(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** The bridge's pid, asked over its control socket; undefined while none listens. */
  bridgePid(): Promise<number | undefined> {
    return new Promise((resolvePid) => {
      const socket = connect(join(this.folder, "data", "bridge.sock"));
      socket.once("error", () => resolvePid(undefined));
      socket.once("connect", () => socket.write('{"op":"hello"}\n'));
      socket.once("data", (bytes) => {
        socket.destroy();
        resolvePid((JSON.parse(bytes.toString()) as { pid: number }).pid);
      });
    });
  }

  async killBridge(): Promise<void> {
    const pid = await this.bridgePid();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
  }

  /** The access token of `serve`. */
  token(): string {
    return readFileSync(join(this.folder, "data", "access-token"), "utf8").trim();
  }

  /** Fetches a path of the API as a program would. */
  async api<T>(path: string): Promise<T> {
    const headers: Record<string, string> = this.#mode === "serve" ? { authorization: `Bearer ${this.token()}` } : {};
    const response = await fetch(new URL(`/api/v1${path}`, this.origin), { headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Takes VMs off the list whose process ended in a way that an operator has to see first: they are this test's, not the next one's. */
  async dismissGone(names: readonly string[]): Promise<void> {
    const { vms } = await this.api<FleetSnapshot>("/vms");
    for (const vm of vms) {
      if (!names.includes(vm.name)) continue;
      await fetch(new URL(`/api/v1/vms/${vm.vmId}/dismiss`, this.origin), { method: "POST" });
    }
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.thawHub();
    const bridge = await this.bridgePid();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGINT");
      await exited;
    }
    const orphan = await this.bridgePid();
    if (orphan !== undefined && orphan === bridge) process.kill(orphan, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #remember(chunk: Buffer): void {
    this.#said = (this.#said + chunk.toString()).slice(-8_192);
  }
}
