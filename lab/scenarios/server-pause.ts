import { setTimeout as delay } from "node:timers/promises";
import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";

/** A server that stands still and goes on by itself, as one does that flushes, fails over or takes a snapshot of its own. */
export const slowStop = serverPause("slow-stop", 4_000, "main-loop");
export const longStop = serverPause("long-stop", 30_000, "main-loop");
export const slowRead = serverPause("slow-read", 8_000, "guest");
export const longRead = serverPause("long-read", 30_000, "guest");

function serverPause(name: string, pauseMs: number, who: "main-loop" | "guest"): ScenarioDefinition {
  const what = who === "guest" ? "the guest's reads" : "stop, and with it the main loop,";
  return {
    name,
    kind: "busy",
    description: `A guest that reads from NBD; break has the server stand still for ${pauseMs / 1_000} s: ${what} wait as long and go on by themselves.`,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
        const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices: disk.devices });
        const { vm } = reads;
        return composeScenario({
          vms: [vm],
          closers,
          isBroken: async () => false,
          async induce() {
            await reads.waitUntilMoving();
            await disk.server.freeze();
            try {
              await disk.startRequest(vm.raw);
              const stopped = who === "guest" ? undefined : vm.raw.execute("stop", undefined, { timeoutMs: 0 });
              await delay(pauseMs);
              disk.server.thaw();
              await stopped;
            } finally {
              disk.server.thaw();
            }
            if (who === "main-loop") await vm.raw.execute("cont");
            await reads.waitUntilMoving();
          },
          removeCause: async () => {},
        });
      }),
  };
}
