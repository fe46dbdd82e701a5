import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { openOrClose } from "../closers.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";

const run = promisify(execFile);
const NODE = "blkdebug0";

/** H10 of the facts sheet. */
export const fifoBlock: ScenarioDefinition = {
  name: "fifo-block",
  kind: "look-alike",
  description:
    "A VM; break makes QEMU open a FIFO that nobody writes to: the main loop blocks and no yank can end it. Heal opens the FIFO.",
  start: (lab, { vmName = "fifo-block" }) =>
    openOrClose(async (closers) => {
      const vm = closers.add(await LabVm.start(lab, { name: vmName }), (opened) => opened.close());
      const fifo = join(vm.folder, "blkdebug.conf");
      await run("mkfifo", [fifo]);
      let addition: Promise<unknown> | undefined;
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          const options = { driver: "blkdebug", "node-name": NODE, config: fifo, image: { driver: "null-co" } };
          addition = vm.raw.execute("blockdev-add", options, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        async removeCause() {
          if (!vm.isRunning) return;
          // Not blocking: where QEMU waits in its own open() this succeeds at once, and an empty configuration is valid.
          await (await open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)).close();
        },
        async restore(restarted) {
          await vm.waitUntilAnswering();
          await addition;
          if (!restarted.has(vm)) await vm.raw.execute("blockdev-del", { "node-name": NODE });
        },
      });
    }),
};
