import { describe, expect, it } from "vitest";
import { instanceName } from "#lib/vm/instance";
import type { InstanceReport } from "#lib/vm/instance";
import type { MigrationReport } from "#lib/vm/report";
import { readBlockDetails } from "./block-details.ts";
import { describeInstances } from "./describe-instances.ts";
import type { DescribeContext } from "./describe-instances.ts";
import { recordedVm } from "./fixtures/recorded-vm.ts";
import { guessLauncher } from "./guess-launcher.ts";
import { readTopology } from "./read-topology.ts";
import type { Topology } from "./topology.ts";

const context: DescribeContext = { launcher: "plain", monitorAddress: { kind: "unix", path: "/run/lab/mon.sock" }, hostKey: "host-a" };

async function described(version: "7.2" | "11.1", more: Partial<DescribeContext> = {}): Promise<(name: string) => InstanceReport> {
  const vm = recordedVm(version);
  const read = await readTopology(vm.ask, { instances: vm.instances, commandLine: more.commandLine });
  // All its nodes are of drivers that answer out of memory, as its command line says.
  const details = await readBlockDetails(vm.ask, read, { commandLine: vm.commandLine });
  const topology = details.kind === "done" ? details.topology : read;
  const reports = describeInstances(vm.instances, topology, { ...context, ...more });
  expect(reports.map((report) => report.instance)).toEqual(vm.instances);
  return (name) => reports.find((report) => instanceName(report.instance) === name)!;
}

const codeOf = (report: InstanceReport) => (report.yankable === true ? "yankable" : report.yankable.code);

it("cuts names and addresses to what the link takes, and keeps those apart that differ", () => {
  const long = "x".repeat(10_000);
  const reading = (exportName: string) => ({
    jobs: [],
    source: { host: "10.0.0.9", port: "10809", exportName },
    disk: { device: long, through: [] },
  });
  const topology: Topology = {
    chardevs: undefined,
    owners: new Map(),
    areMonitorsObjects: true,
    blockNodes: new Map([
      ["a", reading(`${long}1`)],
      ["b", reading(`${long}2`)],
    ]),
  };
  const instances = [{ type: "block-node" as const, "node-name": "a" }, { type: "block-node" as const, "node-name": "b" }, { type: long }];
  const [first, second, unknown] = describeInstances(instances, topology, context);
  const texts = [first?.serves.owner, first?.serves.how, first?.farSide?.key, first?.farSide?.text];
  expect(texts.map((text) => text?.length)).toEqual([4_096, 4_096, 4_096, 4_096]);
  expect(first?.farSide?.key).not.toBe(second?.farSide?.key);
  expect(unknown?.yankable).toMatchObject({ code: "unknown-type", text: expect.stringMatching(/^.{4096}$/) });
});

describe("what a yank instance is", () => {
  it("refuses every monitor of a 7.2, by name, as ours, or for having no owner", async () => {
    const of = await described("7.2");
    expect([of("compat_monitor0").isMonitor, codeOf(of("compat_monitor0"))]).toEqual([true, "is-monitor"]);
    expect([of("ripcord").isMonitor, codeOf(of("ripcord"))]).toEqual([true, "is-monitor"]);
    expect([of("hmp").isMonitor, codeOf(of("hmp"))]).toEqual(["possible", "possible-monitor"]);
    expect([of("lonely").isMonitor, codeOf(of("lonely"))]).toEqual(["possible", "possible-monitor"]);
  });

  it("knows a monitor by QEMU's command line", async () => {
    const of = await described("7.2", { commandLine: recordedVm("7.2").commandLine });
    expect([of("hmp").isMonitor, codeOf(of("hmp"))]).toEqual([true, "is-monitor"]);
    expect(of("hmp").serves.kind).toBe("monitor");
  });

  it("knows a monitor by its object from 11.1 on", async () => {
    const of = await described("11.1");
    expect(of("hmp").isMonitor).toBe(true);
    expect(of("mq").serves).toMatchObject({ kind: "monitor", how: "a monitor: QEMU lists it as object mq0 (monitor-qmp)" });
    expect(codeOf(of("lonely"))).toBe("unknown-owner");
  });

  it("allows a multiplexed console only where no monitor can share it", async () => {
    expect(codeOf((await described("7.2"))("ser1-base"))).toBe("possible-monitor");
    expect(codeOf((await described("11.1"))("ser1-base"))).toBe("yankable");
    const { commandLine } = recordedVm("7.2");
    expect(codeOf((await described("7.2", { commandLine }))("ser1-base"))).toBe("yankable");
    const shared = [...commandLine, "-mon", "chardev=ser1,mode=readline"];
    expect(codeOf((await described("7.2", { commandLine: shared }))("ser1-base"))).toBe("is-monitor");
    const hidden = [...commandLine, "-readconfig", "/etc/vm.cfg"];
    expect(codeOf((await described("7.2", { commandLine: hidden }))("ser1-base"))).toBe("possible-monitor");
  });

  it.each(["7.2", "11.1"] as const)("says what each connection of a %s serves", async (version) => {
    const of = await described(version);
    const kinds = ["qga0", "vcon", "dbg", "cli", "rngc", "mirr", "serial0", "nbd0"].map((name) => [
      name,
      of(name).serves.kind,
      codeOf(of(name)),
    ]);
    expect(kinds).toEqual([
      ["qga0", "guest-agent", "yankable"],
      ["vcon", "serial-console", "yankable"],
      ["dbg", "debug-console", "yankable"],
      ["cli", "virtio-port", "yankable"],
      ["rngc", "rng", "yankable"],
      ["mirr", "filter", "yankable"],
      ["serial0", "serial-console", "yankable"],
      ["nbd0", "guest-disk", "yankable"],
    ]);
    expect(of("nbd0").serves).toEqual({
      kind: "guest-disk",
      owner: "vda",
      how: "virtio-blk-pci vda through fmt0",
      werror: "stop",
      rerror: "report",
      isReadOnly: false,
      sizeBytes: 67_108_864,
      deviceType: "virtio-blk-pci",
      through: ["fmt0"],
    });
  });

  it("names far sides by keys that mean the same on every VM of a host, and on no other host", async () => {
    const of = await described("7.2");
    expect(of("nbd0").farSide).toMatchObject({
      key: "nbd:unix:host-a:/run/lab/nbd.sock:exp",
      text: "NBD server /run/lab/nbd.sock, export exp",
    });
    expect(of("nbd1").farSide?.key).toBe("nbd:tcp:host-a:localhost:20809:");
    expect(of("cli").farSide?.key).toBe("unix:host-a:/run/lab/peer.sock");
    expect(of("dbg").farSide?.key).toBe("listen:unix:host-a:/run/lab/dbg.sock");
  });

  it("finds an NBD node's far side on the command line where no file name was read", async () => {
    const vm = recordedVm("7.2");
    const [nbd0] = describeInstances([{ type: "block-node", "node-name": "nbd0" }], undefined, { ...context, commandLine: vm.commandLine });
    expect(nbd0).toMatchObject({
      serves: { kind: "guest-disk", owner: "vda", werror: "stop", how: expect.stringMatching(/as it was started$/) },
      connection: "unknown",
      yankable: true,
      farSide: { key: "nbd:unix:host-a:/run/lab/nbd.sock:exp" },
    });
  });

  it("tells how a chardev is connected, and whether it comes back", async () => {
    const of = await described("7.2", { commandLine: recordedVm("7.2").commandLine });
    expect(of("dbg")).toMatchObject({ connection: "listening", isServer: true });
    expect(of("cli")).toMatchObject({ isServer: false, reconnectMs: 1_000 });
    expect(of("ripcord").connection).toBe("connected");
  });

  it("keeps block nodes and the migration in reach before any topology was read, and no chardev", () => {
    const reports = describeInstances(
      [
        { type: "block-node", "node-name": "n" },
        { type: "migration" },
        { type: "chardev", id: "serial0" },
        { type: "chardev", id: "charmonitor" },
      ],
      undefined,
      context,
    );
    expect(reports.map(codeOf)).toEqual(["yankable", "yankable", "topology-unread", "is-monitor"]);
  });

  it("refuses a chardev that is younger than the reading", async () => {
    const vm = recordedVm("7.2");
    const topology = await readTopology(vm.ask, { instances: vm.instances });
    const [added] = describeInstances([{ type: "chardev", id: "added-later" }], topology, context);
    expect(codeOf(added!)).toBe("topology-unread");
  });

  it("lists an instance type that it does not know, and never yanks it", () => {
    const [report] = describeInstances([{ type: "vfio", path: "/x" }], undefined, context);
    expect(report).toMatchObject({ instance: { type: "vfio", path: "/x" }, yankable: { code: "unknown-type" } });
  });

  it("has no cord without out-of-band commands while the main loop is stuck", () => {
    const stuck = { ...context, hasOob: false, isMainLoopAnswering: false };
    const [node] = describeInstances([{ type: "block-node", "node-name": "n" }], undefined, stuck);
    expect(codeOf(node!)).toBe("no-cord");
    const [well] = describeInstances([{ type: "block-node", "node-name": "n" }], undefined, { ...stuck, isMainLoopAnswering: true });
    expect(codeOf(well!)).toBe("yankable");
  });

  it("says what a job's nodes are for, the guest's disk first", () => {
    const topology: Topology = {
      chardevs: new Map(),
      owners: new Map(),
      areMonitorsObjects: false,
      blockNodes: new Map([
        ["t", { jobs: [{ jobId: "bak", role: "target", type: "backup" }] }],
        ["s", { jobs: [{ jobId: "bak", role: "source" }], disk: { device: "vda", type: "scsi-hd", through: [] } }],
      ]),
    };
    const [target, source] = describeInstances(
      [
        { type: "block-node", "node-name": "t" },
        { type: "block-node", "node-name": "s" },
      ],
      topology,
      context,
    );
    expect(target?.serves).toMatchObject({ kind: "job-target", owner: "bak", how: "target of backup job bak", jobType: "backup" });
    expect(source?.serves).toMatchObject({ kind: "guest-disk", how: "scsi-hd vda; also source of block job bak" });
  });
});

describe("what the migration instance is", () => {
  const migration = (more: Partial<MigrationReport>): MigrationReport => ({
    direction: "outgoing",
    status: "active",
    startId: "1",
    sampleAgeMs: 100,
    ...more,
  });
  const of = (more: Partial<MigrationReport>) =>
    describeInstances([{ type: "migration" }], undefined, { ...context, migration: migration(more) })[0]!;

  it("serves its direction and leads to its uri", () => {
    expect(of({ uri: "tcp:10.0.0.2:4444" })).toMatchObject({
      serves: { kind: "migration-out" },
      farSide: { key: "tcp:10.0.0.2:4444" },
      connection: "connected",
      yankable: true,
    });
    expect(of({ direction: "incoming" }).serves.kind).toBe("migration-in");
  });

  it("refuses what has no connection to cut", () => {
    expect(codeOf(of({ uri: "exec:cat" }))).toBe("nothing-connected");
    expect(codeOf(of({ status: "setup" }))).toBe("nothing-connected");
    expect(codeOf(of({ status: "postcopy-paused" }))).toBe("nothing-connected");
  });

  it("does not refuse for a status that is old", () => {
    expect(codeOf(of({ status: "setup", sampleAgeMs: 10_000 }))).toBe("yankable");
  });
});

describe("who launched a VM", () => {
  const by = (...ids: string[]) =>
    guessLauncher(
      ids.map((id) => ({ type: "chardev", id })),
      false,
    );
  it("is told by the ids of the launchers' own monitors", () => {
    expect([by("charmonitor", "ripcord"), by("qmp", "qmp-event"), by("monitor"), by("qmp"), by()]).toEqual([
      "libvirt",
      "proxmox",
      "incus",
      "plain",
      "plain",
    ]);
    expect(guessLauncher([{ type: "chardev", id: "charmonitor" }], true)).toBe("simulated");
  });
});
