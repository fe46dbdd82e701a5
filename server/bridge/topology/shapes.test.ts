import { describe, expect, it } from "vitest";
import { instanceName } from "#lib/vm/instance";
import type { InstanceReport } from "#lib/vm/instance";
import { describeInstances } from "./describe-instances.ts";
import { recordedVm } from "./fixtures/recorded-vm.ts";
import { readTopology } from "./read-topology.ts";
import { hasUnclaimed } from "./unclaimed.ts";

const monitorAddress = { kind: "unix", path: "/run/lab/mon.sock" } as const;

async function described(version: "7.2" | "11.1", hasCommandLine = true): Promise<(name: string) => InstanceReport> {
  const vm = recordedVm(version, "shapes");
  const commandLine = hasCommandLine ? vm.commandLine : undefined;
  const topology = await readTopology(vm.ask, { instances: vm.instances, commandLine, monitorAddress });
  const reports = describeInstances(vm.instances, topology, { launcher: "plain", commandLine, monitorAddress, hostKey: "h" });
  return (name) => {
    const report = reports.find((candidate) => instanceName(candidate.instance) === name);
    if (!report) throw new Error(`No instance ${name}`);
    return report;
  };
}

/** The node that QEMU made up a name for: a `-drive`'s, the first or the second. */
function driveNode(version: "7.2" | "11.1", index: number): string {
  const names = recordedVm(version, "shapes").instances.flatMap((instance) => {
    const name = instance["node-name" as keyof typeof instance];
    return typeof name === "string" && (name as string).startsWith("#") ? [name as string] : [];
  });
  return names[index] ?? "";
}

describe.each(["7.2", "11.1"] as const)("what stands on the nodes of a QEMU %s", (version) => {
  it("is a guest's disk through format, throttle, quorum, copy-on-read and blkdebug", async () => {
    const of = await described(version);
    const told = (name: string) => {
      const { kind, owner, deviceType, through, werror, rerror } = of(name).serves;
      return [kind, owner, deviceType, through?.filter((node) => !node.startsWith("#")).join(" "), werror, rerror];
    };
    expect(told("nbdq")).toEqual(["guest-disk", "vda", "virtio-blk-pci", "fmtq thr0", "stop", "report"]);
    expect(told("qa")).toEqual(["guest-disk", "nv0", "nvme", "quo", "report", "report"]);
    expect(told("nbdc")).toEqual(["guest-disk", "stick", "usb-storage", "rawc cor0", "enospc", "report"]);
    expect(told("nbdd").slice(0, 4)).toEqual(["guest-disk", "/machine/peripheral-anon/device[2]", "ide-hd", "dbg0"]);
    expect(of("qb").serves.how).toBe("nvme nv0 through quo; one of several copies below a quorum");
  });

  it("is a drive's device, whatever its nodes are called, and leads where the drive says", async () => {
    const of = await described(version);
    const [scsi, virtio] = [of(driveNode(version, 0)), of(driveNode(version, 1))];
    expect(scsi.serves).toMatchObject({ kind: "guest-disk", owner: "sd0", deviceType: "scsi-hd", rerror: "stop", werror: "enospc" });
    expect(virtio.serves).toMatchObject({ owner: "/machine/peripheral-anon/device[1]", deviceType: "virtio-blk-pci" });
    expect([scsi, virtio].map(({ farSide }) => farSide?.key)).toEqual(Array(2).fill("nbd:unix:h:/run/lab/raw.sock:exp"));
  });

  it("is the job that reads or writes it, beside the disk where there is one", async () => {
    const of = await described(version);
    expect(of("mt").serves).toMatchObject({ kind: "job-target", owner: "mir0", jobType: "mirror", how: "target of mirror job mir0" });
    expect(of("bt").serves).toMatchObject({ kind: "job-target", owner: "bak0", jobType: "backup" });
    expect(of("cb").serves).toMatchObject({ kind: "job-target", owner: "com0", jobType: "commit" });
    expect(of("nbdq").serves.how).toMatch(/; also source of mirror job mir0$/);
    expect(of("nbase").serves.how).toMatch(/; what the disk's image is based on; also source of stream job str0$/);
  });

  it("is nothing only where the graph shows nothing, and an export where this QEMU serves it", async () => {
    const of = await described(version);
    expect(of("cb3").serves).toMatchObject({ kind: "nothing" });
    expect(of("idle0").serves).toMatchObject({ kind: "other-device", owner: "e0" });
  });

  it("may not be written where the device asked for no permission to", async () => {
    const of = await described(version);
    expect([of("ro0").serves.isReadOnly, of("qa").serves.isReadOnly]).toEqual([true, false]);
  });

  it("leads nowhere known without a command line, and keeps a drive's policy open", async () => {
    const of = await described(version, false);
    expect(of("nbdq")).toMatchObject({ farSide: undefined, serves: { kind: "guest-disk", owner: "vda", werror: "stop" } });
    expect(of(driveNode(version, 0)).serves).toMatchObject({ rerror: "stop", werror: undefined });
  });
});

describe("an NBD node below a quorum", () => {
  const disk = { device: "vda", through: ["replication0", "quo"], isOneOfSeveralCopies: true };
  const kind = (reading: object, coloRole?: "primary" | "secondary") => {
    const blockNodes = new Map([["n", { isGraphRead: true, jobs: [], disk, ...reading }]]);
    const topology = { chardevs: undefined, owners: new Map(), areMonitorsObjects: true, blockNodes };
    return describeInstances([{ type: "block-node", "node-name": "n" }], topology, { launcher: "plain", coloRole })[0]?.serves.kind;
  };

  it("is COLO's copy to the secondary in a primary, or where its driver was read, and a guest's disk elsewhere", () => {
    expect([
      kind({}),
      kind({}, "primary"),
      kind({}, "secondary"),
      kind({ replication: "node replication0 replicates through it" }),
    ]).toEqual(["guest-disk", "replication", "guest-disk", "replication"]);
  });

  it("has its driver read off the command line", async () => {
    const { instances, ask, commandLine } = recordedVm("7.2", "shapes");
    const colo = [...commandLine, "-blockdev", "driver=replication,mode=primary,node-name=thr0,file=nbdq"];
    const topology = await readTopology(ask, { instances, commandLine: colo });
    expect(topology.blockNodes.get("nbdq")?.replication).toBe("node thr0 replicates through it, by QEMU's command line");
  });
});

describe.each(["7.2", "11.1"] as const)("who has the chardevs of a QEMU %s", (version) => {
  it("is found for ports, consoles, filters and vhost-user", async () => {
    const of = await described(version);
    const told = (name: string) => {
      const { kind, owner, deviceType, portName } = of(name).serves;
      return [kind, owner, deviceType, portName, of(name).yankable === true];
    };
    expect(told("qga0")).toEqual(["guest-agent", "ga", "virtserialport", "org.qemu.guest_agent.0", true]);
    expect(told("spice")).toEqual(["virtio-port", "xp", "virtserialport", "org.x.0", true]);
    expect(told("red0")).toEqual(["filter", "fr0", "filter-redirector", undefined, true]);
    expect(told("vhu0")).toEqual(["vhost-user", "vnet", undefined, undefined, true]);
    // Added later: only an event of QEMU 10.0 on would tell.
    expect(told("vhu1")).toEqual(["unknown", undefined, undefined, undefined, false]);
    expect(told("lonely").at(-1)).toBe(false);
  });

  it("is told by an event for a vhost-user netdev that was added later", async () => {
    const vm = recordedVm(version, "shapes");
    const netdevChardevs = new Map([["vhu1", "vnet1"]]);
    const topology = await readTopology(vm.ask, { instances: vm.instances, commandLine: vm.commandLine, netdevChardevs });
    const report = describeInstances([{ type: "chardev", id: "vhu1" }], topology, { launcher: "plain", commandLine: vm.commandLine })[0];
    expect(report).toMatchObject({ serves: { kind: "vhost-user", owner: "vnet1" }, yankable: true, connection: "connected" });
  });

  it("is told by the command line alone where the VM hung before anything could be asked", () => {
    const vm = recordedVm(version, "shapes");
    const context = { launcher: "plain", commandLine: vm.commandLine, monitorAddress, hostKey: "h" } as const;
    const reports = describeInstances(vm.instances, undefined, context);
    const told = Object.fromEntries(reports.map((report) => [instanceName(report.instance), report]));
    const yankable = reports.filter(({ instance, yankable: may }) => instance.type === "chardev" && may === true);
    expect(yankable.map(({ instance }) => instanceName(instance)).toSorted()).toEqual(
      ["qga0", "vcon", "spice", "ser1", "dbg", "rngc", "mirr", "red0", "vhu0", "serial0"].toSorted(),
    );
    expect(told["vcon"]?.serves).toMatchObject({ kind: "serial-console", how: "virtconsole without an id, by QEMU's command line" });
    expect(told["serial0"]?.farSide?.key).toBe("listen:unix:h:/run/lab/ser0.sock");
    expect(["ripcord", "compat_monitor0"].map((name) => told[name]?.isMonitor)).toEqual([true, true]);
    expect(["lonely", "vhu1"].map((name) => told[name]?.yankable)).toEqual(
      Array(2).fill(expect.objectContaining({ code: "topology-unread" })),
    );
  });
});

describe.each(["7.2", "11.1"] as const)("the disks of a QEMU %s that hung before anything could be asked", (version) => {
  it("are what its command line says, and no more", async () => {
    const { instances, commandLine } = recordedVm(version, "shapes");
    const reports = describeInstances(instances, undefined, { launcher: "plain", commandLine });
    const read = await described(version);
    const told = (name: string) => reports.find(({ instance }) => instanceName(instance) === name)?.serves;
    for (const name of ["nbdq", "qa", "qb", "nbdc", "ro0", "nbase"]) {
      const { kind, deviceType, werror, rerror, owner } = read(name).serves;
      expect(told(name)).toMatchObject({ kind, deviceType, werror, rerror, owner });
    }
    expect(told("nbdd")).toMatchObject({
      kind: "guest-disk",
      how: "ide-hd without an id through dbg0, by QEMU's command line, as it was started",
    });
    for (const name of ["mt", "bt", "idle0", driveNode(version, 0)]) expect(told(name)).toEqual({ kind: "unknown" });
    const hidden = describeInstances(instances, undefined, { launcher: "plain", commandLine: [...commandLine, "-readconfig", "/x"] });
    expect(hidden.filter(({ serves }) => serves.kind === "guest-disk")).toEqual([]);
  });
});

describe("something that nothing uses", () => {
  it("is a node without disk, job and export, and a chardev that is nobody's and no monitor", async () => {
    const { instances, ask, commandLine } = recordedVm("7.2", "shapes");
    const topology = await readTopology(ask, { instances, commandLine });
    const isUnclaimed = (name: string) =>
      hasUnclaimed(
        topology,
        instances.filter((instance) => instanceName(instance) === name),
        commandLine,
      );
    expect(["cb3", "lonely", "vhu1"].map(isUnclaimed)).toEqual([true, true, true]);
    expect(["nbdq", "mt", "idle0", "qga0", "ripcord", "compat_monitor0", "serial0"].filter(isUnclaimed)).toEqual([]);
  });
});

describe("a command line that stands alone", () => {
  const serves = (arguments_: string[], id: string) =>
    describeInstances([{ type: "chardev", id }], undefined, { launcher: "plain", commandLine: ["qemu-system-x86_64", ...arguments_] })[0];
  const console = ["-chardev", "socket,id=c,path=/c,server=on,wait=off", "-device", "isa-serial,chardev=c"];

  it("allows a chardev that has a device, and no other", () => {
    expect(serves(console, "c")?.yankable).toBe(true);
    expect(serves(console.slice(0, 2), "c")?.yankable).toMatchObject({ code: "topology-unread" });
    expect(serves(console.slice(2), "c")?.yankable).toMatchObject({ code: "topology-unread" });
  });

  it.each([
    ["a multiplexer, which a monitor may share", ["-chardev", "socket,id=c,path=/c,server=on,mux=on", ...console.slice(2)], "c"],
    ["the socket below a multiplexer", ["-chardev", "socket,id=c,path=/c,server=on,mux=on", ...console.slice(2)], "c-base"],
    ["a config file, which may say otherwise", [...console, "-readconfig", "/etc/vm.cfg"], "c"],
    ["an option that is changed afterwards", [...console, "-set", "chardev.c.mux=on"], "c"],
    ["a monitor", [...console, "-mon", "chardev=c"], "c"],
    ["a console that shares its line with the human monitor", ["-serial", "mon:unix:/s,server=on"], "serial0-base"],
    ["a name that launchers give to monitors", ["-chardev", "socket,id=qmp,path=/q", "-device", "isa-serial,chardev=qmp"], "qmp"],
  ])("does not allow %s", (_what, arguments_, id) => {
    expect(serves(arguments_, id)?.yankable).not.toBe(true);
  });

  it("tells that a client which QEMU calls disconnected has given up, only where it says that it would not try again", () => {
    const chardevs = new Map([["c", { isConnected: false, isServer: false, isMux: false, address: "unix:/c" }]]);
    const topology = { chardevs, owners: new Map(), areMonitorsObjects: true, blockNodes: new Map() };
    const connection = (options: string | undefined) =>
      describeInstances([{ type: "chardev", id: "c" }], topology, {
        launcher: "plain",
        commandLine: ["qemu-system-x86_64", ...(options === undefined ? [] : ["-chardev", options])],
      })[0]?.connection;
    expect(connection("socket,id=c,path=/c")).toBe("given-up");
    expect(connection("socket,id=c,path=/c,reconnect=1")).toBe("reconnecting");
    expect(connection("socket,id=c,path=/c,reconnect-ms=0")).toBe("given-up");
    expect(connection(undefined)).toBe("disconnected");
  });
});
