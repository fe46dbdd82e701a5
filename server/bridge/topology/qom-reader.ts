import { z } from "zod";
import type { AskInBand } from "../vm/ports.ts";

export interface QomChild {
  readonly name: string;
  /** `isa-serial`, out of `child<isa-serial>`. */
  readonly type: string;
}

const MAX_CHILDREN = 4_096;
const elementSchema = z.object({ name: z.string().max(1_024), type: z.string().max(1_024) });

/**
 * One reading's way to QOM: bounded in requests, each list asked for once, and an error answer read as "not there". Only
 * QEMU's own refusal is that: a lost, late or unsent question ends the reading.
 * @see QEMU qapi/qom.json
 */
export class QomReader {
  readonly #ask: AskInBand;
  readonly #lists = new Map<string, readonly QomChild[] | undefined>();
  /** Most property reads of one reading: at 0.4 ms each they stay far below a probe's interval. */
  #readsLeft = 128;

  constructor(ask: AskInBand) {
    this.#ask = ask;
  }

  get hasReadsLeft(): boolean {
    return this.#readsLeft > 0;
  }

  /** The answer, unchecked; undefined where QEMU refused. @throws whatever else `ask` rejects with. */
  async tryAsk(command: string, args?: Record<string, unknown>): Promise<unknown> {
    try {
      return await this.#ask(command, args);
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  /** The child objects at a path; undefined where the list could not be read. */
  async children(path: string): Promise<readonly QomChild[] | undefined> {
    if (this.#lists.has(path)) return this.#lists.get(path);
    const answer = await this.tryAsk("qom-list", { path });
    const children = Array.isArray(answer) ? answer.slice(0, MAX_CHILDREN).flatMap(toChild) : undefined;
    this.#lists.set(path, children);
    return children;
  }

  /** A property's value; undefined where there is none or the reading has used up its requests. */
  async get(path: string, property: string): Promise<unknown> {
    if (this.#readsLeft <= 0) return undefined;
    this.#readsLeft -= 1;
    return await this.tryAsk("qom-get", { path, property });
  }

  async getText(path: string, property: string): Promise<string | undefined> {
    const value = await this.get(path, property);
    return typeof value === "string" && value !== "" && value.length <= 4_096 ? value : undefined;
  }
}

function toChild(element: unknown): QomChild[] {
  const checked = elementSchema.safeParse(element);
  if (!checked.success) return [];
  const type = /^child<(.+)>$/.exec(checked.data.type)?.[1];
  return type === undefined ? [] : [{ name: checked.data.name, type }];
}

/** QEMU answered `error`, as opposed to not having answered. The shape of `QmpCommandError`. */
function isRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && "outcome" in error && error.outcome === "refused";
}
