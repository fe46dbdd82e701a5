import { readCommandLineFacts } from "./command-line.ts";
import type { NbdSource } from "./nbd-source.ts";
import type { Topology } from "./topology.ts";

/** Where an NBD node leads, and how long its requests wait for a lost server; each absent where nothing told. */
export interface NbdNode {
  readonly source?: NbdSource;
  /** 0: they fail at once. QEMU has no command that tells it. */
  readonly reconnectDelayMs?: number;
}

/** As the topology reading found it, else, also before there was one, as QEMU's command line made the node of that name. */
export function nbdNode(name: string, topology: Topology | undefined, commandLine: readonly string[] | undefined): NbdNode {
  const reading = topology?.blockNodes.get(name);
  const made = commandLine && readCommandLineFacts(commandLine).nbdNodes.get(name);
  return {
    source: reading?.source ?? made?.source,
    reconnectDelayMs: reading?.reconnectDelayMs ?? made?.reconnectDelayMs,
  };
}
