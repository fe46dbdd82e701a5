import { openOrClose } from "../closers.ts";
import { MigrationPair } from "../migration-pair.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";

/** 200 MB at this rate take close to an hour. */
const MAX_BANDWIDTH_BYTES = 60_000;

export const migrationPair: ScenarioDefinition = {
  name: "migration-pair",
  kind: "healthy",
  description: "Source and destination of a migration that is slow and moves, for about an hour.",
  start: (lab, { vmName = "migration-pair" }) =>
    openOrClose(async (closers) => {
      const pair = await MigrationPair.start(lab, closers, {
        sourceName: vmName,
        destinationName: `${vmName}-target`,
        isDestinationWatched: true,
      });
      await pair.begin(MAX_BANDWIDTH_BYTES);
      return steadyScenario("migration-pair", [pair.source, pair.destination], closers);
    }),
};
