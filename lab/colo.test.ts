import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { VmReport } from "#lib/vm/report";
import { Closers } from "./closers.ts";
import { BridgeProcess } from "./corpus/bridge-process.ts";
import { openLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { findQemus } from "./qemu.ts";
import { LabVm } from "./vm.ts";
import { waitFor } from "./wait-for.ts";

const { usable } = await findQemus();

test("there is a QEMU, or nobody requires one", () => {
  expect(usable.length === 0 && process.env["RIPCORD_REQUIRE_ALL"] === "1").toBe(false);
});

describe.each(usable.map((qemu) => [`${qemu.version.major}.${qemu.version.minor}`, qemu] as const))(
  "a COLO pair on QEMU %s",
  (_version, qemu) => {
    const root = mkdtempSync(join(tmpdir(), "lab-colo-"));
    const closers = new Closers();
    let bridge: BridgeProcess;
    let lab: Lab;

    beforeAll(async () => {
      bridge = await BridgeProcess.start(root);
      lab = await openLab({ directory: join(root, "l"), monitorsDirectory: bridge.monitorsDirectory, qemu });
    });
    afterEach(() => closers.close());
    afterAll(async () => {
      await bridge.close();
      await lab.close();
      rmSync(root, { recursive: true, force: true });
    });

    async function shown(name: string, isAsWanted: (report: VmReport) => boolean): Promise<VmReport> {
      return waitFor(
        `the bridge to tell of ${name}`,
        () => [...bridge.hub.vms.values()].find((report) => report.name === name && isAsWanted(report)),
        { timeoutMs: 60_000 },
      );
    }

    test(
      "names both sides, and the decision that is due after their connection was cut until it is made",
      { timeout: 180_000 },
      async () => {
        const uri = `unix:${join(root, "colo.sock")}`;
        const primary = closers.add(await LabVm.start(lab, { name: "colo-primary" }), (vm) => vm.close());
        const secondary = closers.add(await LabVm.start(lab, { name: "colo-secondary", incoming: uri }), (vm) => vm.close());
        // Newer ones want a return path of its own; with one, 7.2 never enters COLO.
        const names = qemu.version.major >= 10 ? ["x-colo", "return-path"] : ["x-colo"];
        const capabilities = names.map((capability) => ({ capability, state: true }));
        for (const { raw } of [primary, secondary]) await raw.execute("migrate-set-capabilities", { capabilities });
        await primary.raw.execute("migrate-set-parameters", { "x-checkpoint-delay": 500 });
        await primary.raw.execute("migrate", { uri });
        await shown("colo-primary", ({ colo }) => colo?.role === "primary" && !colo.isFailoverDue);
        await shown("colo-secondary", ({ colo }) => colo?.role === "secondary" && !colo.isFailoverDue);

        await primary.raw.executeOob("yank", { instances: [{ type: "migration" }] });
        for (const name of ["colo-primary", "colo-secondary"]) {
          const due = await shown(name, ({ colo }) => colo?.isFailoverDue === true);
          expect(due.colo).toMatchObject({ reason: "error" });
          expect(due.health.verdict.kind).not.toBe("migration-stalled");
        }
        await secondary.raw.execute("x-colo-lost-heartbeat");
        await shown("colo-secondary", ({ colo }) => colo?.isFailoverDue === false);
        expect((await shown("colo-primary", () => true)).colo).toMatchObject({ isFailoverDue: true });
      },
    );
  },
);
