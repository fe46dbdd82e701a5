import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Closers } from "./closers.ts";
import { type Lab, removeFolder } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { SlowRelay } from "./slow-relay.ts";
import { requireSocketPath } from "./socket-path.ts";
import { escapeValue } from "./vm-arguments.ts";
import { LabVm } from "./vm.ts";
import { waitFor } from "./wait-for.ts";

const MEMORY_MIB = 128;
const RANDOM_BYTES = 96 * 1024 * 1024;
const RANDOM_AT = "0x1000000";
/** The pages take long enough to be cut among, and fill the sockets' buffers soon once nobody reads. */
const MAX_BANDWIDTH_BYTES = 3_000_000;
const RELAY_BYTES_PER_SECOND = 50_000_000;

/**
 * Two QEMUs between which a guest is migrated by postcopy: it runs on the destination before its memory is there. Both are
 * watched, and a relay stands between them. The memory is anonymous, because postcopy takes no private file mapping, and is
 * filled from a file by the loader device.
 */
export class PostcopyPair {
  readonly source: LabVm;
  readonly destination: LabVm;
  readonly #relay: SlowRelay;
  readonly #uri: string;

  private constructor(source: LabVm, destination: LabVm, relay: SlowRelay, uri: string) {
    this.source = source;
    this.destination = destination;
    this.#relay = relay;
    this.#uri = uri;
  }

  static async start(lab: Lab, closers: Closers, vmName: string): Promise<PostcopyPair> {
    const folder = closers.add(await lab.makeFolder(`${vmName}-link`), removeFolder);
    const path = requireSocketPath(join(folder, "migration.sock"));
    const contents = join(folder, "memory.bin");
    const chunk = randomBytes(1024 * 1024);
    await writeFile(contents, Buffer.concat(Array.from({ length: RANDOM_BYTES / chunk.length }, () => chunk)));
    const shape = { memoryMib: MEMORY_MIB, devices: ["-device", `loader,file=${escapeValue(contents)},addr=${RANDOM_AT},force-raw=on`] };
    const relay = await SlowRelay.start(closers, { target: () => ({ path }), bytesPerSecond: RELAY_BYTES_PER_SECOND });
    const start = async (name: string, incoming?: string) =>
      closers.add(await LabVm.start(lab, { ...shape, name, incoming }), (opened) => opened.close());
    const source = await start(vmName);
    const destination = await start(`${vmName}-target`, `unix:${path}`);
    return new PostcopyPair(source, destination, relay, `unix:${path}`);
  }

  /** Starts a migration afresh, on new processes where these have one behind them; resolves once both sides are in postcopy. */
  async begin(): Promise<void> {
    if ((await this.status(this.source)) !== "none") {
      await Promise.all([this.source.restart(), this.destination.restart()]);
    }
    this.#relay.setBytesPerSecond(RELAY_BYTES_PER_SECOND);
    const capabilities = { capabilities: [{ capability: "postcopy-ram", state: true }] };
    for (const vm of [this.destination, this.source]) await vm.raw.execute("migrate-set-capabilities", capabilities);
    const slow = { "max-bandwidth": MAX_BANDWIDTH_BYTES, "max-postcopy-bandwidth": MAX_BANDWIDTH_BYTES };
    await this.source.raw.execute("migrate-set-parameters", slow);
    await this.source.raw.execute("migrate", { uri: this.#relayUri });
    await this.#waitForStatus("active");
    await this.source.raw.execute("migrate-start-postcopy");
    await this.#waitForStatus("postcopy-active");
    // Cut before the destination has come so far, it ends, and the guest with it.
    await waitFor(`${this.destination.name} to run`, async () =>
      (await this.status(this.destination)) === "postcopy-active" ? true : undefined,
    );
  }

  /** The network stands still: nothing moves, and nobody is told. */
  holdNetwork(): void {
    this.#relay.setBytesPerSecond(0);
  }

  /** The network breaks off: both sides pause. */
  async cut(): Promise<void> {
    this.#relay.cut();
    await this.waitUntilPaused();
  }

  async waitUntilPaused(): Promise<void> {
    await this.#waitForStatus("postcopy-paused");
  }

  /** As an operator does by hand: the destination listens again, and the source resumes. Both must be paused. */
  async recover(): Promise<void> {
    this.#relay.setBytesPerSecond(RELAY_BYTES_PER_SECOND);
    await waitFor(`${this.destination.name} to be paused`, async () =>
      (await this.status(this.destination)) === "postcopy-paused" ? true : undefined,
    );
    await this.destination.raw.executeOob("migrate-recover", { uri: this.#uri });
    await this.source.raw.execute("migrate", { uri: this.#relayUri, resume: true });
    await this.#waitForStatus("postcopy-active");
  }

  async status(vm: LabVm): Promise<string> {
    return ((await vm.raw.execute("query-migrate")) as { status?: string }).status ?? "none";
  }

  get #relayUri(): string {
    return `tcp:127.0.0.1:${this.#relay.port}`;
  }

  async #waitForStatus(wanted: string): Promise<void> {
    await waitFor(`the migration of ${this.source.name} to be ${wanted}`, async () => {
      const status = await this.status(this.source);
      if (status === "failed" || status === "completed") throw new LabError(`The migration of ${this.source.name} ended: ${status}`);
      return status === wanted ? true : undefined;
    });
  }
}
