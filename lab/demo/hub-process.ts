import { type WriteStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LabError } from "../lab-error.ts";
import { LabProcess } from "../lab-process.ts";
import { type ProcessIdentity, isAlive, signalProcess } from "../process-identity.ts";
import type { ProcessLedger } from "../process-ledger.ts";
import { waitFor } from "../wait-for.ts";
import type { DemoFolders } from "./config.ts";
import { findSocketOwner } from "./socket-owner.ts";

const READY_LINE = /^ripcord: ready (http:\/\/\S+)$/m;
const READY_TIMEOUT_MS = 90_000;
const STOP_GRACE_MS = 10_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** A hub that dies this often in a minute has a reason that starting it again does not mend. */
const MAX_DEATHS_A_MINUTE = 3;

const vmListSchema = z.object({
  vms: z.array(z.object({ vmId: z.string(), name: z.string().nullish(), health: z.object({ kind: z.string() }) })),
});
const vmDetailSchema = z.object({ topologyAtMs: z.number().optional() });

export interface HubProcessOptions {
  ledger: ProcessLedger;
  folders: DemoFolders;
  /** The program that takes `demo-serve`: `server/main.ts`. */
  entry: string;
  mode: "real" | "simulated";
  port: number;
  say: (line: string) => void;
}

/**
 * The hub of the demo as its child, with its bridge. What they print goes to `hub.log`. When the hub dies under the
 * demo it is started again at the same address, as a service manager would; whoever started this calls `stop()`.
 */
export class HubProcess {
  readonly #options: HubProcessOptions;
  readonly #log: WriteStream;
  readonly #gaveUp = Promise.withResolvers<never>();
  #process: LabProcess | undefined;
  #url: string | undefined;
  #deathsMonoMs: number[] = [];
  #isStopping = false;
  #stopped: Promise<void> | undefined;

  private constructor(options: HubProcessOptions) {
    this.#options = options;
    this.#log = createWriteStream(options.folders.hubLog, { mode: 0o600 });
    this.#gaveUp.promise.catch(() => {});
    process.on("exit", this.#killBridge);
  }

  /** Starts it and returns at once; `ready()` waits. */
  static start(options: HubProcessOptions): HubProcess {
    const hub = new HubProcess(options);
    hub.#supervise().catch((error: unknown) => hub.#gaveUp.reject(error));
    return hub;
  }

  /** Rejects when the hub cannot be kept running; never resolves. */
  get gaveUp(): Promise<never> {
    return this.#gaveUp.promise;
  }

  /** The address that a browser opens. @throws LabError with the hub's last words when it does not come up. */
  async ready(): Promise<string> {
    const wait = new AbortController();
    try {
      const url = waitFor("the hub to be ready", () => this.#url, { timeoutMs: READY_TIMEOUT_MS, signal: wait.signal });
      return await Promise.race([this.gaveUp, url]);
    } finally {
      wait.abort();
    }
  }

  /**
   * Whether the hub calls this VM healthy and knows what its connections serve. Before that a hang would leave its
   * consoles refused: nobody could tell them from monitors any more.
   */
  async isReadyToBreak(name: string): Promise<boolean> {
    const fleet = await this.#ask("vms", vmListSchema);
    const vm = fleet?.vms.find((candidate) => candidate.name === name);
    if (vm?.health.kind !== "healthy") return false;
    const detail = await this.#ask(`vms/${vm.vmId}`, vmDetailSchema);
    return detail?.topologyAtMs !== undefined;
  }

  /** Undefined while the hub cannot be asked. */
  async #ask<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    if (this.#url === undefined) return undefined;
    try {
      const response = await fetch(new URL(`/api/v1/${path}`, this.#url), { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      return response.ok ? schema.parse(await response.json()) : undefined;
    } catch {
      return undefined;
    }
  }

  /** SIGTERM to the hub, which ends its bridge; whatever bridge is left afterwards is ended as well. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #supervise(): Promise<void> {
    let port = this.#options.port;
    while (!this.#isStopping) {
      const hub = await this.#launch(port);
      const { code, signal } = await hub.exited;
      if (this.#isStopping) return;
      const hadServed = this.#url !== undefined;
      if (hadServed) port = Number(new URL(this.#url ?? "").port);
      const nowMonoMs = performance.now();
      this.#deathsMonoMs = [...this.#deathsMonoMs.filter((atMonoMs) => nowMonoMs - atMonoMs < 60_000), nowMonoMs];
      if (!hadServed || this.#deathsMonoMs.length > MAX_DEATHS_A_MINUTE) {
        throw new LabError(`The hub ended (${signal ?? `status ${code}`}), see ${this.#options.folders.hubLog}\n${hub.outputTail}`);
      }
      this.#options.say(`The hub ended (${signal ?? `status ${code}`}) and is started again`);
    }
  }

  async #launch(port: number): Promise<LabProcess> {
    const { ledger, entry, folders, mode } = this.#options;
    let head = "";
    this.#process = await LabProcess.start(ledger, {
      what: "hub of the demo",
      command: process.execPath,
      args: [entry, "demo-serve", "--config", folders.config, "--demo", mode, "--port", String(port)],
      env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
      onOutput: (chunk, stream) => {
        this.#log.write(chunk);
        if (stream !== "stdout" || this.#url !== undefined) return;
        head += chunk;
        this.#url = READY_LINE.exec(head)?.[1];
      },
    });
    return this.#process;
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    this.#gaveUp.reject(new LabError("The demo was ended"));
    await this.#process?.stop(STOP_GRACE_MS);
    process.off("exit", this.#killBridge);
    const bridge = this.#findBridge();
    if (bridge !== undefined) {
      signalProcess(bridge, "SIGTERM");
      const hasEnded = () => (isAlive(bridge) ? undefined : true);
      await waitFor("the bridge to end", hasEnded, { timeoutMs: STOP_GRACE_MS }).catch(() => signalProcess(bridge, "SIGKILL"));
    }
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  /** A hub that was killed could not end its bridge, which is made to outlive it. */
  #findBridge(): ProcessIdentity | undefined {
    return findSocketOwner(join(this.#options.folders.hub, "bridge.sock"));
  }

  /** For an end in which nothing can be awaited any more. */
  readonly #killBridge = (): void => {
    const bridge = this.#findBridge();
    if (bridge !== undefined) signalProcess(bridge, "SIGKILL");
  };
}
