import { z } from "zod";

/**
 * What one QEMU build can be asked, out of its answer to `query-qmp-schema`. Decide by it and not by the version:
 * distributions take commands out and put them back in. It does not say whether a command is wise to send.
 * @see QEMU docs/devel/qapi-code-gen.rst, "Client JSON Protocol introspection"
 */
export interface SchemaIndex {
  hasCommand(name: string): boolean;
  /** Whether it may be sent out of band. */
  allowsOob(name: string): boolean;
  /** The values of the enum at this member of a command's arguments, lists looked through: `("yank", "instances", "type")`. */
  argumentValues(command: string, ...path: string[]): readonly string[] | undefined;
  /** Types of yank instances that this build knows; undefined where it has no yank. */
  readonly yankTypes: readonly string[] | undefined;
}

/** QEMU 11.1 has some 1,600 entities. */
const MAX_ENTITIES = 20_000;
const name = z.string().max(1_024);
const entitySchema = z.discriminatedUnion("meta-type", [
  z.object({ "meta-type": z.literal("command"), name, "arg-type": name, "allow-oob": z.boolean().optional() }),
  z.object({ "meta-type": z.literal("object"), name, members: z.array(z.object({ name, type: name })) }),
  z.object({ "meta-type": z.literal("array"), name, "element-type": name }),
  z.object({ "meta-type": z.literal("enum"), name, values: z.array(name) }),
]);
type Entity = z.infer<typeof entitySchema>;

/** Undefined where the answer is no schema. Entities of other kinds (events, alternates, built-ins) are not kept. */
export function indexSchema(answer: unknown): SchemaIndex | undefined {
  if (!Array.isArray(answer)) return undefined;
  const commands = new Map<string, { argumentType: string; allowsOob: boolean }>();
  const types = new Map<string, Exclude<Entity, { "meta-type": "command" }>>();
  for (const element of answer.slice(0, MAX_ENTITIES)) {
    const checked = entitySchema.safeParse(element);
    if (!checked.success) continue;
    const entity = checked.data;
    if (entity["meta-type"] === "command") {
      commands.set(entity.name, { argumentType: entity["arg-type"], allowsOob: entity["allow-oob"] === true });
    } else types.set(entity.name, entity);
  }
  if (commands.size === 0) return undefined;
  const typeOf = (typeName: string | undefined): Exclude<Entity, { "meta-type": "command" | "array" }> | undefined => {
    const type = typeName === undefined ? undefined : types.get(typeName);
    // Lists of lists are allowed and not used.
    const element = type?.["meta-type"] === "array" ? types.get(type["element-type"]) : type;
    return element?.["meta-type"] === "array" ? undefined : element;
  };
  const argumentValues = (command: string, ...path: string[]): readonly string[] | undefined => {
    let type = typeOf(commands.get(command)?.argumentType);
    for (const step of path) {
      if (type?.["meta-type"] !== "object") return undefined;
      type = typeOf(type.members.find((member) => member.name === step)?.type);
    }
    return type?.["meta-type"] === "enum" ? type.values : undefined;
  };
  return {
    hasCommand: (command) => commands.has(command),
    allowsOob: (command) => commands.get(command)?.allowsOob === true,
    argumentValues,
    yankTypes: argumentValues("yank", "instances", "type"),
  };
}
