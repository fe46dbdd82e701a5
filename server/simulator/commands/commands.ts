import { BLOCK_GRAPH_COMMANDS } from "./block-graph.ts";
import { BLOCK_JOB_COMMANDS } from "./block-jobs.ts";
import { BLOCK_STATS_COMMANDS } from "./block-stats.ts";
import { BLOCK_COMMANDS } from "./block.ts";
import type { SimulatedCommand } from "./command.ts";
import { CONTROL_COMMANDS } from "./control.ts";
import { IDENTITY_COMMANDS } from "./identity.ts";
import { MIGRATION_COMMANDS } from "./migration.ts";
import { QOM_COMMANDS } from "./qom.ts";
import { RUN_STATE_COMMANDS } from "./run-state.ts";
import { VIRTIO_COMMANDS } from "./virtio.ts";
import { writeSchema } from "../schema.ts";
import { any, listOf, str, struct } from "../qapi-type.ts";
import type { WireValue } from "../wire-value.ts";
import { returns } from "./command.ts";

const INTROSPECTION_COMMANDS: SimulatedCommand[] = [
  {
    name: "query-commands",
    returns: listOf(struct({ name: str })),
    run: () => returns(Array.from(COMMANDS.keys(), (name) => ({ name }))),
  },
  { name: "query-qmp-schema", returns: listOf(any), run: ({ machine }) => returns(schemaOf(machine.options.hasWholeSchema ?? false)) },
];

/** Every command that the simulator knows, by its name. */
export const COMMANDS: ReadonlyMap<string, SimulatedCommand> = new Map(
  [
    ...CONTROL_COMMANDS,
    ...INTROSPECTION_COMMANDS,
    ...IDENTITY_COMMANDS,
    ...RUN_STATE_COMMANDS,
    ...BLOCK_COMMANDS,
    ...BLOCK_GRAPH_COMMANDS,
    ...BLOCK_STATS_COMMANDS,
    ...BLOCK_JOB_COMMANDS,
    ...VIRTIO_COMMANDS,
    ...QOM_COMMANDS,
    ...MIGRATION_COMMANDS,
  ].map((command) => [command.name, command]),
);

/** Kept, because it differs in nothing from VM to VM. */
const schemas = new Map<boolean, WireValue>();

function schemaOf(isWhole: boolean): WireValue {
  const known = schemas.get(isWhole);
  if (known !== undefined) return known;
  const schema = writeSchema(Array.from(COMMANDS.values()), { isWhole });
  schemas.set(isWhole, schema);
  return schema;
}
