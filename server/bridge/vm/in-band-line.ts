import { QmpStateError } from "#server/qmp/errors";
import type { QmpClient, QmpClock, QmpReply, QmpResult } from "#server/qmp/client";

/** Why a reading was cut short: the VM is not well enough for anything but the one probe. */
class InBandSlowError extends Error {
  override readonly name = "InBandSlowError";
}

interface Act {
  command: string;
  args: object | undefined;
  timeoutMs: number;
  onWritten: () => void;
  settle: (result: QmpResult) => void;
  stopTimer: () => void;
}

interface Ask {
  command: string;
  args: object | undefined;
  resolve: (reply: QmpReply) => void;
  reject: (error: Error) => void;
}

/**
 * Who gets the one in-band slot of a VM next: an operator's act, then the probe that is due, then readings. It sends
 * through the client, which enforces the slot; the order is decided here so that nobody waits in a place where he cannot
 * be called back.
 */
export class InBandLine {
  /** The command that is unanswered now, for the evidence. */
  openCommand: string | undefined;
  readonly #clock: QmpClock;
  readonly #onReply: () => void;
  #acts: Act[] = [];
  #asks: Ask[] = [];
  #openAsk: Ask | undefined;

  /** @param onReply called after every reply, errors included: the main loop lives. */
  constructor(clock: QmpClock, onReply: () => void) {
    this.#clock = clock;
    this.#onReply = onReply;
  }

  /** Sends now; only where `isFree`. The callback comes with the reply, however late, or with the connection's end. */
  send(client: QmpClient, command: string, args: object | undefined, timeoutMs: number, callback: (result: QmpResult) => void): void {
    this.openCommand = command;
    client.request({ lane: "in-band", command, arguments: args, timeoutMs }, (result) => {
      // A time-out settles the caller and leaves the slot taken.
      if (client.inBand.openSinceMonoMs === undefined) this.openCommand = undefined;
      callback(result);
      if (isReply(result)) this.#onReply();
    });
  }

  isFree(client: QmpClient): boolean {
    return client.inBand.openSinceMonoMs === undefined;
  }

  /** An act waits for the slot at most `slotWaitMs`, and is then not sent. */
  act(client: QmpClient, act: Omit<Act, "stopTimer">, slotWaitMs: number): void {
    const entry: Act = { ...act, stopTimer: () => {} };
    entry.stopTimer = this.#clock.setTimer(() => {
      this.#acts = this.#acts.filter((other) => other !== entry);
      entry.settle({
        ok: false,
        error: new QmpStateError("slot-taken", `${entry.command} was not sent: the in-band slot did not become free in time`),
      });
    }, slotWaitMs);
    this.#acts.push(entry);
    if (this.isFree(client)) this.sendNextAct(client);
  }

  /** The same for who awaits its reply. @throws the qmp errors, each with its outcome */
  actAndWait(
    client: QmpClient,
    command: string,
    args: object | undefined,
    options: { timeoutMs: number; slotWaitMs: number; onWritten?: () => void },
  ): Promise<QmpReply> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, slotWaitMs, onWritten = () => {} } = options;
      const settle = (result: QmpResult): void => (result.ok ? resolve(result.reply) : reject(result.error));
      this.act(client, { command, args, timeoutMs, onWritten, settle }, slotWaitMs);
    });
  }

  /** @returns whether one was sent. */
  sendNextAct(client: QmpClient): boolean {
    const act = this.#acts.shift();
    if (!act) return false;
    act.stopTimer();
    this.send(client, act.command, act.args, act.timeoutMs, act.settle);
    act.onWritten();
    return true;
  }

  /** A reading. @throws InBandSlowError as soon as in-band turns slow. */
  ask(command: string, args?: object): Promise<QmpReply> {
    return new Promise((resolve, reject) => {
      this.#asks.push({ command, args, resolve, reject });
    });
  }

  get hasAsks(): boolean {
    return this.#asks.length > 0 || this.#openAsk !== undefined;
  }

  sendNextAsk(client: QmpClient): boolean {
    const ask = this.#asks.shift();
    if (!ask) return false;
    this.#openAsk = ask;
    this.send(client, ask.command, ask.args, Infinity, (result) => {
      if (this.#openAsk === ask) this.#openAsk = undefined;
      if (result.ok) ask.resolve(result.reply);
      else ask.reject(result.error);
    });
    return true;
  }

  /** Readings end here; their late replies are still matched, and counted by the clock. */
  stopAsking(why: string): void {
    const asks = this.#openAsk ? [this.#openAsk, ...this.#asks] : this.#asks;
    this.#openAsk = undefined;
    this.#asks = [];
    for (const ask of asks) ask.reject(new InBandSlowError(why));
  }

  /** The connection is over. */
  close(): void {
    this.stopAsking("the connection ended");
    for (const act of this.#acts) {
      act.stopTimer();
      act.settle({ ok: false, error: new QmpStateError("closed", `${act.command} was not sent: the connection ended`) });
    }
    this.#acts = [];
    this.openCommand = undefined;
  }
}

function isReply(result: QmpResult): boolean {
  return result.ok || result.error.code === "command-error";
}
