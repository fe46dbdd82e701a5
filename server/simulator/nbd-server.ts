/**
 * An NBD server that several simulated VMs depend on. Freezing it stalls all of them, each in the way in which it meets
 * its disk next: a guest's reads stand still, a drain blocks the main loop.
 */
export class SimulatedNbdServer {
  readonly #clients = new Set<NbdServerClient>();
  #isFrozen = false;

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** SIGSTOP of the server, or its host's death without a word: what was sent stays unanswered. */
  freeze(): void {
    this.#set(true);
  }

  thaw(): void {
    this.#set(false);
  }

  /** @returns how to leave again. */
  attach(client: NbdServerClient): () => void {
    this.#clients.add(client);
    return () => void this.#clients.delete(client);
  }

  #set(isFrozen: boolean): void {
    if (this.#isFrozen === isFrozen) return;
    this.#isFrozen = isFrozen;
    for (const client of Array.from(this.#clients)) client(isFrozen);
  }
}

/** Told whenever the server stops or begins to answer. */
export type NbdServerClient = (isFrozen: boolean) => void;
