import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { IncidentDetail, IncidentList } from "#lib/api/incident";
import type { FleetSnapshot } from "#lib/api/vm";
import { configSchema } from "#lib/config/schema";
import { startBridge } from "#server/bridge/compose";
import { BRIDGE_TOKEN_FILE } from "#server/hub/compose";
import { silentLog } from "#server/log";
import { startSimulatedFleet } from "../server/simulator/index.ts";
import { startTestHub } from "./support/hub.ts";

const VMS = 40;
const SERVERS = 2;
const PATIENCE = { timeout: 30_000, interval: 50 };

test(
  `${VMS / SERVERS} VMs that hang on one dead NBD server are one incident, beside as many that are well on another`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "rc-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const fleet = await startSimulatedFleet({ directory, count: VMS, serverCount: SERVERS, readsPerSecond: 20 });
    onTestFinished(() => fleet.close());
    const ripcord = await startTestHub();
    onTestFinished(() => ripcord.close());
    const probe = { intervalMs: 200, slowAfterMs: 300, hungAfterMs: 600, oobSilentAfterMs: 400 };
    const bridge = await startBridge({
      config: configSchema.parse({ bridge: { id: "fake", monitors: [{ path: join(directory, "*.sock") }], probe } }),
      dataDir: ripcord.dataDir,
      bridgeId: "fake",
      label: "fake",
      token: readFileSync(join(ripcord.dataDir, BRIDGE_TOKEN_FILE), "utf8").trim(),
      hubUrl: ripcord.hub.url,
      isSimulated: true,
      logger: silentLog(),
    });
    onTestFinished(() => bridge.close());
    const get = async <Body>(path: string) => (await ripcord.call(`/api/v1/${path}`)).body as unknown as Body;
    const kinds = async () => (await get<FleetSnapshot>("vms")).vms.map(({ health }) => health.kind);
    await vi.waitFor(async () => expect((await kinds()).filter((kind) => kind === "healthy")).toHaveLength(VMS), PATIENCE);
    // Where a VM's disk leads is read while it is well, and never again once it is not.
    const isRead = () =>
      bridge.registry
        .listedIds()
        .every((vmId) => bridge.registry.report(vmId)?.instances.some(({ farSide }) => farSide?.server !== undefined));
    await vi.waitFor(() => expect(isRead()).toBe(true), PATIENCE);

    const clients = fleet.killServer(0, "drain");
    const incidents = async () => (await get<IncidentList>("incidents")).incidents;
    await vi.waitFor(async () => expect(await incidents()).toMatchObject([{ memberCount: clients.length }]), PATIENCE);
    const [incident] = await incidents();
    expect(incident).toMatchObject({
      state: "open",
      cause: { kind: "far-side" },
      troubledCount: clients.length,
      worstKind: "main-loop-hung",
    });
    expect(incident?.cause.text).toContain("192.0.2.10:10809");
    const { members, cords } = await get<IncidentDetail>(`incidents/${incident?.incidentId}`);
    expect(members.map(({ name }) => name).toSorted()).toEqual(clients);
    expect(cords.every(({ instances }) => instances.some(({ key }) => key === "block-node:nbd0"))).toBe(true);

    fleet.reviveServer(0);
    await vi.waitFor(async () => expect(await incidents()).toMatchObject([{ state: "mitigated", troubledCount: 0 }]), PATIENCE);
    expect(await incidents()).toHaveLength(1);
  },
  2 * PATIENCE.timeout,
);
