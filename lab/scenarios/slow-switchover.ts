import { isTerminalMigration } from "#lib/qapi/migration";
import { openOrClose } from "../closers.ts";
import { MigrationPair } from "../migration-pair.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { staysOpen, waitFor } from "../wait-for.ts";

/** Of the phase before the switchover, so that nearly all of the 200 MB are left for it. */
const MAX_BANDWIDTH_BYTES = 250_000;
/** 200 MB take about 17 s. */
const NETWORK_BYTES_PER_SECOND = 12_000_000;
const SWITCHOVER_TIMEOUT_MS = 90_000;
const MOVES_FOR_MS = 8_000;

export const slowSwitchover: ScenarioDefinition = {
  name: "slow-switchover",
  kind: "busy",
  description:
    "A VM; break migrates it through a slow network: the switchover holds the main loop for a quarter of a minute while its bytes move, and ends well.",
  start: (lab, { vmName = "slow-switchover" }) =>
    openOrClose(async (closers) => {
      const pair = await startPair(lab, closers, vmName);
      return composeScenario({
        vms: [pair.source],
        closers,
        isBroken: async () => false,
        async induce() {
          await pair.begin(MAX_BANDWIDTH_BYTES);
          await pair.crawlThroughSwitchover(NETWORK_BYTES_PER_SECOND);
          await waitFor("the switchover to end", async () => ((await pair.source.isHung()) ? undefined : true), {
            timeoutMs: SWITCHOVER_TIMEOUT_MS,
          });
          await waitFor("the migration to end", async () => (isTerminalMigration((await pair.progress()).status) ? true : undefined));
        },
        removeCause: async () => {},
        restore: () => pair.source.restart(),
      });
    }),
};

export const stoppedSwitchover: ScenarioDefinition = {
  name: "stopped-switchover",
  kind: "hang",
  description: "slow-switchover over a network that stands still after eight seconds: what was slow is hung from then on. Yank migration.",
  start: (lab, { vmName = "stopped-switchover" }) =>
    openOrClose(async (closers) => {
      const pair = await startPair(lab, closers, vmName);
      let isStandingStill = false;
      return composeScenario({
        vms: [pair.source],
        culprit: { vm: pair.source, instance: { type: "migration" } },
        closers,
        isBroken: async () => isStandingStill && (await pair.source.isHung()),
        async induce() {
          await pair.begin(MAX_BANDWIDTH_BYTES);
          await pair.crawlThroughSwitchover(NETWORK_BYTES_PER_SECOND);
          await staysOpen(new Promise(() => {}), MOVES_FOR_MS);
          pair.relay.setBytesPerSecond(0);
          isStandingStill = true;
        },
        async removeCause() {
          isStandingStill = false;
          pair.relay.cut();
        },
        async restore() {
          await pair.source.waitUntilAnswering();
        },
      });
    }),
};

function startPair(
  ...[lab, closers, vmName]: [Parameters<typeof MigrationPair.start>[0], Parameters<typeof MigrationPair.start>[1], string]
) {
  return MigrationPair.start(lab, closers, { sourceName: vmName, destinationName: `${vmName}-target`, withRelay: true });
}
