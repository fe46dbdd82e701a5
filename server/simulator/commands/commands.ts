import { BLOCK_COMMANDS } from "./block.ts";
import type { SimulatedCommand } from "./command.ts";
import { CONTROL_COMMANDS } from "./control.ts";
import { IDENTITY_COMMANDS } from "./identity.ts";
import { MIGRATION_COMMANDS } from "./migration.ts";
import { QOM_COMMANDS } from "./qom.ts";
import { RUN_STATE_COMMANDS } from "./run-state.ts";
import { writeSchema } from "../schema.ts";
import { any, listOf, str, struct } from "../qapi-type.ts";
import { returns } from "./command.ts";

const INTROSPECTION_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-commands",
    returns: listOf(struct({ name: str })),
    run: () => returns(Array.from(COMMANDS.keys(), (name) => ({ name }))),
  },
  { name: "query-qmp-schema", returns: listOf(any), run: () => returns(writeSchema(Array.from(COMMANDS.values()))) },
];

/** Every command that the simulator knows, by its name. */
export const COMMANDS: ReadonlyMap<string, SimulatedCommand> = new Map(
  [
    ...CONTROL_COMMANDS,
    ...INTROSPECTION_COMMANDS,
    ...IDENTITY_COMMANDS,
    ...RUN_STATE_COMMANDS,
    ...BLOCK_COMMANDS,
    ...QOM_COMMANDS,
    ...MIGRATION_COMMANDS,
  ].map((command) => [command.name, command]),
);
