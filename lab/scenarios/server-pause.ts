import { setTimeout as delay } from "node:timers/promises";
import { readSecondDiskSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { SlowRelay } from "../slow-relay.ts";

const BYTES_PER_SECOND = 50_000_000;

/** A server that takes its time and answers by itself, as one does that flushes, fails over or takes a snapshot of its own. */
export const slowStop = slowServer("slow-stop", 4_000, "main-loop");
export const longStop = slowServer("long-stop", 30_000, "main-loop");
export const slowRead = slowServer("slow-read", 8_000, "guest");
export const longRead = slowServer("long-read", 30_000, "guest");

function slowServer(name: string, pauseMs: number, who: "main-loop" | "guest"): ScenarioDefinition {
  const what = who === "guest" ? "the guest's reads" : "stop, and with it the main loop,";
  return {
    name,
    kind: "busy",
    description: `A guest that reads from NBD; break has the server take what it is sent and answer ${pauseMs / 1_000} s later: ${what} wait as long and go on by themselves.`,
    start: (lab, { vmName = name }) =>
      openOrClose(async (closers) => {
        const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
        const relay = await SlowRelay.start(closers, { target: () => disk.target, bytesPerSecond: BYTES_PER_SECOND });
        const devices = [...disk.nodes({ type: "inet", host: "127.0.0.1", port: String(relay.port) }), ...disk.deviceOn(disk.formatNode)];
        const reads = await GuestReads.start(lab, closers, { vmName, bootSector: readSecondDiskSector(), devices });
        const { vm } = reads;
        return composeScenario({
          vms: [vm],
          closers,
          isBroken: async () => false,
          async induce() {
            await reads.waitUntilMoving();
            relay.holdReplies();
            try {
              await disk.startRequest(vm.raw);
              const stopped = who === "guest" ? undefined : vm.raw.execute("stop", undefined, { timeoutMs: 0 });
              await delay(pauseMs);
              relay.passReplies();
              await stopped;
            } finally {
              relay.passReplies();
            }
            if (who === "main-loop") await vm.raw.execute("cont");
            await reads.waitUntilMoving();
          },
          removeCause: async () => {},
        });
      }),
  };
}
