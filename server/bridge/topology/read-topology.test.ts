import { describe, expect, it } from "vitest";
import type { AskInBand } from "../vm/ports.ts";
import { recordedVm, RefusedError } from "./fixtures/recorded-vm.ts";
import { ALLOWED_COMMANDS } from "../allowed-commands.ts";
import { readTopology, TOPOLOGY_COMMANDS } from "./read-topology.ts";
import type { Topology } from "./topology.ts";

const monitorAddress = { kind: "unix", path: "/run/lab/mon.sock" } as const;

describe.each(["7.2", "11.1"] as const)("reading the topology of a QEMU %s with many shapes", (version) => {
  it("finds the device behind every NBD node, with its error policies resolved", async () => {
    const vm = recordedVm(version);
    const topology = await readTopology(vm.ask, { instances: vm.instances });
    expect(topology.blockNodes.get("nbd0")).toEqual({
      isGraphRead: true,
      disk: { device: "vda", type: "virtio-blk-pci", through: ["fmt0"], werror: "stop", rerror: "report", isReadOnly: false },
      jobs: [],
      isReadOnly: false,
    });
    expect(topology.blockNodes.get("nbd1")?.disk).toMatchObject({
      device: "/machine/peripheral-anon/device[0]",
      werror: "enospc",
      through: [],
    });
  });

  it("resolves a drive's error policy only where its command line tells what the drive says", async () => {
    const vm = recordedVm(version);
    const { instances, commandLine } = vm;
    const auto = (topology: Topology) => [...topology.blockNodes].find(([name]) => name.startsWith("#block"))?.[1].disk;
    const drive = { device: "sd0", type: "scsi-hd", rerror: "stop" };
    expect(auto(await readTopology(vm.ask, { instances }))).toMatchObject({ ...drive, werror: undefined });
    expect(auto(await readTopology(vm.ask, { instances, commandLine }))).toMatchObject({ ...drive, werror: "enospc" });
    const stopping = commandLine.map((argument) => (argument.includes("id=drv0") ? `${argument},werror=stop` : argument));
    expect(auto(await readTopology(vm.ask, { instances, commandLine: stopping }))).toMatchObject({ ...drive, werror: "stop" });
  });

  it("counts nothing where an I/O thread may hold the lock, and then claims no disk to be unused", async () => {
    const vm = recordedVm(version, "shapes");
    const ask: AskInBand = (command, args) => (command === "query-iothreads" ? Promise.resolve([{ id: "io0" }]) : vm.ask(command, args));
    const counted = await readTopology(vm.ask, { instances: vm.instances });
    vm.asked.length = 0;
    const uncounted = await readTopology(ask, { instances: vm.instances, version: { major: 7, minor: 2, micro: 0, package: "" } });
    expect(vm.asked).not.toContain("query-blockstats");
    for (const [name, { disk }] of counted.blockNodes) {
      const node = uncounted.blockNodes.get(name);
      if (disk) expect(node?.disk !== undefined || node?.hasUnnamedUser === true).toBe(true);
    }
  });

  it("finds a drive's device by its drive property where nothing else tells", async () => {
    const vm = recordedVm(version);
    const ask: AskInBand = (command, args) => {
      if (command === "query-blockstats") return Promise.reject(new RefusedError("no such command"));
      const isDriveOf = (path: string) => command === "qom-get" && args?.["property"] === "drive" && args["path"] === path;
      if (isDriveOf("/machine/peripheral/sd0")) return Promise.resolve("drv0");
      if (isDriveOf("/machine/peripheral/vda")) return Promise.resolve("fmt0");
      return vm.ask(command, args);
    };
    const topology = await readTopology(ask, { instances: vm.instances });
    expect([...topology.blockNodes.values()].map((node) => node.disk?.device).toSorted((a, b) => (a ?? "").localeCompare(b ?? ""))).toEqual(
      ["/machine/peripheral-anon/device[0]", "sd0", "vda"],
    );
  });

  it("never sends what can wait for storage", async () => {
    const vm = recordedVm(version);
    await readTopology(vm.ask, { instances: vm.instances });
    await readTopology(vm.ask, {});
    expect(vm.asked.filter((asked) => /^query-(block|named-block-nodes)( |$)/.test(asked))).toEqual([]);
  });

  it("finds the owner of every chardev that has one", async () => {
    const vm = recordedVm(version);
    const { owners } = await readTopology(vm.ask, { instances: vm.instances });
    expect(owners.get("qga0")).toEqual({ kind: "device", id: "ga", type: "virtserialport", portName: "org.qemu.guest_agent.0" });
    expect(owners.get("ser1")).toMatchObject({ kind: "device", id: "com2", type: "isa-serial" });
    expect(owners.get("serial0")).toMatchObject({ kind: "device", type: "isa-serial" });
    expect(owners.get("dbg")).toMatchObject({ kind: "device", type: "isa-debugcon" });
    expect(owners.get("rngc")).toEqual({ kind: "object", id: "rng0", type: "rng-egd" });
    expect(owners.get("mirr")).toEqual({ kind: "object", id: "fm0", type: "filter-mirror" });
    expect(owners.has("lonely")).toBe(false);
  });

  it("keeps an address that does not change with the connection", async () => {
    const vm = recordedVm(version);
    const { chardevs } = await readTopology(vm.ask, { instances: vm.instances });
    expect(chardevs?.get("cli")).toMatchObject({ isServer: false, address: "unix:/run/lab/peer.sock" });
    expect(chardevs?.get("ser1")).toMatchObject({ isMux: true });
    expect(chardevs?.get("ripcord")).toMatchObject({ isServer: true, isConnected: true, address: "unix:/run/lab/mon.sock" });
  });

  it("stays within forty round trips", async () => {
    const vm = recordedVm(version);
    await readTopology(vm.ask, { instances: vm.instances, monitorAddress, commandLine: vm.commandLine });
    expect(vm.asked.length).toBeLessThanOrEqual(40);
  });

  it("asks once where nothing but monitors is listed", async () => {
    const vm = recordedVm(version);
    const instances = vm.instances.filter(
      (instance) => instance.type === "chardev" && ["compat_monitor0", "ripcord"].includes(String(instance["id"])),
    );
    await readTopology(vm.ask, { instances, monitorAddress });
    expect(vm.asked).toEqual(["query-chardev"]);
  });
});

describe("reading the topology", () => {
  it("sends nothing that is not on the bridge's allow-list, nor on its own", async () => {
    expect(TOPOLOGY_COMMANDS.filter((command) => !ALLOWED_COMMANDS.has(command))).toEqual([]);
    const vm = recordedVm("7.2");
    await readTopology(vm.ask, {});
    const sent = new Set(vm.asked.map((asked) => asked.split(" ")[0]));
    expect([...sent].filter((command) => !TOPOLOGY_COMMANDS.some((known) => known === command))).toEqual([]);
  });

  it("knows on 11.1 which chardevs are monitors", async () => {
    const vm = recordedVm("11.1");
    const topology = await readTopology(vm.ask, { instances: vm.instances });
    expect(topology.areMonitorsObjects).toBe(true);
    expect(topology.owners.get("hmp")).toMatchObject({ kind: "monitor", type: "monitor-hmp" });
    expect(topology.owners.get("mq")).toEqual({ kind: "monitor", id: "mq0", type: "monitor-qmp", portName: undefined });
  });

  it("finds the TPM emulator of a chardev", async () => {
    // As QEMU 7.2 and 11.1 answer with swtpm behind the chardev, also while that is stopped.
    const ask: AskInBand = (command) => {
      if (command === "query-chardev") return Promise.resolve([{ label: "chrtpm", filename: "unix:", "frontend-open": true }]);
      const tpm = { model: "tpm-tis", options: { type: "emulator", data: { chardev: "chrtpm" } }, id: "tpm0" };
      return command === "query-tpm" ? Promise.resolve([tpm]) : Promise.reject(new RefusedError("no"));
    };
    const { owners } = await readTopology(ask, { instances: [{ type: "chardev", id: "chrtpm" }] });
    expect(owners.get("chrtpm")).toEqual({ kind: "tpm", id: "tpm0", type: "tpm-emulator" });
  });

  it("leaves everything unread where QEMU refuses everything", async () => {
    const ask: AskInBand = () => Promise.reject(new RefusedError("no such command"));
    const topology = await readTopology(ask, {
      instances: [
        { type: "block-node", "node-name": "n" },
        { type: "chardev", id: "c" },
      ],
    });
    expect(topology.chardevs).toBeUndefined();
    expect(topology.owners.size).toBe(0);
    expect(topology.blockNodes.get("n")).toEqual({ isGraphRead: false, disk: undefined, jobs: [] });
  });

  it("stops at once, and says why, when a question is not answered", async () => {
    const vm = recordedVm("7.2");
    const lost = Object.assign(new Error("in-band turned slow"), { outcome: "unknown" });
    let left = 5;
    let asked = 0;
    const ask: AskInBand = (command, args) => {
      asked += 1;
      left -= 1;
      return left < 0 ? Promise.reject(lost) : vm.ask(command, args);
    };
    await expect(readTopology(ask, { instances: vm.instances })).rejects.toBe(lost);
    expect(asked).toBe(6);
  });

  it("takes hostile answers for no answer", async () => {
    const hostile: unknown[] = [
      null,
      42,
      "x",
      [],
      {},
      [null, 1, { label: 7 }],
      { nodes: [{}], edges: "no" },
      { nodes: [], edges: [{ parent: "a" }] },
    ];
    for (const answer of hostile) {
      const topology = await readTopology(() => Promise.resolve(answer), {
        instances: [
          { type: "block-node", "node-name": "__proto__" },
          { type: "chardev", id: "c" },
        ],
      });
      expect(topology.owners.size).toBe(0);
      expect(topology.blockNodes.get("__proto__")?.disk).toBeUndefined();
    }
  });

  it("is bounded however many devices a VM has", async () => {
    let asked = 0;
    const ask: AskInBand = (command, args) => {
      asked += 1;
      if (command === "query-chardev") return Promise.resolve([{ label: "c", filename: "unix:/s,server=on" }]);
      if (command !== "qom-list" || args?.["path"] === "/objects") return Promise.reject(new RefusedError("no"));
      return Promise.resolve(Array.from({ length: 5_000 }, (_, n) => ({ name: `device[${n}]`, type: "child<isa-serial>" })));
    };
    await readTopology(ask, { instances: [{ type: "chardev", id: "c" }] });
    expect(asked).toBeLessThan(150);
  });
});
