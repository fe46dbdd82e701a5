import { join } from "node:path";
import { writeSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { NBD_DISK_BYTES, NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { escapeValue } from "../vm-arguments.ts";
import { waitFor } from "../wait-for.ts";

const JOB = "mirror0";
const SOURCE_NODE = "src-fmt";

/** The guest's own disk is local and stays whole: what dies is where it is copied to. */
export const mirrorTargetDies: ScenarioDefinition = {
  name: "mirror-target-dies",
  kind: "hang",
  description:
    "A guest that writes to a local disk, mirrored to NBD and ready; break freezes the target's server and sends stop: the main loop waits for the job. Yank nbd0.",
  start: (lab, { vmName = "mirror-target-dies" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-disk`), removeFolder);
      const image = await writeDisk(join(folder, "disk.img"), Buffer.alloc(512), NBD_DISK_BYTES);
      const target = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
      const writes = await GuestReads.start(lab, closers, {
        vmName,
        bootSector: writeSecondDiskSector(),
        devices: [
          ...["-blockdev", `driver=file,node-name=src-file,filename=${escapeValue(image)}`],
          ...["-blockdev", `driver=raw,node-name=${SOURCE_NODE},file=src-file`],
          ...["-device", `virtio-blk-pci,drive=${SOURCE_NODE},id=vda`],
        ],
      });
      const { vm } = writes;
      async function startMirror(): Promise<void> {
        await vm.raw.execute("blockdev-add", target.nodeOptions());
        const ready = vm.raw.nextEvent("BLOCK_JOB_READY");
        await vm.raw.execute("blockdev-mirror", { "job-id": JOB, device: SOURCE_NODE, target: target.nodeName, sync: "full" });
        await ready;
      }
      /** The job outlives its target's yank where its error policy lets it; either way it is cancelled and its target closed. */
      async function endMirror(): Promise<void> {
        await vm.raw.execute("block-job-cancel", { device: JOB, force: true }).catch(() => {});
        await waitFor("the mirror job to end", async () => {
          const jobs = (await vm.raw.execute("query-block-jobs")) as unknown[];
          return jobs.length === 0 ? true : undefined;
        });
        await vm.raw.execute("blockdev-del", { "node-name": target.nodeName });
      }
      await writes.waitUntilMoving();
      await startMirror();
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "block-node", "node-name": target.nodeName } },
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await target.server.freeze();
          // The guest goes on writing, so that the job has a request under way that nobody answers.
          await writes.waitForMore();
          vm.raw.execute("stop", undefined, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        async removeCause() {
          target.server.thaw();
          await target.startServer();
        },
        async restore(restarted) {
          await vm.waitUntilAnswering();
          if (!restarted.has(vm)) {
            await endMirror();
            await vm.raw.execute("cont");
          }
          await writes.waitUntilMoving();
          await startMirror();
        },
      });
    }),
};
