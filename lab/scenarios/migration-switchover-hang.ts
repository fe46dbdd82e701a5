import { openOrClose } from "../closers.ts";
import { MigrationPair } from "../migration-pair.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

/** Low enough that the socket takes about a second to fill, high enough that the switchover's estimate fits its limit. */
const MAX_BANDWIDTH_BYTES = 250_000;

/** Recipe 3b. */
export const migrationSwitchoverHang: ScenarioDefinition = {
  name: "migration-switchover-hang",
  kind: "hang",
  description: "A VM; break migrates it and freezes the destination at the switchover: the main loop blocks. Yank migration.",
  start: (lab, { vmName = "migration-switchover-hang" }) =>
    openOrClose(async (closers) => {
      const pair = await MigrationPair.start(lab, closers, { sourceName: vmName, destinationName: `${vmName}-target` });
      return composeScenario({
        vms: [pair.source],
        culprit: { vm: pair.source, instance: { type: "migration" } },
        closers,
        isBroken: () => pair.source.isHung(),
        async induce() {
          await pair.begin(MAX_BANDWIDTH_BYTES);
          await pair.blockSwitchover();
        },
        removeCause: async () => pair.destination.process.thaw(),
        async restore() {
          await pair.source.waitUntilAnswering();
        },
      });
    }),
};
