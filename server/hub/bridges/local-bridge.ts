import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { LINK_VERSION } from "#lib/link/contract";
import type { ControlReply } from "#lib/link/contract";
import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import { ControlClient } from "./control-client.ts";

const LOOK_AGAIN_MS = 50;
const COME_UP_WITHIN_MS = 15_000;
const OTHER_VERSION_LOOK_AGAIN_MS = 5_000;
const FIRST_RESTART_AFTER_MS = 250;
const LAST_RESTART_AFTER_MS = 10_000;
/** A bridge that lived for this long was well: the next restart is quick again. */
const WAS_WELL_AFTER_MS = 30_000;
const STOP_WITHIN_MS = 5_000;

/** A bridge process that was started. */
export interface StartedBridge {
  /** Resolves with how it ended, in words. */
  ended: Promise<string>;
  /** Ends it at once; for one that has not come up and so holds no session. */
  kill(): void;
}

export interface LocalBridgeOptions {
  dataDir: string;
  /** Where the bridge dials. */
  hubUrl: string;
  /** Absent: a living bridge is adopted, and none is started. */
  start?(): StartedBridge;
  clock: Clock;
  log: Log;
  /** What an operator should know of it; undefined when all is well. */
  onNotice(text: string | undefined): void;
}

/**
 * Sees to it that this host has its bridge. One that runs is adopted, whoever started it: to start it anew would lose every
 * session that was negotiated before a hang. One that is missing is started, detached, so that it outlives this hub.
 */
export class LocalBridge {
  readonly #options: LocalBridgeOptions;
  readonly #done: Promise<void>;
  #client: ControlClient | undefined;
  /** What this hub started and has not seen end. */
  #started: StartedBridge | undefined;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(options: LocalBridgeOptions) {
    this.#options = options;
    this.#done = this.#keep();
  }

  /** Tells the bridge to read its config again. @returns what it answered; undefined where there is none. */
  async reload(): Promise<ControlReply | undefined> {
    return this.#client?.ask({ op: "reload" });
  }

  /** Lets go of the bridge and leaves it running. */
  async release(): Promise<void> {
    this.#isClosed = true;
    this.#wake?.();
    this.#client?.close();
    await this.#done;
  }

  /** Ends the bridge, by force where it does not end in time. */
  async stop(): Promise<void> {
    await this.release();
    const client = await ControlClient.connect(this.#options.dataDir);
    if (!client) {
      // It may be on its way up, and would stay without anybody who knows of it.
      const started = this.#started;
      started?.kill();
      await started?.ended;
      return;
    }
    const hello = await client.ask({ op: "hello" }).catch(() => undefined);
    await client.ask({ op: "stop" }).catch(() => undefined);
    const isGone = await Promise.race([client.closed.then(() => true), this.#pause(STOP_WITHIN_MS, true).then(() => false)]);
    client.close();
    if (!isGone && hello?.ok) killQuietly(hello.pid);
  }

  async #keep(): Promise<void> {
    let restartAfterMs = FIRST_RESTART_AFTER_MS;
    while (!this.#isClosed) {
      const beganAtMs = this.#options.clock.nowMs();
      const how = await this.#live();
      if (this.#isClosed) return;
      if (this.#options.clock.nowMs() - beganAtMs > WAS_WELL_AFTER_MS) restartAfterMs = FIRST_RESTART_AFTER_MS;
      if (how !== undefined) {
        this.#options.log.warn({ how, restartAfterMs }, "the local bridge is gone");
        this.#options.onNotice(`The bridge of this host ${how}${this.#options.start ? "; it is being started again" : ""}`);
      }
      await this.#pause(restartAfterMs);
      restartAfterMs = Math.min(restartAfterMs * 2, LAST_RESTART_AFTER_MS);
    }
  }

  /** From finding or starting a bridge to its end. @returns how it ended; undefined where there was none and none is started. */
  async #live(): Promise<string | undefined> {
    const running = await ControlClient.connect(this.#options.dataDir);
    if (running) return this.#adopt(running);
    if (!this.#options.start) {
      this.#options.onNotice("No bridge runs on this host");
      return undefined;
    }
    let end: string | undefined;
    const started = this.#options.start();
    this.#started = started;
    void started.ended.then((how) => {
      end = how;
      if (this.#started === started) this.#started = undefined;
      this.#wake?.();
    });
    const { clock } = this.#options;
    for (const untilMs = clock.nowMs() + COME_UP_WITHIN_MS; clock.nowMs() < untilMs && !this.#isClosed; await this.#pause(LOOK_AGAIN_MS)) {
      const client = await ControlClient.connect(this.#options.dataDir);
      if (client) return (await this.#adopt(client)) ?? end;
      if (end !== undefined) return `${end} before it was up; its log is ${logFileOf(this.#options.dataDir)}`;
    }
    return "does not come up";
  }

  async #adopt(client: ControlClient): Promise<string | undefined> {
    const { hubUrl, log, onNotice } = this.#options;
    this.#client = client;
    try {
      if (this.#isClosed) return undefined;
      const hello = await client.ask({ op: "hello" });
      if (!hello.ok) return `answered: ${hello.error}`;
      if (hello.linkVersion !== LINK_VERSION) {
        // It holds sessions that cannot be had again: whoever runs it decides when they may be lost.
        onNotice(
          `The bridge of this host (pid ${hello.pid}) speaks link version ${hello.linkVersion} and this hub ${LINK_VERSION}: it is left alone; end it when no VM hangs`,
        );
        await Promise.race([client.closed, this.#pause(OTHER_VERSION_LOOK_AGAIN_MS)]);
        return undefined;
      }
      const adopted = await client.ask({ op: "adopt", hubUrl });
      if (!adopted.ok) return `refused this hub: ${adopted.error}`;
      log.info({ bridgePid: hello.pid, epoch: hello.epoch }, "the local bridge is adopted");
      onNotice(undefined);
      await client.closed;
      return "ended";
    } catch (error) {
      return `does not answer (${error instanceof Error ? error.message : String(error)})`;
    } finally {
      client.close();
      if (this.#client === client) this.#client = undefined;
    }
  }

  #pause(ms: number, isFinal = false): Promise<void> {
    if (this.#isClosed && !isFinal) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(ms, finish);
      this.#wake = finish;
      function finish() {
        stop();
        resolve();
      }
    });
  }
}

/** Starts a bridge as a process of its own session, so that neither Ctrl-C nor the hub's end reaches it. */
export function startDetachedBridge(entry: string, args: readonly string[], dataDir: string): StartedBridge {
  const logFile = logFileOf(dataDir);
  mkdirSync(join(dataDir, "log"), { recursive: true, mode: 0o700 });
  const output = openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, [entry, "bridge", ...args], { detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  child.unref();
  return {
    ended: new Promise((resolve) => {
      child.once("error", (error) => resolve(`could not be started (${error.message})`));
      child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with status ${code}`));
    }),
    kill: () => void child.kill("SIGKILL"),
  };
}

function logFileOf(dataDir: string): string {
  return join(dataDir, "log", "bridge.log");
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended after all.
  }
}
