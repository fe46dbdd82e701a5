import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { SimulatedVmOptions } from "../options.ts";
import { startSimulatedVm, type SimulatedVm } from "../simulated-vm.ts";
import { RawClient } from "./raw-client.ts";

/** A folder that is gone after the test. */
export async function testFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "simulator-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface TestVm {
  vm: SimulatedVm;
  path: string;
  secondPath: string;
  directory: string;
  client(path?: string, enable?: string[]): Promise<RawClient>;
}

/** A VM with two monitors, the disk `vda` on `fmt0` on `nbd0`, and the console `ser0`; gone after the test. */
export async function startTestVm(options: Partial<SimulatedVmOptions> = {}): Promise<TestVm> {
  const directory = await testFolder();
  const path = join(directory, "mon0.sock");
  const secondPath = join(directory, "mon1.sock");
  const vm = await startSimulatedVm({
    monitors: [
      { id: "mon0", path },
      { id: "mon1", path: secondPath },
    ],
    blockNodes: [
      { driver: "nbd", nodeName: "nbd0", server: { type: "unix", path: "/run/nbd.sock" }, export: "exp" },
      { driver: "raw", nodeName: "fmt0", file: "nbd0" },
    ],
    chardevs: [{ kind: "socket-server", id: "ser0", path: join(directory, "ser0.sock"), listens: true }],
    devices: [
      { id: "com1", type: "isa-serial", chardev: "ser0" },
      { id: "vda", type: "virtio-blk-pci", drive: "fmt0" },
    ],
    ...options,
  });
  const clients: RawClient[] = [];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await vm.close();
  });
  const client = async (at = path, enable: string[] = ["oob"]) => {
    const opened = await RawClient.negotiated(at, enable);
    clients.push(opened);
    return opened;
  };
  return { vm, path, secondPath, directory, client };
}

export const YANK_NODE = { type: "block-node", "node-name": "nbd0" } as const;
export const YANK_MIGRATION = { type: "migration" } as const;

export function yank(id: string, ...instances: object[]): Record<string, unknown> {
  return { "exec-oob": "yank", arguments: { instances }, id };
}
