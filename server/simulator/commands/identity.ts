import { bool, int, listOf, str, struct, any } from "../qapi-type.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { WireObject } from "../wire-value.ts";
import { returns, type SimulatedCommand } from "./command.ts";

const ZERO_UUID = "00000000-0000-0000-0000-000000000000";
/** Thread ids are counted up from here; they belong to no process. */
const FIRST_THREAD_ID = 4_194_304;
const VERSION = struct({ qemu: struct({ major: int, minor: int, micro: int }), package: str });

/** Who the VM is and what it is made of. @see QEMU qapi/machine.json, qapi/misc.json, qapi/char.json */
export const IDENTITY_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-name",
    returns: struct({ "*name": str }),
    run: ({ machine }) => returns({ name: machine.options.name }),
  },
  {
    name: "query-uuid",
    returns: struct({ UUID: str }),
    run: ({ machine }) => returns({ UUID: machine.options.uuid ?? ZERO_UUID }),
  },
  {
    name: "query-version",
    returns: VERSION,
    run: ({ machine }) => returns({ qemu: { ...machine.core.traits.qemu }, package: machine.core.traits.package }),
  },
  {
    name: "query-chardev",
    returns: listOf(struct({ label: str, filename: str, "frontend-open": bool })),
    run: ({ machine }) => {
      const monitors = machine.monitors.map((monitor): WireObject => {
        const { path } = monitor.options;
        const address = path !== undefined ? `unix:${path}` : `tcp:127.0.0.1:${monitor.tcpPort ?? 0}`;
        return { "frontend-open": true, filename: `${monitor.isConnected ? "" : "disconnected:"}${address},server=on`, label: monitor.id };
      });
      const others = machine.chardevs.all.map((chardev): WireObject => {
        return { "frontend-open": true, filename: machine.chardevs.filename(chardev), label: chardev.id };
      });
      return returns([...others, ...monitors]);
    },
  },
  {
    name: "query-iothreads",
    returns: listOf(
      struct({
        id: str,
        "thread-id": int,
        "poll-max-ns": int,
        "poll-grow": int,
        "poll-shrink": int,
        "*poll-weight": int,
        "aio-max-batch": int,
      }),
    ),
    run: ({ machine }) => {
      const iothreads = machine.options.objects?.filter((object) => object.type === "iothread") ?? [];
      return returns(
        iothreads.map(({ id }, index) => ({
          "poll-shrink": isNew(machine) ? 2 : 0,
          "thread-id": FIRST_THREAD_ID + 1 + index,
          "poll-weight": isNew(machine) ? 3 : undefined,
          "aio-max-batch": 0,
          "poll-grow": isNew(machine) ? 2 : 0,
          "poll-max-ns": 32_768,
          id,
        })),
      );
    },
  },
  {
    name: "query-cpus-fast",
    returns: listOf(struct({ "cpu-index": int, "*qom-type": str, "qom-path": str, "thread-id": int, "*props": any, target: str })),
    run: ({ machine }) =>
      returns(
        Array.from({ length: machine.options.vcpus ?? 1 }, (_, index) => ({
          "thread-id": FIRST_THREAD_ID + 100 + index,
          "qom-type": isNew(machine) ? "qemu64-x86_64-cpu" : undefined,
          props: { "core-id": 0, "thread-id": 0, "socket-id": index },
          "qom-path": `/machine/unattached/device[${index}]`,
          "cpu-index": index,
          target: "x86_64",
        })),
      ),
  },
];

function isNew(machine: SimulatedMachine): boolean {
  return machine.core.traits.hasNewMigration;
}
