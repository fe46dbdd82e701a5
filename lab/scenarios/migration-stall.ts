import { openOrClose } from "../closers.ts";
import { MigrationPair } from "../migration-pair.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

const MAX_BANDWIDTH_BYTES = 2_000_000;

/** Recipe 3a. */
export const migrationStall: ScenarioDefinition = {
  name: "migration-stall",
  kind: "hang",
  description: "A VM; break migrates it and freezes the destination: no byte moves while the main loop lives. Cancel, or yank migration.",
  start: (lab, { vmName = "migration-stall" }) =>
    openOrClose(async (closers) => {
      const pair = await MigrationPair.start(lab, closers, { sourceName: vmName, destinationName: `${vmName}-target` });
      return composeScenario({
        vms: [pair.source],
        culprit: { vm: pair.source, instance: { type: "migration" } },
        closers,
        isBroken: () => pair.isStalled(),
        async induce() {
          await pair.begin(MAX_BANDWIDTH_BYTES);
          await pair.stall();
        },
        // The transfer goes on from where it stood.
        removeCause: async () => pair.destination.process.thaw(),
      });
    }),
};
