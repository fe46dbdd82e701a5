import type { QemuVersion } from "#lib/qapi/greeting";
import { QmpCommandError } from "./errors.ts";
import { indexSchema } from "./schema-index.ts";
import type { SchemaIndex } from "./schema-index.ts";

/** Builds that a host runs at once; a peer can name as many as it likes. */
const MAX_BUILDS = 32;

/**
 * One schema per QEMU build, for all VMs of a bridge: its answer has some 200 kB and is the same for all of them. Builds
 * are told apart by version and package text.
 */
export class SchemaCache {
  readonly #builds = new Map<string, SchemaIndex | "being-read" | "refused">();

  /** Undefined until it was read, and where QEMU refused to tell. */
  of(version: QemuVersion | undefined): SchemaIndex | undefined {
    const known = version && this.#builds.get(keyOf(version));
    return typeof known === "object" ? known : undefined;
  }

  /**
   * Asks for the schema of this build unless it is known or being asked for, in which case it returns at once.
   * @param ask sends one command in-band, while the VM is well; what it rejects with is passed on, and the next VM of that
   * build is asked instead.
   */
  async readOnce(version: QemuVersion, ask: (command: string) => Promise<unknown>): Promise<void> {
    const key = keyOf(version);
    if (this.#builds.has(key)) return;
    this.#builds.set(key, "being-read");
    let result: SchemaIndex | "refused" | undefined;
    try {
      result = indexSchema(await ask("query-qmp-schema")) ?? "refused";
    } catch (error) {
      if (!(error instanceof QmpCommandError)) throw error;
      result = "refused";
    } finally {
      if (result === undefined) this.#builds.delete(key);
      else this.#keep(key, result);
    }
  }

  #keep(key: string, result: SchemaIndex | "refused"): void {
    this.#builds.set(key, result);
    for (const oldest of this.#builds.keys()) {
      if (this.#builds.size <= MAX_BUILDS) return;
      if (oldest !== key) this.#builds.delete(oldest);
    }
  }
}

function keyOf({ major, minor, micro, package: packageText }: QemuVersion): string {
  return `${major}.${minor}.${micro} ${packageText}`;
}
