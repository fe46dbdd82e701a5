import { describe, expect, test } from "vitest";
import { guestDisk, migrationInstance, monitorChardev, serialConsole } from "../../tests/support/vm-report.ts";
import type { InstanceView } from "../api/vm.ts";
import type { SuspicionScore } from "../diagnosis/suspicion.ts";
import type { InstanceReport } from "../vm/instance.ts";
import type { Verdict } from "../health/verdict.ts";
import { conditionOf } from "./condition.ts";
import type { ConditionSource } from "./condition.ts";

const UUID = "0b0f1c1e-0000-4000-8000-000000000001";

function vm(verdict: Verdict, instances: [InstanceReport, SuspicionScore][], overrides: Partial<ConditionSource> = {}): ConditionSource {
  const views = instances.map(([instance, score]): InstanceView => {
    const { clues, waitLeftMs, sockets, ...rest } = instance;
    void [clues, waitLeftMs];
    return {
      ...rest,
      clues: [],
      suspicion: { score, reasons: ["measured"] },
      ...(sockets ? { sockets: sockets as InstanceView["sockets"] } : {}),
    };
  });
  const health = { ...verdict, sinceAtMs: 1_000, readingAtMs: 2_000 };
  return { vmId: "aaaaaa", name: "db", bridgeId: "b1", host: "host-1", health, instances: views, uuid: UUID, ...overrides };
}

const HUNG: Verdict = { kind: "main-loop-hung", cord: "in-reach" };
const leads = (source: ConditionSource) => conditionOf(source).leads.map(({ weight, key }) => `${weight} ${key}`);
const disk = (server: string, exportName = "e", node = "nbd0") =>
  guestDisk({
    instance: { type: "block-node", "node-name": node },
    farSide: {
      key: `nbd:${server}:${exportName}`,
      text: `NBD server ${server}, export ${exportName}`,
      server: { key: `nbd:${server}`, text: `NBD server ${server}` },
    },
  });

describe("the leads of a VM in trouble", () => {
  test.each<[string, ConditionSource, string[]]>([
    [
      "lead by proof to the server behind the suspect, and nowhere else",
      vm(HUNG, [
        [disk("x"), "likely"],
        [disk("y", "e", "nbd1"), "possible"],
      ]),
      ["alone nbd:x"],
    ],
    [
      "of two equal suspects on one server too",
      vm(HUNG, [
        [disk("x"), "likely"],
        [disk("x", "f", "nbd1"), "likely"],
      ]),
      ["alone nbd:x"],
    ],
    [
      "on two servers neither is proof",
      vm(HUNG, [
        [disk("x"), "likely"],
        [disk("y", "e", "nbd1"), "likely"],
      ]),
      ["shared nbd:x", "shared nbd:y"],
    ],
    [
      "the better of two decides",
      vm(HUNG, [
        [disk("x"), "likely"],
        [disk("y", "e", "nbd1"), "almost-certainly"],
      ]),
      ["alone nbd:y"],
    ],
    [
      "without a suspect all may be, the possible ones first",
      vm(HUNG, [
        [disk("x"), "cannot-tell"],
        [disk("y", "e", "nbd1"), "possible"],
      ]),
      ["shared nbd:y", "shared nbd:x"],
    ],
    [
      "not what is not involved, nor a monitor, nor where the VM itself listens",
      vm(HUNG, [
        [disk("x"), "not-involved"],
        [monitorChardev({ farSide: { key: "unix:/m", text: "/m" } }), "cannot-tell"],
        [serialConsole({ farSide: { key: "listen:unix:b1:/run/s", text: "whoever connects to /run/s" } }), "possible"],
      ]),
      [],
    ],
    [
      "none where the guest itself has panicked",
      vm({ kind: "guest-stopped", runState: "guest-panicked" }, [[disk("x"), "cannot-tell"]]),
      [],
    ],
    [
      "but where it stopped for an I/O error",
      vm({ kind: "guest-stopped", runState: "io-error" }, [[disk("x"), "cannot-tell"]]),
      ["shared nbd:x"],
    ],
    [
      "the host, where the process is stopped",
      vm({ kind: "silent", reason: "stopped" }, [[disk("x"), "cannot-tell"]]),
      ["shared host:b1:stopped"],
    ],
    [
      "the host, where processes are gone or cannot be reached",
      vm({ kind: "unreachable", reason: "process-gone" }, []),
      ["shared host:b1:gone"],
    ],
  ])("%s", (_, source, expected) => {
    expect(leads(source)).toEqual(expected);
  });

  test("a process that waits inside the kernel is the host's, though its monitor still answers", () => {
    const process = { pid: 1, condition: "uninterruptible" as const, text: "", threads: [], atMs: 1 };
    expect(leads(vm(HUNG, [], { process }))).toEqual(["shared host:b1:uninterruptible"]);
  });

  test("of a migration: where it goes, and what both sides have", () => {
    const socket = { transport: "tcp" as const, state: "ESTAB", local: "10.0.0.3:40000", peer: "10.0.0.4:49152" };
    const migration = { direction: "outgoing", status: "active", startId: "m", sampleAtMs: 1 } as const;
    const instance = migrationInstance({ farSide: { key: "tcp:10.0.0.4:49152", text: "tcp:10.0.0.4:49152" }, sockets: [socket] });
    const source = vm({ kind: "migration-stalled", migrationStatus: "active" }, [[instance, "likely"]], { migration });
    expect(leads(source)).toEqual([
      "alone migration:to:10.0.0.4",
      `paired migration:vm:${UUID}`,
      "paired migration:through:tcp:10.0.0.4:49152",
      "paired migration:connection:10.0.0.3:40000|10.0.0.4:49152",
    ]);
    const incoming = { ...migration, direction: "incoming" } as const;
    const far = migrationInstance({ serves: { kind: "migration-in" }, sockets: [{ ...socket, local: socket.peer, peer: socket.local }] });
    const destination = vm(HUNG, [[{ ...far, farSide: undefined }, "possible"]], { migration: incoming });
    expect(leads(destination)).toEqual([`paired migration:vm:${UUID}`, "paired migration:connection:10.0.0.3:40000|10.0.0.4:49152"]);
    expect(leads(vm(HUNG, [[instance, "possible"]], { migration: { ...migration, status: "completed" } }))).toEqual([]);
  });

  test("a VM that is well, slow or not known has none", () => {
    const of = (verdict: Verdict) => conditionOf(vm(verdict, [[disk("x"), "cannot-tell"]]));
    expect(of({ kind: "healthy" })).toMatchObject({ standing: "well", leads: [] });
    expect(of({ kind: "slow" })).toMatchObject({ standing: "well", leads: [] });
    expect(of({ kind: "unknown", reason: "bridge-lost" })).toMatchObject({ standing: "not-known", leads: [] });
    expect(of({ kind: "monitor-busy" })).toMatchObject({ standing: "not-known", leads: [] });
  });
});
