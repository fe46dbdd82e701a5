import { idleSector } from "../boot-sectors.ts";
import { openOrClose } from "../closers.ts";
import { GuestReads } from "../guest-reads.ts";
import { NbdDisk } from "../nbd-disk.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { SlowRelay } from "../slow-relay.ts";

const FAST_BYTES_PER_SECOND = 50_000_000;
/** What the sockets' buffers do not swallow at once takes some 15 s. */
const SLOW_BYTES_PER_SECOND = 1_000_000;
const HANDED_OVER_WITHIN_MS = 60_000;
const WRITE_BYTES = 18 * 1024 * 1024;

export const slowDrain: ScenarioDefinition = {
  name: "slow-drain",
  kind: "busy",
  description:
    "A disk on NBD behind a slow network; break has a write of 18 MB under way and sends stop: the main loop waits for some 15 s while the bytes move, and goes on by itself.",
  start: (lab, { vmName = "slow-drain" }) =>
    openOrClose(async (closers) => {
      const disk = closers.add(await NbdDisk.start(lab, { name: `${vmName}-nbd`, transport: "tcp" }), (opened) => opened.close());
      const relay = await SlowRelay.start(closers, { target: () => disk.target, bytesPerSecond: FAST_BYTES_PER_SECOND });
      const devices = [...disk.nodes({ type: "inet", host: "127.0.0.1", port: String(relay.port) }), ...disk.deviceOn(disk.formatNode)];
      const { vm } = await GuestReads.start(lab, closers, { vmName, bootSector: idleSector(), devices });
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => false,
        async induce() {
          relay.setBytesPerSecond(SLOW_BYTES_PER_SECOND);
          // A busy host takes its time to fill and hand over so much.
          await disk.startIo(vm.raw, `aio_write 0 ${WRITE_BYTES}`, HANDED_OVER_WITHIN_MS);
          await vm.raw.execute("stop", undefined, { timeoutMs: 0 });
          relay.setBytesPerSecond(FAST_BYTES_PER_SECOND);
          await vm.raw.execute("cont");
        },
        removeCause: async () => {},
      });
    }),
};
