import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LabError } from "./lab-error.ts";
import { type ProcessIdentity, isAlive, readProcessStat, signalProcess } from "./process-identity.ts";
import { waitFor } from "./wait-for.ts";

const FILE_PREFIX = "processes-";
const identitySchema = z.object({ pid: z.number().int().positive(), startTicks: z.string() });
const ledgerSchema = z.object({ owner: identitySchema, processes: z.array(identitySchema.extend({ what: z.string() })) });
type LedgerFile = z.infer<typeof ledgerSchema>;

let ledgersOpened = 0;

/**
 * The list, on disk, of every process that this lab started, so that a later run can end what a lab that was
 * `kill -9`ed left behind. A pid is touched only while the process has the start time that was written down.
 * Written synchronously at each start and end; owned by whoever opened it, and removed by `close()`.
 */
export class ProcessLedger {
  readonly #path: string;
  readonly #owner: ProcessIdentity;
  readonly #processes = new Map<number, { startTicks: string; what: string }>();

  private constructor(path: string, owner: ProcessIdentity) {
    this.#path = path;
    this.#owner = owner;
    // However this process ends, short of a SIGKILL of its own, its children end with it.
    process.on("exit", this.#killAllOnExit);
  }

  /**
   * Ends what dead labs left in this directory and starts a ledger of its own.
   * @param options.exclusive refuse when another living process has a ledger here.
   * @throws LabError naming the process that works in this directory.
   */
  static async open(directory: string, options: { exclusive?: boolean } = {}): Promise<ProcessLedger> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const livingOwners = await clearLeftovers(directory);
    const foreign = livingOwners.find((owner) => owner.pid !== process.pid);
    if (options.exclusive === true && foreign !== undefined) {
      throw new LabError(`Process ${foreign.pid} already works in ${directory}: end it, or choose another directory`);
    }
    const owner = readProcessStat(process.pid);
    if (owner === undefined) throw new LabError("The lab needs /proc, so it runs on Linux only");
    ledgersOpened += 1;
    const path = join(directory, `${FILE_PREFIX}${process.pid}-${ledgersOpened}.json`);
    const ledger = new ProcessLedger(path, { pid: owner.pid, startTicks: owner.startTicks });
    ledger.#write();
    return ledger;
  }

  /** Writes a process down. @returns who it is, or undefined when it has ended already. */
  add(pid: number, what: string): ProcessIdentity | undefined {
    const stat = readProcessStat(pid);
    if (stat === undefined) return undefined;
    this.#processes.set(pid, { startTicks: stat.startTicks, what });
    this.#write();
    return { pid, startTicks: stat.startTicks };
  }

  remove(pid: number): void {
    if (this.#processes.delete(pid)) this.#write();
  }

  /** Ends at once everything still written down; for the moments in which nothing else is left to do. */
  killAll(): void {
    for (const [pid, { startTicks }] of this.#processes) signalProcess({ pid, startTicks }, "SIGKILL");
  }

  close(): void {
    process.off("exit", this.#killAllOnExit);
    this.#processes.clear();
    rmSync(this.#path, { force: true });
  }

  readonly #killAllOnExit = (): void => this.killAll();

  #write(): void {
    const file: LedgerFile = { owner: this.#owner, processes: [...this.#processes].map(([pid, entry]) => ({ pid, ...entry })) };
    // Renamed into place, so that a kill at any moment leaves a whole file, the old or the new one.
    writeFileSync(`${this.#path}.new`, JSON.stringify(file), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

/**
 * Ends the processes that ledgers of dead owners name, and removes those ledgers.
 * @returns the owners that live.
 */
async function clearLeftovers(directory: string): Promise<ProcessIdentity[]> {
  const ended: ProcessIdentity[] = [];
  const livingOwners: ProcessIdentity[] = [];
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(FILE_PREFIX)) continue;
    const path = join(directory, name);
    const ledger = readLedger(path);
    if (ledger !== undefined && isAlive(ledger.owner)) {
      livingOwners.push(ledger.owner);
      continue;
    }
    for (const left of ledger?.processes ?? []) {
      // SIGKILL ends a stopped process too, and nothing of the lab's has anything to save.
      if (signalProcess(left, "SIGKILL")) ended.push({ pid: left.pid, startTicks: left.startTicks });
    }
    rmSync(path, { force: true });
  }
  for (const left of ended) await waitFor(`process ${left.pid} to end`, () => (isAlive(left) ? undefined : true));
  return livingOwners;
}

function readLedger(path: string): LedgerFile | undefined {
  try {
    return ledgerSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
