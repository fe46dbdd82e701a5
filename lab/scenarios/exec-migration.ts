import { readFileSync, readdirSync } from "node:fs";
import { openOrClose } from "../closers.ts";
import { MIGRATING_MEMORY_MIB, ensureRandomMemory } from "../images.ts";
import { type ProcessIdentity, readProcessStat, signalProcess } from "../process-identity.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";
import { waitFor } from "../wait-for.ts";

const MAX_BANDWIDTH_BYTES = 1_000_000;

/** H11 of the facts sheet. */
export const execMigration: ScenarioDefinition = {
  name: "exec-migration",
  kind: "look-alike",
  description:
    "A VM; break migrates it to a program that sleeps and cancels: the main loop waits for that program, no yank helps. Heal ends the program.",
  start: (lab, { vmName = "exec-migration" }) =>
    openOrClose(async (closers) => {
      const memoryFile = await ensureRandomMemory(lab.directory);
      const vm = await LabVm.start(lab, { name: vmName, memoryMib: MIGRATING_MEMORY_MIB, memoryFile });
      closers.add(vm, (opened) => opened.close());
      let child: ProcessIdentity | undefined;
      async function endChild(): Promise<void> {
        if (child === undefined) return;
        signalProcess(child, "SIGKILL");
        lab.processes.remove(child.pid);
        child = undefined;
      }
      closers.add(vm, endChild);
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: () => vm.isHung(),
        async induce() {
          await vm.raw.execute("migrate-set-parameters", { "max-bandwidth": MAX_BANDWIDTH_BYTES });
          // It reads the beginning, because a writer that is blocked by a full pipe never gets to its clean-up.
          await vm.raw.execute("migrate", { uri: "exec:head -c 100000000 >/dev/null; exec sleep 86400" });
          // QEMU's child and not ours, so it would outlive QEMU: written down like our own.
          child = await waitFor("QEMU's child to start", () => {
            const pid = readChildren(vm.process.pid)[0];
            return pid === undefined ? undefined : lab.processes.add(pid, `migration target of ${vm.name}`);
          });
          await waitFor("the migration to be active", async () => {
            const { status } = (await vm.raw.execute("query-migrate")) as { status?: string };
            return status === "active" ? true : undefined;
          });
          vm.raw.execute("migrate_cancel", undefined, { timeoutMs: 0 }).catch(() => {});
          await vm.waitUntilHung();
        },
        removeCause: endChild,
        async restore() {
          await vm.waitUntilAnswering();
        },
      });
    }),
};

/** @see proc(5), /proc/PID/task/TID/children */
function readChildren(pid: number): number[] {
  if (readProcessStat(pid) === undefined) return [];
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((tid) => readFileSync(`/proc/${pid}/task/${tid}/children`, "utf8").split(" "))
    .filter((text) => text.trim() !== "")
    .map(Number);
}
