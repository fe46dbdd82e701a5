import { expect, onTestFinished, test } from "vitest";
import { describePeers, startVm } from "./peers.ts";
import { RawMonitor } from "./raw-monitor.ts";

interface Entity {
  name: string;
  "meta-type": string;
  "arg-type"?: string;
  "ret-type"?: string;
  "element-type"?: string;
  "allow-oob"?: boolean;
  features?: string[];
  members?: { name: string; type?: string }[];
  tag?: string;
  variants?: { case: string; type: string }[];
}

/** What a diagnosis may ask; a QEMU that lacks one of them says so here, before it is asked. */
const ASKED = [
  "query-status",
  "query-migrate",
  "query-chardev",
  "query-blockstats",
  "query-block",
  "query-named-block-nodes",
  "query-block-jobs",
  "query-jobs",
  "query-colo-status",
  "query-cpus-fast",
  "query-iothreads",
  "x-debug-query-block-graph",
  "x-query-virtio",
  "x-query-virtio-queue-status",
  "qom-list",
  "qom-get",
  "migrate_cancel",
];

describePeers("query-qmp-schema", (peer) => {
  test("tells the commands, which of them are out-of-band, and the kinds of yank instance", async () => {
    const vm = await startVm(peer, { nbd: false, serial: false });
    const monitor = await RawMonitor.open(vm.monitorPath);
    onTestFinished(() => monitor.close());
    const schema = (await monitor.ask({ execute: "query-qmp-schema" }))["return"] as Entity[];
    const commands = schema.filter((entity) => entity["meta-type"] === "command");
    const types = new Map(
      schema.filter((entity) => !["command", "event"].includes(entity["meta-type"])).map((entity) => [entity.name, entity]),
    );
    const type = (name: string | undefined) => types.get(name ?? "");
    const command = (name: string) => commands.find((entity) => entity.name === name);
    expect(commands.map(({ name }) => name)).toEqual(expect.arrayContaining(ASKED));
    const oob = commands.filter((entity) => entity["allow-oob"]).map(({ name }) => name);
    expect(oob.toSorted()).toEqual(["migrate-pause", "migrate-recover", "query-yank", "yank"]);
    expect(command("x-query-virtio-queue-status")?.features).toContain("unstable");
    const dangling = commands.flatMap((entity) => [entity["arg-type"], entity["ret-type"]]).filter((name) => type(name) === undefined);
    expect(dangling).toEqual([]);

    const list = type(type(command("yank")?.["arg-type"])?.members?.[0]?.type);
    const instance = type(list?.["element-type"]);
    expect(instance?.tag).toBe("type");
    const kinds = type(instance?.members?.find(({ name }) => name === "type")?.type);
    expect(kinds?.members?.map(({ name }) => name).toSorted()).toEqual(["block-node", "chardev", "migration"]);
    const membersOf = (kind: string) =>
      type(instance?.variants?.find((variant) => variant.case === kind)?.type)?.members?.map(({ name }) => name);
    expect([membersOf("block-node"), membersOf("chardev")]).toEqual([["node-name"], ["id"]]);
    const events = schema.filter((entity) => entity["meta-type"] === "event").map(({ name }) => name);
    expect(events).toEqual(
      expect.arrayContaining(["STOP", "RESUME", "BLOCK_IO_ERROR", "JOB_STATUS_CHANGE", "BLOCK_JOB_READY", "COLO_EXIT", "MIGRATION"]),
    );
  });
});
