import type { QmpGreeting } from "#lib/qapi/greeting";
import { QmpStateError } from "./errors.ts";
import type { QmpClientOptions, QmpCounters } from "./options.ts";
import type { QmpCallback, QmpLaneClock, QmpPending, QmpReply, QmpRequest } from "./request.ts";
import { QmpSession } from "./session.ts";
import type { QmpState } from "./session-state.ts";

export type { QmpClock } from "./clock.ts";
export type { QmpClientOptions, QmpCounters, QmpHandlers } from "./options.ts";
export type { QmpCallback, QmpLane, QmpLaneClock, QmpLateReply, QmpPending, QmpReply, QmpRequest, QmpResult } from "./request.ts";
export type { QmpCloseReason, QmpConnectPhase, QmpState } from "./session-state.ts";
export type { OpenTransport, QmpAddress, QmpTransport, TransportEvents } from "./transport.ts";

// One that QEMU executes and seven that it queues; with one more it stops reading the monitor, OOB included.
const MAX_IN_BAND_WINDOW = 8;

export interface QmpExecuteOptions {
  readonly timeoutMs: number;
  /** In-band only: how long to wait for the slot; 0 (default): refused at once with `slot-taken`. */
  readonly slotWaitMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * One connection to one QEMU monitor. Whoever makes it owns it; it ends by `close()` or when the peer does, tells so by
 * `onClosed`, and is not used again: a new connection is a new client. Only QEMU's death or our own will ends a
 * negotiated session: silence never does.
 */
export class QmpClient {
  readonly #allowedCommands: ReadonlySet<string>;
  readonly #session: QmpSession;

  constructor(options: QmpClientOptions) {
    const { inBandWindow } = options;
    if (!Number.isInteger(inBandWindow) || inBandWindow < 1 || inBandWindow > MAX_IN_BAND_WINDOW) {
      throw new RangeError(`inBandWindow must be 1 to ${MAX_IN_BAND_WINDOW}, not ${inBandWindow}`);
    }
    this.#allowedCommands = options.allowedCommands;
    this.#session = new QmpSession(options);
  }

  get state(): QmpState {
    return this.#session.state;
  }

  /** Known from `onGreeting` on. */
  get greeting(): QmpGreeting | undefined {
    return this.#session.greeting;
  }

  /** Whether out-of-band works here: offered, asked for and granted. */
  get hasOob(): boolean {
    return this.#session.hasOob;
  }

  get inBand(): QmpLaneClock {
    return this.#session.table.inBand;
  }

  get outOfBand(): QmpLaneClock {
    return this.#session.table.outOfBand;
  }

  /** Since when the socket takes no more bytes; undefined while it does. */
  get writeBlockedSinceMonoMs(): number | undefined {
    return this.#session.writeBlockedSinceMonoMs;
  }

  get counters(): QmpCounters {
    return this.#session.counters;
  }

  /**
   * Dials, waits for the greeting and negotiates, with `oob` where it is offered. Resolves in command mode.
   * @throws QmpConnectError, QmpHandshakeError, QmpProtocolError; QmpStateError when it is not idle or was closed by us.
   * After `negotiation-unanswered`, and only then, the session is kept: `state` reads `negotiating`, `inBand.openSinceMonoMs`
   * ages, and `onRunning` comes when the hang ends.
   * @see QEMU docs/interop/qmp-spec.rst, "Capabilities Negotiation"
   */
  connect(signal?: AbortSignal): Promise<QmpGreeting> {
    return this.#session.connect(signal);
  }

  /**
   * Sends one command: the cheap path, without promise or timer. The callback comes exactly once, after this returned.
   * @throws QmpStateError (`not-running`, `command-not-allowed`, `no-oob`) at once, with nothing written.
   */
  request(request: QmpRequest, callback: QmpCallback): QmpPending {
    const { command, lane } = request;
    const { state, hasOob } = this.#session;
    if (!this.#allowedCommands.has(command)) {
      throw new QmpStateError("command-not-allowed", `${command} is not on the list of allowed commands`);
    }
    if (state.kind !== "running") throw new QmpStateError("not-running", `${command} was not sent: the session is ${state.kind}`);
    if (lane === "out-of-band" && !hasOob) {
      throw new QmpStateError("no-oob", `${command} was not sent: this monitor has no out-of-band execution`);
    }
    return this.#session.table.submit(request, callback);
  }

  /**
   * In-band.
   * @throws QmpStateError: not sent. QmpCommandError: refused. QmpTimeoutError, QmpInterruptedError: unknown.
   */
  execute(command: string, args: object | undefined, options: QmpExecuteOptions): Promise<QmpReply> {
    return this.#promise(
      { lane: "in-band", command, arguments: args, timeoutMs: options.timeoutMs, slotWaitMs: options.slotWaitMs },
      options.signal,
    );
  }

  /** Out of band, never queued behind in-band. @throws as `execute`, and QmpStateError `no-oob`, `lane-full` */
  executeOob(command: string, args: object | undefined, options: QmpExecuteOptions): Promise<QmpReply> {
    return this.#promise({ lane: "out-of-band", command, arguments: args, timeoutMs: options.timeoutMs }, options.signal);
  }

  /** Ends it and settles every caller. Safe to call twice. */
  close(): void {
    this.#session.close();
  }

  #promise(request: QmpRequest, signal: AbortSignal | undefined): Promise<QmpReply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw new QmpStateError("aborted", `${request.command} was called off before it was sent`, signal.reason);
      const handleAbort = (): void => pending.abandon(signal?.reason);
      const pending = this.request(request, (result) => {
        signal?.removeEventListener("abort", handleAbort);
        if (result.ok) resolve(result.reply);
        else reject(result.error);
      });
      signal?.addEventListener("abort", handleAbort, { once: true });
    });
  }
}
