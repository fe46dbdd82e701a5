import type { KnownYankInstance } from "../../lib/qapi/yank.ts";

type YankFunction = () => void;

interface Entry {
  instance: KnownYankInstance;
  functions: YankFunction[];
}

/**
 * QEMU's own split: an instance is what `query-yank` lists, a function is what yanking it runs. Between connections an
 * instance has no function, and yanking it succeeds without effect. @see QEMU util/yank.c
 */
export class YankRegistry {
  /** Insertion order is registration order, which is the order of `query-yank`. */
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  register(instance: KnownYankInstance): void {
    if (this.#entries.has(keyOf(instance))) return;
    this.#entries.set(keyOf(instance), { instance, functions: [] });
    this.#onChange();
  }

  unregister(instance: KnownYankInstance): void {
    if (this.#entries.delete(keyOf(instance))) this.#onChange();
  }

  addFunction(instance: KnownYankInstance, run: YankFunction): void {
    this.#entries.get(keyOf(instance))?.functions.push(run);
  }

  removeFunction(instance: KnownYankInstance, run: YankFunction): void {
    const functions = this.#entries.get(keyOf(instance))?.functions;
    const index = functions?.indexOf(run) ?? -1;
    if (functions && index >= 0) functions.splice(index, 1);
  }

  list(): KnownYankInstance[] {
    return Array.from(this.#entries.values(), (entry) => entry.instance);
  }

  /**
   * Looks every instance up before any of them is yanked; a duplicate runs its functions twice.
   * @returns false when one was missing: then none was yanked.
   */
  yank(instances: readonly KnownYankInstance[]): boolean {
    const entries: Entry[] = [];
    for (const instance of instances) {
      const entry = this.#entries.get(keyOf(instance));
      if (!entry) return false;
      entries.push(entry);
    }
    for (const entry of entries) {
      for (const run of Array.from(entry.functions)) run();
    }
    return true;
  }
}

function keyOf(instance: KnownYankInstance): string {
  switch (instance.type) {
    case "block-node":
      return `block-node ${instance["node-name"]}`;
    case "chardev":
      return `chardev ${instance.id}`;
    case "migration":
      return "migration";
  }
}
