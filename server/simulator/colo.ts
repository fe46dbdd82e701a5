import type { WireObject } from "./wire-value.ts";

export type ColoRole = "primary" | "secondary";

/** One side of a COLO pair: its role, and how it came out of it. @see QEMU qapi/migration.json, COLOStatus */
export class Colo {
  #mode: ColoRole | "none" = "none";
  #lastMode: ColoRole | "none" = "none";
  #reason: "none" | "request" | "error" | "processing" = "none";
  #hasSaidExit = false;

  get role(): ColoRole | undefined {
    return this.#mode === "none" ? undefined : this.#mode;
  }

  enter(role: ColoRole): void {
    this.#mode = role;
    this.#hasSaidExit = false;
    this.#reason = "none";
  }

  /** The connection broke: a failover is due, and until then the mode stays as it was. @returns the data of COLO_EXIT. */
  fail(): WireObject | undefined {
    if (this.#mode === "none" || this.#hasSaidExit) return undefined;
    this.#hasSaidExit = true;
    return { mode: this.#mode, reason: "error" };
  }

  /** `x-colo-lost-heartbeat`: this side goes on alone. @returns the data of COLO_EXIT, unless that was said before. */
  failOver(): WireObject | undefined {
    const mode = this.#mode;
    this.#lastMode = mode;
    this.#mode = "none";
    this.#reason = "request";
    return this.#hasSaidExit ? undefined : { mode, reason: "request" };
  }

  /** `query-colo-status`. */
  status(): WireObject {
    return { "last-mode": this.#lastMode, mode: this.#mode, reason: this.#reason };
  }
}
