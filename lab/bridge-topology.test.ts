import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { instanceName } from "#lib/vm/instance";
import type { InstanceReport } from "#lib/vm/instance";
import type { VmReport } from "#lib/vm/report";
import { openLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { LabProcess } from "./lab-process.ts";
import { startLinkHub } from "./testing/link-hub.ts";
import type { LinkHub } from "./testing/link-hub.ts";
import { describeWithQemu } from "./testing/needs-qemu.ts";
import { socketChardev } from "./vm-arguments.ts";
import { LabVm } from "./vm.ts";
import { waitFor } from "./wait-for.ts";

const run = promisify(execFile);
// As a process, the way it runs in production: nothing of the lab may import the bridge.
const MAIN = join(import.meta.dirname, "../server/main.ts");
const SIZE_BYTES = 64 * 1024 * 1024;

await describeWithQemu("the bridge says what everything serves", (qemu) => {
  const root = mkdtempSync(join(tmpdir(), "lab-topology-"));
  const path = (name: string) => join(root, name);
  let lab: Lab;
  let vm: LabVm;
  let bridge: ChildProcess;
  let hub: LinkHub;

  beforeAll(async () => {
    const { imgBinary, nbdBinary } = qemu;
    if (imgBinary === undefined || nbdBinary === undefined) throw new Error("QEMU's block tools are missing");
    mkdirSync(path("m"));
    lab = await openLab({ directory: path("l"), monitorsDirectory: path("m"), qemu });
    // A qcow2 image with a bitmap is what QEMU reads when it is asked to describe its nodes.
    await run(imgBinary, ["create", "-q", "-f", "qcow2", path("a.qcow2"), String(SIZE_BYTES)]);
    await run(imgBinary, ["bitmap", "--add", path("a.qcow2"), "b0"]);
    for (const name of ["plain.img", "target.img"]) await run(imgBinary, ["create", "-q", "-f", "raw", path(name), String(SIZE_BYTES)]);
    for (const [name, image] of [
      ["q", "a.qcow2"],
      ["p", "plain.img"],
      ["t", "target.img"],
    ] as const) {
      const server = await LabProcess.start(lab.processes, {
        what: `NBD server of ${image}`,
        command: nbdBinary,
        args: ["-f", "raw", "-k", path(`${name}.nbd`), "-x", "e", "-t", "-e", "8", path(image)],
      });
      await waitFor("the NBD server to listen", () => (server.outputTail === "" && existsSocket(path(`${name}.nbd`)) ? true : undefined));
    }
    vm = await LabVm.start(lab, {
      name: "shapes",
      devices: [
        ...["-object", "throttle-group,id=tg0"],
        ...["-blockdev", `driver=nbd,node-name=nbdq,server.type=unix,server.path=${path("q.nbd")},export=e,reconnect-delay=7`],
        ...["-blockdev", "driver=qcow2,node-name=fmtq,file=nbdq"],
        ...["-blockdev", "driver=throttle,node-name=thr0,throttle-group=tg0,file=fmtq"],
        ...["-device", "virtio-blk-pci,drive=thr0,id=vda,werror=stop"],
        ...["-drive", `if=none,id=drv0,format=raw,werror=stop,file=nbd:unix:${path("p.nbd")}:exportname=e`],
        ...["-device", "virtio-scsi-pci,id=scsi0", "-device", "scsi-hd,drive=drv0,id=sd0"],
        ...["-device", "virtio-serial-pci", ...socketChardev("agent", path("agent.sock"))],
        ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0,id=ga"],
        ...[...socketChardev("console", path("console.sock")), "-device", "virtconsole,chardev=console,id=con0"],
        ...["-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0", ...socketChardev("mirror", path("mirror.sock"))],
        ...["-object", "filter-mirror,id=filter0,netdev=net0,queue=tx,outdev=mirror"],
      ],
    });
    writeFileSync(path("ripcord.yaml"), `bridge:\n  monitors:\n    - path: ${path("m")}/*.sock\n`);
    hub = await startLinkHub();
    const args = [MAIN, "bridge", "--config", path("ripcord.yaml"), "--data-dir", path("d"), "--hub-url", hub.url];
    bridge = spawn(process.execPath, args, { stdio: "ignore" });
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => bridge.once("close", resolve));
    bridge.kill("SIGTERM");
    await ended;
    await hub.kill();
    await vm.close();
    await lab.close();
    rmSync(root, { recursive: true, force: true });
  });

  async function shown(isAsWanted: (report: VmReport) => boolean): Promise<(name: string) => InstanceReport | undefined> {
    const report = await waitFor("the bridge to tell", () => [...hub.vms.values()].find(isAsWanted));
    return (name) => report.instances.find(({ instance }) => instanceName(instance) === name);
  }

  test("disks through throttle and qcow2 and of a drive, agent, console and filter, with what an error would do", async () => {
    // QEMU's command line is read beside the first look at the topology; both together tell where a drive's node leads.
    const isDriveRead = ({ serves, farSide }: InstanceReport) => serves.owner === "sd0" && farSide !== undefined;
    const of = await shown((report) => report.instances.some(isDriveRead));
    expect(of("nbdq")).toMatchObject({
      serves: {
        kind: "guest-disk",
        owner: "vda",
        deviceType: "virtio-blk-pci",
        through: ["fmtq", "thr0"],
        werror: "stop",
        rerror: "report",
      },
      farSide: { text: `NBD server ${path("q.nbd")}, export e` },
      yankable: true,
    });
    const drive = [...hub.vms.values()][0]?.instances.find(({ serves }) => serves.owner === "sd0");
    expect(drive).toMatchObject({
      serves: { kind: "guest-disk", deviceType: "scsi-hd", werror: "stop", rerror: "report" },
      farSide: { text: `NBD server ${path("p.nbd")}, export e` },
    });
    expect(of("agent")?.serves).toMatchObject({ kind: "guest-agent", owner: "ga", portName: "org.qemu.guest_agent.0" });
    expect(of("console")?.serves).toMatchObject({ kind: "serial-console", owner: "con0", deviceType: "virtconsole" });
    expect(of("mirror")?.serves).toMatchObject({ kind: "filter", owner: "filter0", deviceType: "filter-mirror" });
    expect(of("ripcord")).toMatchObject({ isMonitor: true, yankable: { code: "is-monitor" } });
    expect(of("labmon")).toMatchObject({ isMonitor: true, yankable: { code: "is-monitor" } });
  });

  test("a mirror's target, once the job runs, and its source beside the disk", async () => {
    const server = { type: "unix", path: path("t.nbd") };
    await vm.raw.execute("blockdev-add", { driver: "nbd", "node-name": "target0", server, export: "e" });
    await vm.raw.execute("blockdev-mirror", { "job-id": "mir0", device: "thr0", target: "target0", sync: "full" });
    const of = await shown((report) => report.instances.some(({ serves }) => serves.kind === "job-target"));
    expect(of("target0")?.serves).toMatchObject({ kind: "job-target", owner: "mir0", jobType: "mirror" });
    expect(of("nbdq")?.serves.how).toMatch(/; also source of mirror job mir0$/);
  });

  test("nothing, and then the device that is plugged in after its node, of which no event tells", async () => {
    const server = { type: "unix", path: path("t.nbd") };
    await vm.raw.execute("blockdev-add", { driver: "nbd", "node-name": "spare0", server, export: "e" });
    const named = (report: VmReport) => report.instances.find(({ instance }) => instanceName(instance) === "spare0");
    await shown((report) => named(report)?.serves.kind === "nothing");
    await vm.raw.execute("device_add", { driver: "virtio-blk-pci", drive: "spare0", id: "vdz", "share-rw": true });
    const of = await shown((report) => named(report)?.serves.kind === "guest-disk");
    expect(of("spare0")?.serves).toMatchObject({ owner: "vdz", deviceType: "virtio-blk-pci" });
  });

  test("no size of a qcow2 image that nobody uses, because reading it could hang the VM", async () => {
    const { instances } = await waitFor("a report", () => [...hub.vms.values()][0]);
    expect(instances.filter(({ serves }) => serves.sizeBytes !== undefined)).toEqual([]);
    expect(await vm.isHung()).toBe(false);
  });
});

function existsSocket(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isSocket() === true;
}
