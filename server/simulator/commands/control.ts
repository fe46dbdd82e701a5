import { knownYankInstanceSchema, type KnownYankInstance } from "../../../lib/qapi/yank.ts";
import { enumOf, listOf, str, struct, type QapiStruct } from "../qapi-type.ts";
import type { WireValue } from "../wire-value.ts";
import { done, fails, returns, type SimulatedCommand } from "./command.ts";

const YANK_INSTANCE: QapiStruct = {
  ...struct({ type: enumOf(["block-node", "chardev", "migration"]) }),
  tag: "type",
  variants: { "block-node": struct({ "node-name": str }), chardev: struct({ id: str }), migration: struct({}) },
};

/** The handshake and the two commands this is all about. @see QEMU qapi/control.json, qapi/yank.json */
export const CONTROL_COMMANDS: SimulatedCommand[] = [
  {
    name: "qmp_capabilities",
    arguments: struct({ "*enable": listOf(enumOf(["oob"])) }),
    // The session answers it itself: it is the session's state that changes.
    run: () => done(),
  },
  {
    name: "query-yank",
    returns: listOf(YANK_INSTANCE),
    allowOob: true,
    run: ({ machine }) => returns(machine.core.yanks.list()),
  },
  {
    name: "yank",
    arguments: struct({ instances: listOf(YANK_INSTANCE) }),
    allowOob: true,
    run: ({ machine, lane, monitorId }, args) =>
      machine.yank(instancesOf(args.instances), { lane, monitorId }) ? done() : fails("Instance not found", "DeviceNotFound"),
  },
];

function instancesOf(value: WireValue | undefined): KnownYankInstance[] {
  // Unlike QEMU, the schema of `lib` wants names that are not empty; one that is could never be found anyway.
  const instances: KnownYankInstance[] = [];
  for (const item of Array.isArray(value) ? value : []) {
    const known = knownYankInstanceSchema.safeParse(item);
    instances.push(known.success ? known.data : { type: "chardev", id: "" });
  }
  return instances;
}
