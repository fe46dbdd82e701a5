import { openOrClose } from "../closers.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { RIPCORD_CHARDEV } from "../vm-arguments.ts";
import { LabVm } from "../vm.ts";

export const ownLine: ScenarioDefinition = {
  name: "own-line",
  kind: "look-alike",
  description:
    "A VM whose only yank instances are monitors; break yanks Ripcord's own: the connection ends, QEMU lives, connecting again works.",
  start: (lab, { vmName = "own-line" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      const instance = { type: "chardev", id: RIPCORD_CHARDEV } as const;
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance },
        closers,
        isBroken: async () => false,
        async induce() {
          await vm.raw.executeOob("yank", { instances: [instance] });
        },
        removeCause: async () => {},
      });
    }),
};
