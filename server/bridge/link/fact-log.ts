import { FACT_BACKLOG } from "#lib/link/contract";
import type { Fact, FactBatch, FactBody } from "#lib/link/contract";
import type { VmId } from "#lib/vm/report";
import type { QmpClock } from "#server/qmp/client";

interface Kept {
  seq: number;
  vmId: VmId | undefined;
  incarnationId: string | undefined;
  body: FactBody;
  monoMs: number;
  bytes: number;
}

/** What a fact adds to a message beside its body. */
const ENVELOPE_BYTES = 160;

/**
 * What happened, in order, until a hub has it. The oldest go when nobody listens for long, and the gap is told with the
 * next batch.
 */
export class FactLog {
  readonly #clock: QmpClock;
  readonly #limit: number;
  readonly #facts: Kept[] = [];
  #first = 0;
  #lastSeq = 0;
  #missed = 0;

  constructor(clock: QmpClock, limit = FACT_BACKLOG) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#facts.length - this.#first;
  }

  append(vm: { vmId: VmId; incarnationId?: string } | undefined, body: FactBody): void {
    const bytes = ENVELOPE_BYTES + JSON.stringify(body).length;
    this.#facts.push({
      seq: ++this.#lastSeq,
      vmId: vm?.vmId,
      incarnationId: vm?.incarnationId,
      body,
      monoMs: this.#clock.nowMonoMs(),
      bytes,
    });
    if (this.size > this.#limit) {
      this.#first++;
      this.#missed++;
      this.#compact();
    }
  }

  /** The oldest that fit; undefined with none. They stay until `acknowledge`. */
  nextBatch(maxBytes: number, maxFacts: number): FactBatch | undefined {
    const nowMonoMs = this.#clock.nowMonoMs();
    const facts: Fact[] = [];
    let bytes = 0;
    for (let index = this.#first; index < this.#facts.length && facts.length < maxFacts; index++) {
      const kept = this.#facts[index];
      if (!kept || (facts.length > 0 && bytes + kept.bytes > maxBytes)) break;
      bytes += kept.bytes;
      const { body, seq, vmId, incarnationId, monoMs } = kept;
      facts.push({
        ...body,
        seq,
        ...(vmId === undefined ? {} : { vmId }),
        ...(incarnationId === undefined ? {} : { incarnationId }),
        ageMs: nowMonoMs - monoMs,
      });
    }
    return facts.length === 0 ? undefined : { missedBefore: this.#missed, facts };
  }

  /** The hub has stored everything up to and with this one. */
  acknowledge(throughSeq: number): void {
    const before = this.#first;
    while (this.#first < this.#facts.length && (this.#facts[this.#first]?.seq ?? Infinity) <= throughSeq) this.#first++;
    if (this.#first > before) this.#missed = 0;
    this.#compact();
  }

  #compact(): void {
    if (this.#first < 1_024 && this.#first < this.#facts.length) return;
    this.#facts.splice(0, this.#first);
    this.#first = 0;
  }
}
