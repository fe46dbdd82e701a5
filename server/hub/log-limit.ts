const LINES_PER_MINUTE = 10;

/** What strangers can provoke is logged ten times a minute and kind at most, so that nobody fills the disk from outside. */
export class LogLimit {
  readonly #kinds = new Map<string, { minute: number; count: number }>();

  /**
   * Whether a line of this kind may be written now, and how many were not since the last one.
   * @param kind of a closed set: each is remembered.
   */
  admit(kind: string, nowMs: number): { notLogged: number } | undefined {
    const minute = Math.floor(nowMs / 60_000);
    const known = this.#kinds.get(kind);
    if (known?.minute === minute) {
      known.count += 1;
      return known.count <= LINES_PER_MINUTE ? { notLogged: 0 } : undefined;
    }
    this.#kinds.set(kind, { minute, count: 1 });
    return { notLogged: Math.max(0, (known?.count ?? 0) - LINES_PER_MINUTE) };
  }
}
