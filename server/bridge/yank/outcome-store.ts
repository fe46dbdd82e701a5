import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { assertNever } from "#lib/assert-never";
import { ACT_STATES, ACT_VERDICTS, RECOVERED_PARTS } from "#lib/yank/act";
import type { ActProgress } from "#lib/yank/act";

const progressSchema = z.object({
  state: z.enum(ACT_STATES),
  verdict: z.enum(ACT_VERDICTS),
  detail: z.string().optional(),
  qmpError: z.object({ class: z.string(), desc: z.string() }).optional(),
  replyAfterMs: z.number().optional(),
  recoveredAfterMs: z.number().optional(),
  recoveredParts: z.array(z.enum(RECOVERED_PARTS)).optional(),
  aftermath: z.array(z.string()),
  isFinal: z.boolean(),
});

const outcomeSchema = z.object({
  actId: z.string(),
  vmId: z.string(),
  /**
   * `prepared`: a ticket was given. `sending`: on disk before the command is written, so that whoever finds it knows that
   * it may have been. `going`: written. `done`: nothing more will happen. `acknowledged`: a hub has it; kept as a memory
   * that this act was executed.
   */
  phase: z.enum(["prepared", "sending", "going", "done", "acknowledged"]),
  progress: progressSchema,
  /** What was known before the act; the hub has it too. */
  evidence: z.unknown().optional(),
});

export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * What became of each act, one file per act and VM, so that neither a crash nor a restart repeats or forgets one. A file
 * is replaced whole: written beside, synced with its folder where it is final, and renamed. The desk owns it; writes of one key keep
 * their order.
 */
export class OutcomeStore {
  readonly #directory: string;
  readonly #lastWrites = new Map<string, Promise<void>>();
  #writeCount = 0;

  /** Makes the folder (0700). @throws the system's error where that is not possible. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /**
   * Everything on disk, read once at start. Remains of interrupted writes are removed; a file that cannot be read is left.
   * @returns `ageMs` since the file was last written, by the wall clock.
   */
  load(wallNowMs: number): { outcome: Outcome; ageMs: number }[] {
    const found: { outcome: Outcome; ageMs: number }[] = [];
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (name.endsWith(".tmp")) rmSync(path, { force: true });
      if (!name.endsWith(".json")) continue;
      const outcome = readOutcome(path);
      if (outcome) found.push({ outcome, ageMs: wallNowMs - statSync(path).mtimeMs });
    }
    return found;
  }

  /**
   * Resolves when it would survive this process; a final outcome, when it would survive a power cut. Before that a power
   * cut needs no record of ours: it ends the VM as well, the hub's synced intent stands, and an act that we do not know
   * any more reads `unknown` there. The command would only have to wait for the disk.
   * @throws the system's error; the older record then still stands.
   */
  async save(outcome: Outcome): Promise<void> {
    const name = fileNameOf(outcome.actId, outcome.vmId);
    const text = JSON.stringify(outcome, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    await this.#inOrder(name, () => this.#replace(name, text, outcome.progress.isFinal || outcome.phase === "acknowledged"));
  }

  async remove(actId: string, vmId: string): Promise<void> {
    const name = fileNameOf(actId, vmId);
    await this.#inOrder(name, () => rm(join(this.#directory, name), { force: true }));
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#lastWrites.values());
  }

  async #replace(name: string, text: string, isSynced: boolean): Promise<void> {
    this.#writeCount += 1;
    const temporary = join(this.#directory, `${name}.${process.pid}-${this.#writeCount}.tmp`);
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      if (isSynced) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(this.#directory, name));
    if (!isSynced) return;
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #inOrder(name: string, write: () => Promise<void>): Promise<void> {
    const earlier = this.#lastWrites.get(name) ?? Promise.resolve();
    const own = earlier.catch(() => undefined).then(write);
    this.#lastWrites.set(name, own);
    try {
      await own;
    } finally {
      if (this.#lastWrites.get(name) === own) this.#lastWrites.delete(name);
    }
  }
}

/** What a record of an earlier process means now. Whether a command that was being sent arrived, nobody can tell. */
export function recalledProgress(outcome: Outcome): ActProgress {
  const { progress, phase } = outcome;
  switch (phase) {
    case "prepared":
    case "done":
    case "acknowledged":
      return progress;
    case "sending":
      return {
        ...progress,
        state: "unknown",
        verdict: "unknown",
        detail: "the bridge ended while it was sending the command",
        isFinal: true,
      };
    case "going": {
      const state = progress.state === "sent" ? "unknown" : progress.state;
      const verdict = progress.verdict === "pending" ? "unknown" : progress.verdict;
      return { ...progress, state, verdict, detail: "the bridge ended before it had seen what the command did", isFinal: true };
    }
    default:
      return assertNever(phase);
  }
}

/** Ids come from the hub, so they never become part of a path as they are. */
function fileNameOf(actId: string, vmId: string): string {
  return `${createHash("sha256")
    .update(JSON.stringify([actId, vmId]))
    .digest("hex")
    .slice(0, 40)}.json`;
}

function readOutcome(path: string): Outcome | undefined {
  try {
    return outcomeSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
