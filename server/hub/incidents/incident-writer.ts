import { summaryOf } from "#lib/incident/draft";
import type { Draft } from "#lib/incident/draft";
import type { IncidentSummary, TimelineEntry } from "#lib/incident/incident";
import type { VmId } from "#lib/vm/report";
import type { Log } from "#server/log";
import type { IncidentStore } from "../store/incident-store.ts";

/** Beyond so many the oldest of what an incident itself has to tell are given up, while the record cannot be written. */
const MAX_UNWRITTEN_ENTRIES = 500;

interface Unwritten {
  draft: Draft;
  vmIds: Set<VmId>;
  entries: TimelineEntry[];
}

/** Writes incidents behind: at most one batch at a time, and what failed again with the next. */
export class IncidentWriter {
  readonly #store: Pick<IncidentStore, "save">;
  readonly #log: Log;
  #unwritten = new Map<string, Unwritten>();
  /** What the batch under way holds; still not written. */
  #underWay = new Map<string, Unwritten>();
  #writing: Promise<void> | undefined;
  #hasFailed = false;
  /** The log has heard of it. */
  #isTold = false;

  constructor(store: Pick<IncidentStore, "save">, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Takes over what changed of it. */
  changed(draft: Draft): void {
    const { incidentId } = draft;
    const unwritten = this.#unwritten.get(incidentId) ?? { draft, vmIds: new Set(), entries: [] };
    this.#unwritten.set(incidentId, unwritten);
    for (const vmId of draft.changedMembers) unwritten.vmIds.add(vmId);
    unwritten.entries = [...unwritten.entries, ...draft.newEntries].slice(-MAX_UNWRITTEN_ENTRIES);
    draft.changedMembers.clear();
    draft.newEntries = [];
  }

  /** Starts to write what is not written, unless it is being written, or could not be: each try may wait for a lock. */
  flush(): void {
    if (this.#writing || this.#hasFailed || this.#unwritten.size === 0) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      this.flush();
    });
  }

  /** To be called now and then: what could not be written may be now. */
  retry(): void {
    this.#hasFailed = false;
    this.flush();
  }

  /** One that is over and not in the record yet. */
  unwritten(incidentId: string): Draft | undefined {
    return (this.#unwritten.get(incidentId) ?? this.#underWay.get(incidentId))?.draft;
  }

  unwrittenEntries(incidentId: string): TimelineEntry[] {
    return [this.#underWay, this.#unwritten].flatMap((map) => map.get(incidentId)?.entries ?? []);
  }

  /** The newest first. */
  unwrittenResolved(): IncidentSummary[] {
    const drafts = new Set([...this.#underWay.values(), ...this.#unwritten.values()].map(({ draft }) => draft));
    return [...drafts]
      .filter((draft) => draft.state === "resolved")
      .map(summaryOf)
      .toSorted((left, right) => right.number - left.number);
  }

  async close(): Promise<void> {
    await this.#writing;
    this.retry();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const batch = this.#unwritten;
    this.#unwritten = new Map();
    this.#underWay = batch;
    const changes = Array.from(batch.values(), ({ draft, vmIds, entries }) => ({
      summary: summaryOf(draft),
      members: Array.from(vmIds, (vmId) => draft.members.get(vmId)).flatMap((member) => (member ? [{ ...member }] : [])),
      entries,
    }));
    try {
      await this.#store.save(changes);
      this.#isTold = false;
    } catch (error) {
      if (!this.#isTold) this.#log.error({ err: error }, "incidents could not be written to the record; tried again every second");
      this.#isTold = true;
      this.#hasFailed = true;
      for (const [incidentId, { draft, vmIds, entries }] of batch) {
        const newer = this.#unwritten.get(incidentId);
        this.#unwritten.set(incidentId, {
          draft,
          vmIds: new Set([...vmIds, ...(newer?.vmIds ?? [])]),
          entries: [...entries, ...(newer?.entries ?? [])].slice(-MAX_UNWRITTEN_ENTRIES),
        });
      }
    } finally {
      this.#underWay = new Map();
    }
  }
}
