import { openOrClose } from "../closers.ts";
import { PostcopyPair } from "../postcopy-pair.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { staysOpen, waitFor } from "../wait-for.ts";

/** Longer than a page of the slow transfer takes. */
const STILL_AFTER_MS = 600;

/** Postcopy: the guest's state is on both sides, and the source must never run again. */
export const postcopyStall: ScenarioDefinition = {
  name: "postcopy-stall",
  kind: "hang",
  description:
    "A VM in postcopy; break has the network between the two sides stand still: no page comes. Pause it (migrate-pause or yank), and recover it by hand (heal).",
  start: (lab, { vmName = "postcopy-stall" }) =>
    openOrClose(async (closers) => {
      const pair = await PostcopyPair.start(lab, closers, vmName);
      async function isStalled(): Promise<boolean> {
        if (!pair.source.isRunning || (await pair.status(pair.source)) !== "postcopy-active") return false;
        const before = await transferredBytes();
        await staysOpen(new Promise(() => {}), STILL_AFTER_MS);
        return (await transferredBytes()) === before;
      }
      async function transferredBytes(): Promise<number | undefined> {
        return ((await pair.source.raw.execute("query-migrate")) as { ram?: { transferred: number } }).ram?.transferred;
      }
      return composeScenario({
        vms: [pair.source, pair.destination],
        culprit: { vm: pair.source, instance: { type: "migration" } },
        closers,
        isBroken: isStalled,
        async induce() {
          await pair.begin();
          pair.holdNetwork();
          await waitFor("no page to come any more", async () => ((await isStalled()) ? true : undefined));
        },
        removeCause: async () => {},
        async restore(restarted) {
          if (restarted.size > 0) return;
          if ((await pair.status(pair.source)) === "postcopy-active") await pair.cut();
          await pair.recover();
        },
      });
    }),
};

export const postcopyCut: ScenarioDefinition = {
  name: "postcopy-cut",
  kind: "look-alike",
  description:
    "A VM in postcopy; break cuts the channel: both sides pause, the guest waits on the destination, and there is nothing left to yank. Heal recovers it.",
  start: (lab, { vmName = "postcopy-cut" }) =>
    openOrClose(async (closers) => {
      const pair = await PostcopyPair.start(lab, closers, vmName);
      return composeScenario({
        vms: [pair.source, pair.destination],
        culprit: { vm: pair.source, instance: { type: "migration" } },
        closers,
        isBroken: async () => pair.source.isRunning && (await pair.status(pair.source)) === "postcopy-paused",
        async induce() {
          await pair.begin();
          await pair.cut();
        },
        removeCause: async () => {},
        async restore(restarted) {
          if (restarted.size === 0) await pair.recover();
        },
      });
    }),
};
