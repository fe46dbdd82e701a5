import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LinkHub, startLinkHub } from "../testing/link-hub.ts";
import { waitFor } from "../wait-for.ts";

// As a process, the way it runs in production: nothing of the lab may import the bridge.
const MAIN = join(import.meta.dirname, "../../server/main.ts");
const CONNECTED_WITHIN_MS = 60_000;

/** One real bridge with its default thresholds, and the hub's end of its link. */
export class BridgeProcess {
  readonly monitorsDirectory: string;
  readonly hub: LinkHub;
  readonly #child: ChildProcess;

  private constructor(monitorsDirectory: string, hub: LinkHub, child: ChildProcess) {
    this.monitorsDirectory = monitorsDirectory;
    this.hub = hub;
    this.#child = child;
  }

  /** @param folder its own, made where it is missing; short, because monitors' paths hold 107 bytes. */
  static async start(folder: string): Promise<BridgeProcess> {
    const monitorsDirectory = join(folder, "m");
    mkdirSync(monitorsDirectory, { recursive: true, mode: 0o700 });
    const config = join(folder, "ripcord.yaml");
    writeFileSync(config, `bridge:\n  monitors:\n    - path: ${monitorsDirectory}/*.sock\n`);
    const hub = await startLinkHub();
    const args = [MAIN, "bridge", "--config", config, "--data-dir", join(folder, "d"), "--hub-url", hub.url];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    const bridge = new BridgeProcess(monitorsDirectory, hub, child);
    try {
      await waitFor("the bridge to connect", () => hub.bridgeEpoch(), { timeoutMs: CONNECTED_WITHIN_MS });
      return bridge;
    } catch (error) {
      await bridge.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await ended;
    }
    await this.hub.kill();
  }
}
