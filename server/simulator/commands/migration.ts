import { MIGRATION_STATUSES } from "../../../lib/qapi/migration.ts";
import { any, bool, enumOf, int, listOf, str, struct } from "../qapi-type.ts";
import { isWireObject } from "../wire-value.ts";
import type { CommandOutcome } from "../main-loop.ts";
import { done, fails, returns, type SimulatedCommand } from "./command.ts";

const CAPABILITIES = [
  "xbzrle",
  "rdma-pin-all",
  "auto-converge",
  "zero-blocks",
  "events",
  "postcopy-ram",
  "x-colo",
  "release-ram",
  "return-path",
  "pause-before-switchover",
  "multifd",
  "dirty-bitmaps",
  "postcopy-blocktime",
  "late-block-activate",
  "x-ignore-shared",
  "validate-uuid",
  "background-snapshot",
  "zero-copy-send",
  "postcopy-preempt",
];

/** The numbers that the simulator knows, with QEMU's defaults: bytes per second and ms. */
const PARAMETERS: Readonly<Record<string, number>> = {
  "announce-initial": 50,
  "announce-max": 550,
  "announce-rounds": 5,
  "announce-step": 100,
  "cpu-throttle-increment": 10,
  "cpu-throttle-initial": 20,
  "downtime-limit": 300,
  "max-bandwidth": 134_217_728,
  "max-cpu-throttle": 99,
  "max-postcopy-bandwidth": 0,
  "multifd-channels": 2,
  "throttle-trigger-threshold": 50,
  "xbzrle-cache-size": 67_108_864,
};

const PARAMETER_MEMBERS = struct(Object.fromEntries(Object.keys(PARAMETERS).map((name) => [`*${name}`, int])));
const COLO_MODE = enumOf(["none", "primary", "secondary"]);
const CAPABILITY_LIST = listOf(struct({ capability: enumOf(CAPABILITIES), state: bool }));

/** @see QEMU qapi/migration.json */
export const MIGRATION_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-migrate",
    returns: struct({
      "*status": enumOf(MIGRATION_STATUSES),
      "*ram": any,
      "*remaining": int,
      "*total-time": int,
      "*setup-time": int,
      "*expected-downtime": int,
      "*downtime": int,
      "*error-desc": str,
      "*socket-address": listOf(any),
    }),
    run: ({ machine }) => returns(machine.migration.info()),
  },
  {
    name: "query-migrate-capabilities",
    returns: CAPABILITY_LIST,
    run: ({ machine }) =>
      returns(CAPABILITIES.map((capability) => ({ state: machine.migration.capabilities.get(capability) ?? false, capability }))),
  },
  {
    name: "migrate-set-capabilities",
    arguments: struct({ capabilities: CAPABILITY_LIST }),
    run: ({ machine }, args) => {
      if (machine.migration.isUnderWay) return fails("There's a migration process in progress");
      for (const item of Array.isArray(args.capabilities) ? args.capabilities : []) {
        if (isWireObject(item)) machine.migration.capabilities.set(String(item.capability), item.state === true);
      }
      return done();
    },
  },
  {
    name: "query-migrate-parameters",
    returns: PARAMETER_MEMBERS,
    run: ({ machine }) => returns({ ...PARAMETERS, ...Object.fromEntries(machine.migration.parameters) }),
  },
  {
    name: "migrate-set-parameters",
    arguments: PARAMETER_MEMBERS,
    run: ({ machine }, args) => {
      for (const [name, value] of Object.entries(args)) machine.migration.parameters.set(name, Number(value));
      return done();
    },
  },
  {
    name: "migrate",
    arguments: struct({ uri: str, "*blk": bool, "*inc": bool, "*detach": bool, "*resume": bool }),
    run: ({ machine }, args) => {
      const uri = String(args.uri);
      return outcomeOf(args.resume === true ? machine.migration.resume(uri) : machine.migration.migrate(uri));
    },
  },
  { name: "migrate_cancel", run: ({ machine }) => outcomeOf(machine.migration.cancel()) },
  {
    name: "migrate-continue",
    arguments: struct({ state: enumOf(MIGRATION_STATUSES) }),
    run: ({ machine }, args) => outcomeOf(machine.migration.continueFrom(String(args.state))),
  },
  {
    name: "migrate-start-postcopy",
    run: ({ machine }) => {
      if (machine.migration.capabilities.get("postcopy-ram") !== true) {
        return fails("Enable postcopy with migrate_set_capability before the start of migration");
      }
      machine.migration.startPostcopy();
      return done();
    },
  },
  {
    name: "query-colo-status",
    returns: struct({ mode: COLO_MODE, "last-mode": COLO_MODE, reason: enumOf(["none", "request", "error", "processing"]) }),
    run: ({ machine }) => returns(machine.migration.colo.status()),
  },
  { name: "x-colo-lost-heartbeat", features: ["unstable"], run: ({ machine }) => outcomeOf(machine.migration.failOver()) },
  { name: "migrate-pause", allowOob: true, run: ({ machine }) => outcomeOf(machine.migration.pause()) },
  {
    name: "migrate-recover",
    arguments: struct({ uri: str }),
    allowOob: true,
    run: ({ machine }, args) => outcomeOf(machine.migration.recover(String(args.uri))),
  },
];

function outcomeOf(problem: string | undefined): CommandOutcome {
  return problem === undefined ? done() : fails(problem);
}
