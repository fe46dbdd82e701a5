import { join } from "node:path";
import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { NBD_DISK_BYTES, NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { escapeValue } from "../vm-arguments.ts";

const GROUP = "limits0";
const ONE_BYTE_PER_SECOND = { "bps-total": 1 };
const NO_LIMIT = { "bps-total": 0 };

export const throttledDisk = throttled("throttled-disk", "a local disk, and there is nothing to yank");
export const throttledNbd = throttled("throttled-nbd", "a disk on NBD, whose connection is idle: a yank of nbd0 would only lose the disk");

function throttled(name: "throttled-disk" | "throttled-nbd", what: string): ScenarioDefinition {
  return {
    name,
    kind: "look-alike",
    description: `A guest that reads through a throttle node; break limits it to one byte per second: its reads stand still. It is ${what}. Heal lifts the limit.`,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const below = name === "throttled-nbd" ? await nbdNodes() : await fileNodes();
        const devices = [
          ...["-object", `throttle-group,id=${GROUP}`],
          ...below,
          ...["-blockdev", `driver=throttle,node-name=throttle0,throttle-group=${GROUP},file=fmt0`],
          ...["-device", "virtio-blk-pci,drive=throttle0,id=vda"],
        ];
        const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices });
        const { vm } = reads;
        async function nbdNodes(): Promise<string[]> {
          const disk = await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" });
          return closers.add(disk, (opened) => opened.close()).nodes();
        }
        async function fileNodes(): Promise<string[]> {
          const folder = closers.add(await lab.makeFolder(`${vmName}-disk`), removeFolder);
          const image = await writeDisk(join(folder, "disk.img"), Buffer.alloc(512), NBD_DISK_BYTES);
          const file = `driver=file,node-name=file0,filename=${escapeValue(image)}`;
          return ["-blockdev", file, "-blockdev", "driver=raw,node-name=fmt0,file=file0"];
        }
        function limit(limits: Record<string, number>): Promise<unknown> {
          return vm.raw.execute("qom-set", { path: `/objects/${GROUP}`, property: "limits", value: limits });
        }
        return composeScenario({
          vms: [vm],
          closers,
          isBroken: () => reads.haveStopped(),
          async induce() {
            await reads.waitUntilMoving();
            await limit(ONE_BYTE_PER_SECOND);
            await reads.waitUntilStill();
          },
          removeCause: async () => {},
          async restore(restarted) {
            if (!restarted.has(vm)) {
              await limit(NO_LIMIT);
              // What waits already keeps its old date; a drain lets it through.
              await vm.raw.execute("stop");
              await vm.raw.execute("cont");
            }
            await reads.waitUntilMoving();
          },
        });
      }),
  };
}
