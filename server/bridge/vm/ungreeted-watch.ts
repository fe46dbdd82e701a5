import type { Picture } from "#lib/health/reduce-health";
import type { ProcessSight } from "./process-sight.ts";
import { hasOtherPeer, readListenerState } from "./process-sight.ts";
import type { MonitorAddress } from "./ports.ts";
import type { VmHost } from "./vm-host.ts";

const RECHECK_MS = 2_000;

/** Why a monitor that took the connection does not greet. */
export type Ungreeted =
  /** It serves another client. */
  | "other-client"
  /** Nobody else was seen on the socket: whoever should greet does not. */
  | "nobody-home"
  /** Where it cannot be told, our connection must not stand in anyone's way. */
  | "cannot-tell";

/** Connected and not greeted: is somebody else being served, or is nobody home? Owned by the VM; it has no timer. */
export class UngreetedWatch {
  readonly #host: VmHost;
  readonly #address: MonitorAddress;
  readonly #process: ProcessSight;
  #sinceMonoMs: number | undefined;
  #checkNotBeforeMonoMs = 0;
  #isChecking = false;

  constructor(host: VmHost, address: MonitorAddress, process: ProcessSight) {
    this.#host = host;
    this.#address = address;
    this.#process = process;
  }

  /** It was established that nobody greets us and nobody else is served. */
  get isEstablished(): boolean {
    return this.#sinceMonoMs !== undefined;
  }

  isDue(nowMonoMs: number): boolean {
    return !this.#isChecking && nowMonoMs >= this.#checkNotBeforeMonoMs;
  }

  forget(): void {
    this.#sinceMonoMs = undefined;
  }

  /**
   * Looks in /proc, without touching the socket.
   * @param isCurrent asked after the reading: false where the question has settled itself meanwhile.
   */
  async check(sinceMonoMs: number, isCurrent: () => boolean): Promise<Ungreeted | undefined> {
    this.#isChecking = true;
    try {
      const isServingOther = await hasOtherPeer(this.#host.proc, this.#address);
      const process = isServingOther === true ? "unknown" : await readListenerState(this.#host.proc, this.#address);
      if (!isCurrent()) return undefined;
      if (isServingOther === true) {
        this.#sinceMonoMs = undefined;
        return "other-client";
      }
      this.#sinceMonoMs ??= sinceMonoMs;
      this.#checkNotBeforeMonoMs = this.#host.clock.nowMonoMs() + RECHECK_MS;
      this.#process.take(process);
      return isServingOther === undefined ? "cannot-tell" : "nobody-home";
    } finally {
      this.#isChecking = false;
    }
  }

  picture(nowMonoMs: number): Picture {
    const openAgeMs = this.#host.stalls.watchedMs(this.#sinceMonoMs ?? nowMonoMs, nowMonoMs);
    return { connection: "ungreeted", openAgeMs, process: this.#process.state };
  }
}
