import { join } from "node:path";
import { dirtyMemorySector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { writeDisk } from "../images.ts";
import { removeFolder } from "../lab.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { requireSocketPath } from "../socket-path.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

/** A small part of what the guest dirties, so that no pass can find nothing to do, on a busy host either. */
const MAX_BANDWIDTH_BYTES = 200_000;
/** Passes over the guest's memory after which it is plain that none will be the last. */
const PASSES = 2;

/** Where the guest writes, and what. */
const FILLED_ADDRESS = "0x20000";
const FILLED_BYTE = "0x5a";

export const notConverging: ScenarioDefinition = {
  name: "not-converging",
  kind: "busy",
  description: "A guest that dirties 4 MB/s; break migrates it at 0.2 MB/s: bytes move, and it never gets there. Heal cancels.",
  start: (lab, { vmName = "not-converging" }) =>
    openOrClose(async (closers) => {
      const folder = closers.add(await lab.makeFolder(`${vmName}-boot`), removeFolder);
      const bootDisk = await writeDisk(join(folder, "boot.img"), dirtyMemorySector());
      const path = requireSocketPath(join(folder, "migration.sock"));
      const shape = { bootDisk, memoryMib: 16 };
      const vm = closers.add(await LabVm.start(lab, { ...shape, name: vmName }), (opened) => opened.close());
      const target = { ...shape, bootDisk: await writeDisk(join(folder, "target.img"), dirtyMemorySector()), incoming: `unix:${path}` };
      const destination = await LabVm.start(lab, { ...target, name: `${vmName}-target`, isWatched: false });
      closers.add(destination, (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => false,
        async induce() {
          await destination.restart();
          await waitUntilDirtying(vm);
          await vm.raw.execute("migrate-set-parameters", { "max-bandwidth": MAX_BANDWIDTH_BYTES, "downtime-limit": 1 });
          await vm.raw.execute("migrate", { uri: `unix:${path}` });
          await waitFor("the migration to go round", async () => {
            const answer = (await vm.raw.execute("query-migrate")) as { ram?: { "dirty-sync-count": number } };
            return (answer.ram?.["dirty-sync-count"] ?? 0) > PASSES ? true : undefined;
          });
        },
        removeCause: async () => {},
        async restore(restarted) {
          if (!restarted.has(vm)) await vm.raw.execute("migrate_cancel");
        },
      });
    }),
};

/** Before it boots, the guest changes next to nothing and would be gone at once. */
async function waitUntilDirtying(vm: LabVm): Promise<void> {
  await waitFor("the guest to dirty its memory", async () =>
    (await vm.raw.human(`xp /1bx ${FILLED_ADDRESS}`)).includes(FILLED_BYTE) ? true : undefined,
  );
}
