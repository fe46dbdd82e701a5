import { connect } from "node:net";
import type { Socket } from "node:net";
import { openOrClose } from "../closers.ts";
import { MIGRATING_MEMORY_MIB, ensureRandomMemory } from "../images.ts";
import { Peer } from "../peer.ts";
import { type ScenarioDefinition, composeScenario } from "../scenario.ts";
import { LabVm } from "../vm.ts";
import { staysOpen, waitFor } from "../wait-for.ts";

const CONNECTED_WITHIN_MS = 300;

export const migrationUnseen: ScenarioDefinition = {
  name: "migration-unseen",
  kind: "look-alike",
  description:
    "A small VM; break migrates it to a peer that takes the connection and never reads: the kernel swallows it whole, and the source reads completed though no destination ever ran. Heal starts it again.",
  start: (lab, { vmName = "migration-unseen" }) =>
    openOrClose(async (closers) => {
      const peer = await Peer.start(lab, closers, { what: `migration target of ${vmName}` });
      const vm = closers.add(await LabVm.start(lab, { name: vmName, memoryMib: 16 }), (opened) => opened.close());
      return composeScenario({
        vms: [vm],
        closers,
        isBroken: async () => vm.isRunning && (await vm.runState()) === "postmigrate",
        async induce() {
          await peer.freeze();
          await vm.raw.execute("migrate", { uri: `tcp:127.0.0.1:${peer.port}` });
          await waitFor("the migration to read completed", async () => ((await vm.runState()) === "postmigrate" ? true : undefined));
        },
        removeCause: async () => peer.thaw(),
        async restore(restarted) {
          if (!restarted.has(vm)) await vm.restart();
        },
      });
    }),
};

export const migrationConnecting: ScenarioDefinition = {
  name: "migration-connecting",
  kind: "look-alike",
  description:
    "A VM; break migrates it to a port whose queue is full: it stays in setup, in-band answers, and a yank does nothing. Cancel, or heal.",
  start: (lab, { vmName = "migration-connecting" }) =>
    openOrClose(async (closers) => {
      let peer: Peer | undefined;
      const memory = { memoryMib: MIGRATING_MEMORY_MIB, memoryFile: await ensureRandomMemory(lab.directory) };
      const vm = closers.add(await LabVm.start(lab, { name: vmName, ...memory }), (opened) => opened.close());
      const fillers: Socket[] = [];
      const leave = () => {
        for (const socket of fillers.splice(0)) socket.destroy();
      };
      closers.add(fillers, leave);
      async function status(): Promise<string> {
        return ((await vm.raw.execute("query-migrate")) as { status?: string }).status ?? "none";
      }
      return composeScenario({
        vms: [vm],
        culprit: { vm, instance: { type: "migration" } },
        closers,
        isBroken: async () => vm.isRunning && ["setup", "cancelling"].includes(await status()),
        async induce() {
          // A new one each time, because heal has to end it.
          peer = await Peer.start(lab, closers, { what: `migration target of ${vmName}`, backlog: 1 });
          await peer.freeze();
          await fillQueue(peer.port, fillers);
          await vm.raw.execute("migrate", { uri: `tcp:127.0.0.1:${peer.port}` });
          await waitFor("the migration to be set up", async () => ((await status()) === "setup" ? true : undefined));
        },
        async removeCause() {
          leave();
          // Refused instead of ignored, so that the connect ends now and not with the kernel's patience.
          await peer?.process.stop(0);
        },
        async restore(restarted) {
          if (restarted.has(vm)) return;
          await vm.raw.execute("migrate_cancel").catch(() => {});
          await waitFor("the migration to end", async () => (["setup", "cancelling"].includes(await status()) ? undefined : true));
        },
      });
    }),
};

/** Opens connections until the kernel takes no more of them. */
async function fillQueue(port: number, fillers: Socket[]): Promise<void> {
  await waitFor("the peer's queue to be full", async () => {
    const socket = connect({ host: "127.0.0.1", port });
    fillers.push(socket.on("error", () => {}));
    const connected = new Promise((resolve) => socket.once("connect", resolve));
    return (await staysOpen(connected, CONNECTED_WITHIN_MS)) ? true : undefined;
  });
}
