import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Closers } from "./closers.ts";
import type { Lab } from "./lab.ts";
import { LabError } from "./lab-error.ts";
import { LabProcess } from "./lab-process.ts";
import { waitFor } from "./wait-for.ts";

const SCRIPT = join(import.meta.dirname, "reading-peer.ts");

export interface PeerOptions {
  /** For messages. */
  what: string;
  /** Default: a TCP port of this host. */
  path?: string;
  /** Connections that the kernel takes while the peer does not; default 8. */
  backlog?: number;
}

/** A far side that reads all it is sent; `freeze` makes it one that takes connections and never reads. */
export class Peer {
  /** 0 where it listens at a path. */
  readonly port: number;
  readonly process: LabProcess;

  private constructor(port: number, started: LabProcess) {
    this.port = port;
    this.process = started;
  }

  static async start(lab: Lab, closers: Closers, options: PeerOptions): Promise<Peer> {
    if (options.path !== undefined) rmSync(options.path, { force: true });
    const started = await LabProcess.start(lab.processes, {
      what: options.what,
      command: process.execPath,
      args: [SCRIPT, options.path ?? "0", String(options.backlog ?? 8)],
    });
    closers.add(started, (opened) => opened.stop());
    const port = await waitFor(`${options.what} to listen`, () => {
      if (!started.isRunning) throw new LabError(`${options.what} ended: ${started.outputTail}`);
      const said = /^listening (\d+)$/m.exec(started.outputTail)?.[1];
      return said === undefined ? undefined : Number(said);
    });
    return new Peer(port, started);
  }

  freeze(): Promise<void> {
    return this.process.freeze();
  }

  thaw(): void {
    this.process.thaw();
  }
}
