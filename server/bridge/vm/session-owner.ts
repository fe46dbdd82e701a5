import type { KnownVm } from "./known-vm.ts";
import type { MonitorAddress } from "./ports.ts";
import type { VmSettings } from "./vm-host.ts";

/**
 * Readings beside the probes. `topology` says what stands where; `without-storage` what completes and moves, which verdicts
 * need; `anything` could wait for storage.
 */
export type ReadingKind = "anything" | "topology" | "without-storage";

/** What a session and its readings tell the VM that owns them, and what they ask of it. */
export interface SessionOwner {
  readonly known: KnownVm;
  readonly settings: VmSettings;
  readonly address: MonitorAddress;
  /** Whether readings beside the probes may be sent now. */
  mayRead(what: ReadingKind): boolean;
  /** Its name is known now, and with it what the config says of it. */
  onIdentified(): void;
  /** A reply came on this lane; judge anew if it could matter. */
  onAnswer(lane: "in-band" | "oob"): void;
  /** Judge anew. */
  look(): void;
  /** Something that is published changed. */
  onChanged(): void;
  /** Wants to be called at this time, if not before. */
  wake(atMonoMs: number): void;
}
