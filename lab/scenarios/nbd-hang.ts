import { openOrClose } from "../closers.ts";
import { NbdHang, type NbdHangOptions } from "../nbd-hang.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

/** Recipe 1. */
export const nbdHang = nbdHangBy("nbd-hang", {
  description: "A disk on an NBD server; break freezes the server and sends stop: the main loop blocks. Yank nbd0.",
});
export const nbdHangTcp = nbdHangBy("nbd-hang-tcp", {
  description: "nbd-hang with the server behind TCP, where the host's socket counters show what is unanswered. Yank nbd0.",
  transport: "tcp",
});
/** H2 and H3 of the facts sheet. */
export const nbdHangReset = nbdHangBy("nbd-hang-reset", {
  description: "nbd-hang by system_reset, which waits for the disks as well and stops no CPU before. Yank nbd0.",
  command: "system_reset",
});
export const nbdHangQuit = nbdHangBy("nbd-hang-quit", {
  description: "nbd-hang by quit: the process never ends, until nbd0 is yanked.",
  command: "quit",
});

function nbdHangBy(name: string, how: Omit<NbdHangOptions, "name"> & { description: string }): ScenarioDefinition {
  const { description, ...options } = how;
  return {
    name,
    kind: "hang",
    description,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const hang = await NbdHang.start(lab, closers, { ...options, name: vmName });
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
}
