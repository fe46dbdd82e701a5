import type { DeadManConfig } from "#lib/config/notify-schema";
import type { Log } from "#server/log";
import type { Clock } from "../clock.ts";
import { deliver } from "../notify/deliver.ts";
import { readQuietly } from "../notify/webhook-target.ts";
import type { OutcomeKind } from "../notify/target.ts";

const TIMEOUT_MS = 10_000;
/** What did not go through, or was not well, is looked at again so soon. */
const AGAIN_MS = 5_000;

export interface DeadManOptions {
  config: DeadManConfig;
  clock: Clock;
  log: Log;
  notWell(): Promise<string | undefined>;
  onOutcome(outcome: OutcomeKind): void;
}

/** Asks an address again and again while this hub is really well, so that somebody notices when it stops. */
export class DeadMan {
  readonly #options: DeadManOptions;
  readonly #closing = new AbortController();
  #nextMonoMs = 0;
  #trouble: string | undefined;
  #pinging: Promise<void> | undefined;

  constructor(options: DeadManOptions) {
    this.#options = options;
  }

  /** To be called every second. */
  tick(): void {
    if (this.#pinging || this.#closing.signal.aborted || this.#options.clock.monoMs() < this.#nextMonoMs) return;
    this.#pinging = this.#ping().finally(() => {
      this.#pinging = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pinging;
  }

  async #ping(): Promise<void> {
    const { config, clock, log, notWell, onOutcome } = this.#options;
    const startedMonoMs = clock.monoMs();
    const trouble = (await notWell()) ?? (await this.#reach());
    if (this.#closing.signal.aborted) return;
    this.#nextMonoMs = startedMonoMs + (trouble === undefined ? config.everyMs : Math.min(config.everyMs, AGAIN_MS));
    onOutcome(trouble === undefined ? "delivered" : "failed");
    if (trouble !== undefined && trouble !== this.#trouble) log.warn({ trouble }, "the dead man's signal was not sent");
    if (trouble === undefined && this.#trouble !== undefined) log.info("the dead man's signal is sent again");
    this.#trouble = trouble;
  }

  /** Why it did not get there. */
  async #reach(): Promise<string | undefined> {
    const url = this.#options.config.url ?? readQuietly(this.#options.config.urlFile);
    if (url === undefined || !/^https?:\/\//.test(url)) return "urlFile holds no http:// or https:// address";
    const outcome = await deliver({ url, method: "GET", timeoutMs: TIMEOUT_MS, closing: this.#closing.signal });
    return outcome.kind === "delivered" ? undefined : outcome.reason;
  }
}
