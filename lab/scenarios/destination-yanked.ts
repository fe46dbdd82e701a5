import { openOrClose } from "../closers.ts";
import { MigrationPair } from "../migration-pair.ts";
import { readProcessStat } from "../process-identity.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

const MAX_BANDWIDTH_BYTES = 2_000_000;

/** Recipe 3c. */
export const destinationYanked: ScenarioDefinition = {
  name: "destination-yanked",
  kind: "hang",
  description:
    "Source and destination of a migration; break freezes the source's process: yank migration on the destination ends the destination.",
  start: (lab, { vmName = "destination-yanked" }) =>
    openOrClose(async (closers) => {
      const pair = await MigrationPair.start(lab, closers, {
        sourceName: `${vmName}-source`,
        destinationName: vmName,
        isDestinationWatched: true,
        overTcp: true,
      });
      return composeScenario({
        vms: [pair.destination, pair.source],
        culprit: { vm: pair.destination, instance: { type: "migration" } },
        closers,
        isBroken: async () => pair.destination.isRunning && readProcessStat(pair.source.process.pid)?.state === "T",
        async induce() {
          await pair.begin(MAX_BANDWIDTH_BYTES);
          await pair.source.process.freeze();
        },
        removeCause: async () => pair.source.process.thaw(),
      });
    }),
};
