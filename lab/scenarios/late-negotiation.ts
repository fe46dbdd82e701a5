import { openOrClose } from "../closers.ts";
import { MonitorOccupant } from "../monitor-occupant.ts";
import { NbdHang } from "../nbd-hang.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

export const lateNegotiation: ScenarioDefinition = {
  name: "late-negotiation",
  kind: "look-alike",
  description:
    "A VM that hangs before anyone negotiated on its monitor (broken from the start): a greeting comes, the negotiation is never answered.",
  start: (lab, { vmName = "late-negotiation" }) =>
    openOrClose(async (closers) => {
      const hang = await NbdHang.start(lab, closers, { name: vmName });
      const occupant = new MonitorOccupant(hang.vm, closers);
      const scenario = composeScenario({
        vms: [hang.vm],
        culprit: hang.culprit,
        closers,
        isBroken: () => hang.vm.isHung(),
        async induce() {
          // Whoever was connected is put out first and kept out until the VM hangs.
          await occupant.occupy();
          await hang.induce();
          occupant.leave();
        },
        removeCause: () => hang.removeCause(),
        restore: (restarted) => hang.restore(restarted),
      });
      await scenario.break();
      return scenario;
    }),
};
