import { join } from "node:path";
import { openOrClose } from "../closers.ts";
import { LabError } from "../lab-error.ts";
import { MIGRATING_MEMORY_MIB, ensureRandomMemory, writeQcow2 } from "../images.ts";
import { type Lab, removeFolder } from "../lab.ts";
import type { Closers } from "../closers.ts";
import { NBD_DISK_BYTES } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { escapeValue } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

const ROUNDS = 3;

export const savevm = onLocalDisk({
  name: "savevm",
  description: "A VM with 200 MB of memory in use; break takes an internal snapshot, memory and all, and deletes it.",
  memory: "random",
  async work({ vm }) {
    const names = { tag: "lab", devices: ["fmt0"] };
    await runJob(vm, "snapshot-save", { ...names, vmstate: "fmt0" });
    await runJob(vm, "snapshot-delete", names);
  },
});

export const diskSnapshot = onLocalDisk({
  name: "disk-snapshot",
  description: "A VM; break takes three external snapshots of its disk, one on the other.",
  async work({ vm, folder, nextNumber }) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `snap${nextNumber()}`;
      const at = { "node-name": await diskNode(vm), "snapshot-file": join(folder, `${name}.qcow2`), "snapshot-node-name": name };
      await vm.raw.execute("blockdev-snapshot-sync", at);
    }
  },
});

export const backupStart = onLocalDisk({
  name: "backup-start",
  description: "A VM; break backs its disk up to another file, whole, with a bitmap for the next time.",
  async work({ vm, folder, nextNumber }) {
    const name = `backup${nextNumber()}`;
    const disk = await diskNode(vm);
    await vm.raw.execute("block-dirty-bitmap-add", { node: disk, name });
    await vm.raw.execute("drive-backup", {
      "job-id": name,
      device: disk,
      target: join(folder, `${name}.img`),
      format: "raw",
      sync: "full",
    });
    await waitUntilNoJob(vm);
  },
});

export const hotPlug = onLocalDisk({
  name: "hot-plug",
  description: "A VM; break plugs a disk, a network card and an entropy source into it, and takes their backends away where it can.",
  async work({ vm, nextNumber }) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `plug${nextNumber()}`;
      await vm.raw.execute("blockdev-add", { driver: "null-co", "node-name": name, size: NBD_DISK_BYTES, "read-zeroes": true });
      await vm.raw.execute("device_add", { driver: "virtio-blk-pci", drive: name, id: `${name}-disk` });
      await vm.raw.execute("netdev_add", { type: "hubport", id: `${name}-net`, hubid: 0 });
      await vm.raw.execute("device_add", { driver: "virtio-net-pci", netdev: `${name}-net`, id: `${name}-nic` });
      await vm.raw.execute("device_add", { driver: "virtio-rng-pci", id: `${name}-rng` });
      await vm.raw.execute("device_del", { id: `${name}-disk` });
    }
  },
});

interface Work {
  vm: LabVm;
  folder: string;
  /** Counts up as long as the scenario lives. */
  nextNumber: () => number;
}

interface LocalWork {
  name: string;
  description: string;
  memory?: "random";
  work: (work: Work) => Promise<void>;
}

function onLocalDisk({ name, description, memory, work }: LocalWork): ScenarioDefinition {
  return {
    name,
    kind: "busy",
    description,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const { vm, folder } = await startOnQcow2(lab, closers, { vmName, memory });
        let number = 0;
        return composeScenario({
          vms: [vm],
          closers,
          isBroken: async () => false,
          induce: () => work({ vm, folder, nextNumber: () => (number += 1) }),
          removeCause: async () => {},
          // What was plugged and piled up goes with the process.
          restore: (restarted) => (restarted.has(vm) ? Promise.resolve() : vm.restart()),
        });
      }),
  };
}

async function startOnQcow2(lab: Lab, closers: Closers, { vmName, memory }: { vmName: string; memory: "random" | undefined }) {
  const folder = closers.add(await lab.makeFolder(`${vmName}-disk`), removeFolder);
  const image = await writeQcow2(lab.qemu, join(folder, "disk.qcow2"), NBD_DISK_BYTES);
  const guest = memory === "random" ? { memoryMib: MIGRATING_MEMORY_MIB, memoryFile: await ensureRandomMemory(lab.directory) } : {};
  const devices = [
    ...["-blockdev", `driver=file,node-name=file0,filename=${escapeValue(image)}`],
    ...["-blockdev", "driver=qcow2,node-name=fmt0,file=file0"],
    ...["-device", "virtio-blk-pci,drive=fmt0,id=vda"],
  ];
  const vm = closers.add(await LabVm.start(lab, { name: vmName, ...guest, devices }), (opened) => opened.close());
  return { vm, folder };
}

/** The node that the device has now: a snapshot puts a new one there. */
async function diskNode(vm: LabVm): Promise<string> {
  return String(await vm.raw.execute("qom-get", { path: "/machine/peripheral/vda", property: "drive" }));
}

/** @throws LabError with the job's own error. */
async function runJob(vm: LabVm, command: string, args: Record<string, unknown>): Promise<void> {
  const id = `${command}0`;
  await vm.raw.execute(command, { "job-id": id, ...args });
  await waitFor(`${command} to end`, async () => {
    const jobs = (await vm.raw.execute("query-jobs")) as { id: string; status: string; error?: string }[];
    const job = jobs.find((candidate) => candidate.id === id);
    if (job?.error !== undefined) throw new LabError(`${command}: ${job.error}`);
    return job === undefined || job.status === "concluded" ? true : undefined;
  });
  await vm.raw.execute("job-dismiss", { id });
}

async function waitUntilNoJob(vm: LabVm): Promise<void> {
  await waitFor("the jobs to end", async () => ((await vm.raw.execute("query-jobs")) as unknown[]).length === 0 || undefined);
}
