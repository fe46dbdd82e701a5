import { openOrClose } from "../closers.ts";
import { type ScenarioDefinition, steadyScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

export const bare: ScenarioDefinition = {
  name: "bare",
  kind: "healthy",
  description: "A VM with a local disk and nothing that could be yanked but its monitors.",
  start: (lab, { vmName = "bare" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      return steadyScenario("bare", [vm], closers);
    }),
};
