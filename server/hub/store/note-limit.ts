const NOTES_PER_MINUTE = 10;

/** What strangers can provoke is noted ten times a minute at most, so that nobody fills the record from outside. */
export class NoteLimit {
  #minute = 0;
  #count = 0;

  admit(nowMs: number): boolean {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== this.#minute) [this.#minute, this.#count] = [minute, 0];
    this.#count += 1;
    return this.#count <= NOTES_PER_MINUTE;
  }
}
