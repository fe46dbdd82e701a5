import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Closers } from "./closers.ts";
import { LabError, messageOf } from "./lab-error.ts";
import { waitFor } from "./wait-for.ts";

/** Where the kernel shows cgroups of version 2: alone, or beside version 1. @see cgroups(7) */
const ROOTS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/** A cgroup of the lab's own that can be frozen. Takes root, and a cgroup file system of version 2 that is writable. */
export class Freezer {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws LabError where this machine does not let us. */
  static open(closers: Closers, name: string): Freezer {
    const root = ROOTS.find((candidate) => existsSync(join(candidate, "cgroup.controllers")));
    if (root === undefined) throw new LabError("There is no cgroup file system of version 2 here");
    const folder = join(root, `ripcord-lab-${process.pid}-${name}`);
    try {
      mkdirSync(folder);
      const freezer = new Freezer(folder);
      if (!existsSync(join(folder, "cgroup.freeze"))) throw new LabError("this kernel cannot freeze a cgroup");
      return closers.add(freezer, (opened) => opened.close());
    } catch (error) {
      throw new LabError(`Cannot make a cgroup that can be frozen: ${messageOf(error)}`);
    }
  }

  get isFrozen(): boolean {
    return /^frozen 1$/m.test(readFileSync(join(this.#folder, "cgroup.events"), "utf8"));
  }

  async freeze(pid: number): Promise<void> {
    writeFileSync(join(this.#folder, "cgroup.procs"), String(pid));
    writeFileSync(join(this.#folder, "cgroup.freeze"), "1");
    await waitFor("the cgroup to be frozen", () => (this.isFrozen ? true : undefined));
  }

  thaw(): void {
    if (existsSync(this.#folder)) writeFileSync(join(this.#folder, "cgroup.freeze"), "0");
  }

  /** Succeeds once its processes have ended. */
  async close(): Promise<void> {
    this.thaw();
    await waitFor("the cgroup to be empty", () => {
      try {
        if (existsSync(this.#folder)) rmdirSync(this.#folder);
        return true;
      } catch {
        return undefined;
      }
    });
  }
}
