import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Qemu } from "./qemu.ts";
import { ProcessLedger } from "./process-ledger.ts";

export interface LabOptions {
  /** Everything the lab writes goes here: images, its own sockets, the ledger. Made if missing. */
  directory: string;
  /** The folder that the bridge watches: `<name>.sock` per VM appears here. Made if missing. */
  monitorsDirectory: string;
  qemu: Qemu;
  /** Refuse when another living process has its lab in `directory`. */
  exclusive?: boolean;
  /** What the lab did, for people. */
  log?: (line: string) => void;
}

/** What every scenario is given. Whoever opened it closes the scenarios first, then this. */
export interface Lab {
  readonly directory: string;
  readonly monitorsDirectory: string;
  readonly qemu: Qemu;
  readonly processes: ProcessLedger;
  log(line: string): void;
  /** A fresh folder below `directory` for one VM or server. */
  makeFolder(name: string): Promise<string>;
  close(): Promise<void>;
}

/** Undoes `makeFolder`; fits `Closers.add`. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** Opens a lab, and first ends what a killed one left in the same directory. @throws LabError */
export async function openLab(options: LabOptions): Promise<Lab> {
  const { directory, monitorsDirectory, qemu, exclusive, log = () => {} } = options;
  await mkdir(monitorsDirectory, { recursive: true, mode: 0o700 });
  const processes = await ProcessLedger.open(directory, { exclusive });
  return {
    directory,
    monitorsDirectory,
    qemu,
    processes,
    log,
    async makeFolder(name) {
      const folder = join(directory, name);
      await removeFolder(folder);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    async close() {
      processes.killAll();
      processes.close();
    },
  };
}
