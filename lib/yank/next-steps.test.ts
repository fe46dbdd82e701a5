import { describe, expect, test } from "vitest";
import { guestDisk, migrationInstance, serialConsole, vmReport } from "../../tests/support/vm-report.ts";
import type { KnownYankInstance } from "../qapi/yank.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { MigrationReport, VmReport } from "../vm/report.ts";
import type { ActTarget, ActVerdict, NextStep } from "./act.ts";
import { nextSteps } from "./next-steps.ts";

const NBD: KnownYankInstance = { type: "block-node", "node-name": "nbd0" };
const SERIAL: KnownYankInstance = { type: "chardev", id: "ser0" };
const MIGRATION: KnownYankInstance = { type: "migration" };

function target(verdict: ActVerdict, instances: KnownYankInstance[] = [NBD], overrides: Partial<ActTarget> = {}): ActTarget {
  return {
    vmId: "vm0001",
    vmName: "db-07",
    host: "kvm-03",
    bridgeId: "b1",
    instances,
    command: {},
    lane: "oob",
    state: "accepted",
    verdict,
    aftermath: [],
    isFinal: true,
    ...overrides,
  };
}

const disk = (overrides: Partial<InstanceReport["serves"]> = {}, farSide: Partial<InstanceReport["farSide"]> = {}) =>
  guestDisk({
    serves: { kind: "guest-disk", owner: "vda", through: ["fmt0"], throughDrivers: ["qcow2"], sizeBytes: 1_073_741_824, ...overrides },
    farSide: {
      key: "nbd:tcp:10.0.0.9:10809:exp",
      text: "NBD server 10.0.0.9:10809, export exp",
      nbd: { host: "10.0.0.9", port: "10809", exportName: "exp" },
      ...farSide,
    },
  });

function after(instance: InstanceReport, verdict: ActVerdict = "recovered", overrides: Partial<VmReport> = {}): NextStep[] {
  const named = instance.instance as KnownYankInstance;
  return nextSteps("yank", target(verdict, [named]), vmReport({ vmId: "vm0001", instances: [instance], ...overrides }));
}

const commandsOf = (steps: NextStep[]) => steps.flatMap(({ commands }) => commands ?? []);

describe("after a guest's NBD node was cut", () => {
  test("the commands replace it, with the names and the address of this VM", () => {
    expect(commandsOf(after(disk()))).toEqual([
      '{"execute":"stop"}',
      '{"execute":"blockdev-add","arguments":{"driver":"null-co","node-name":"ripcord-spare","size":1073741824}}',
      '{"execute":"qom-set","arguments":{"path":"/machine/peripheral/vda","property":"drive","value":"ripcord-spare"}}',
      '{"execute":"blockdev-del","arguments":{"node-name":"fmt0"}}',
      '{"execute":"blockdev-del","arguments":{"node-name":"nbd0"}}',
      '{"execute":"blockdev-add","arguments":{"driver":"nbd","node-name":"nbd0","server":{"type":"inet","host":"10.0.0.9","port":"10809"},"export":"exp"}}',
      '{"execute":"blockdev-add","arguments":{"driver":"qcow2","node-name":"fmt0","file":"nbd0"}}',
      '{"execute":"qom-set","arguments":{"path":"/machine/peripheral/vda","property":"drive","value":"fmt0"}}',
      '{"execute":"blockdev-del","arguments":{"node-name":"ripcord-spare"}}',
      '{"execute":"cont"}',
    ]);
  });

  test("what was not read is left to be filled in, so that QEMU refuses it as it stands", () => {
    const commands = commandsOf(after(disk({ throughDrivers: undefined, sizeBytes: undefined }, { nbd: undefined }))).join("\n");
    for (const gap of ['"size":"SIZE-IN-BYTES"', '"driver":"RAW-OR-QCOW2"', '"host":"HOST","port":"PORT"']) expect(commands).toContain(gap);
  });

  test("a node without a format above it is replaced alone, a path and a name of any kind escaped", () => {
    const nbd = { path: '/run/a\u202e"b.sock', exportName: "" };
    const commands = commandsOf(after(disk({ through: [], owner: "/machine/peripheral-anon/device[1]" }, { nbd })));
    expect(commands).toHaveLength(8);
    expect(commands.join("\n")).toContain(String.raw`"server":{"type":"unix","path":"/run/a\u202e\"b.sock"}`);
    expect(commands.join("\n")).toContain('"path":"/machine/peripheral-anon/device[1]"');
  });

  test("no commands are offered through more nodes than one: nobody knows what they were", () => {
    expect(commandsOf(after(disk({ through: ["throttle0", "fmt0"] })))).toEqual([]);
  });

  test("a guest that is paused by the error is said to go on then", () => {
    const steps = after(disk(), "took-effect", { runState: { value: "io-error", ageMs: 10, isLastKnown: false } });
    expect(steps.map(({ text }) => text).join(" ")).toContain("the guest, which is paused by the I/O error, then goes on");
  });
});

describe("after a chardev was cut", () => {
  test("a server waits for a reader, a client with reconnect comes by itself", () => {
    expect(after(serialConsole())).toEqual([
      { text: "connect to serial console isa-serial again, with a reader that reads: ser0 listens" },
    ]);
    expect(after(serialConsole({ isServer: false, reconnectMs: 1_000 }))[0]?.text).toContain("hangs again where it does not");
  });

  test("a client without reconnect is connected again with a command", () => {
    const farSide = { key: "tcp:10.0.0.5:7000", text: "10.0.0.5:7000" };
    expect(commandsOf(after(serialConsole({ isServer: false, reconnectMs: 0, farSide })))).toEqual([
      '{"execute":"chardev-change","arguments":{"id":"ser0","backend":{"type":"socket","data":{"addr":{"type":"inet","data":{"host":"10.0.0.5","port":"7000"}},"server":false}}}}',
    ]);
  });

  test("one that hangs again is taken off its far side after the next yank", () => {
    const steps = nextSteps("yank", target("rehung", [SERIAL]), vmReport({ vmId: "vm0001", instances: [serialConsole()] }));
    expect(commandsOf(steps)).toContain('{"execute":"chardev-change","arguments":{"id":"ser0","backend":{"type":"null","data":{}}}}');
  });
});

describe("after a migration was cut", () => {
  const migration = (overrides: Partial<MigrationReport>): MigrationReport => ({
    direction: "outgoing",
    status: "failed",
    startId: "m1",
    sampleAgeMs: 10,
    uri: "tcp:10.0.0.4:4444",
    ...overrides,
  });
  const steps = (overrides: Partial<MigrationReport>) =>
    nextSteps(
      "yank",
      target("recovered", [MIGRATION]),
      vmReport({ vmId: "vm0001", instances: [migrationInstance()], migration: migration(overrides) }),
    );

  test("it is started again", () => {
    expect(commandsOf(steps({}))).toEqual(['{"execute":"migrate","arguments":{"uri":"tcp:10.0.0.4:4444"}}']);
  });

  test("a paused postcopy is recovered on both sides, and its source is never restarted", () => {
    const [step] = steps({ status: "postcopy-paused" });
    expect(step?.text).toContain("never restart the source");
    expect(step?.commands).toHaveLength(2);
  });

  test("a migration in pre-switchover is told to go on, so that it fails", () => {
    expect(commandsOf(steps({ status: "pre-switchover" }))).toEqual([
      '{"execute":"migrate-continue","arguments":{"state":"pre-switchover"}}',
    ]);
  });
});

describe("after anything else", () => {
  test("what was not sent, or is not known, is looked at first", () => {
    expect(nextSteps("yank", target("none", [NBD], { state: "skipped" }), undefined)[0]?.text).toContain("nothing was sent");
    expect(nextSteps("yank", target("none", [NBD], { state: "refused" }), undefined)[0]?.text).toContain("nothing was cut");
    expect(nextSteps("yank", target("unknown"), undefined)[0]?.text).toContain("not sent again");
    expect(nextSteps("yank", target("pending"), undefined)).toEqual([]);
  });

  test("without an effect what helps instead is said, and not the same yank again", () => {
    const instance = guestDisk({ connection: "reconnecting", clues: [{ code: "being-connected", text: "waits", ageMs: 10 }] });
    const verdict = { kind: "main-loop-hung" as const, cord: "in-reach" as const };
    const steps = after(instance, "no-visible-effect", { health: { verdict, sinceAgeMs: 20_000, readingAgeMs: 10, evidence: [] } });
    expect(steps.map(({ text }) => text).join(" ")).toContain("wait: nbd0 connects again");
    expect(steps.some(({ text }) => text.startsWith("yank"))).toBe(false);
  });

  test("a process that ended needs nothing, and one that is gone a new start", () => {
    expect(nextSteps("yank", target("recovered", [NBD], { recoveredParts: ["process-ended"] }), undefined)[0]?.text).toMatch(/^nothing/);
    expect(nextSteps("yank", target("worse"), undefined)[0]?.text).toContain("start the VM again");
  });
});
