import type { CommandOutcome } from "../main-loop.ts";
import type { QapiStruct, QapiType } from "../qapi-type.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { WireObject, WireValue } from "../wire-value.ts";

export type Lane = "in-band" | "oob";

/** Who asked, and on which lane. */
export interface CommandContext {
  machine: SimulatedMachine;
  monitorId: string;
  lane: Lane;
}

/** One QMP command: its schema, and what it does to the machine. Arguments have been checked against the schema. */
export interface SimulatedCommand {
  name: string;
  arguments?: QapiStruct;
  returns?: QapiType;
  allowOob?: boolean;
  features?: readonly string[];
  run(context: CommandContext, args: WireObject): CommandOutcome;
}

export function returns(value: WireValue): CommandOutcome {
  return { kind: "return", value };
}

/** The empty answer of every command that only does something. */
export function done(): CommandOutcome {
  return { kind: "return", value: {} };
}

export function fails(desc: string, qmpClass = "GenericError"): CommandOutcome {
  return { kind: "error", qmpClass, desc };
}
