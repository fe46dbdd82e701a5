import { openOrClose } from "../closers.ts";
import { NbdHang } from "../nbd-hang.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

/** Recipe 1. */
export const nbdHang: ScenarioDefinition = {
  name: "nbd-hang",
  kind: "hang",
  description: "A disk on an NBD server; break freezes the server and sends stop: the main loop blocks. Yank nbd0.",
  start: (lab, { vmName = "nbd-hang" }) =>
    openOrClose(async (closers) => {
      const hang = await NbdHang.start(lab, closers, { name: vmName });
      return composeScenario({
        vms: [hang.vm],
        culprit: hang.culprit,
        closers,
        isBroken: () => hang.vm.isHung(),
        induce: () => hang.induce(),
        removeCause: () => hang.removeCause(),
        restore: (restarted) => hang.restore(restarted),
      });
    }),
};
