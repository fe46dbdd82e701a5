import type { SimulatedCommand } from "./commands/command.ts";
import { bool, int, str, struct, type QapiStruct, type QapiType } from "./qapi-type.ts";
import type { WireObject } from "./wire-value.ts";

const BUILTIN_JSON_TYPE = { str: "string", int: "int", number: "number", bool: "boolean", any: "value" } as const;

/** What a real schema has beyond the commands that are implemented here, so that it is as large as one. */
const FILLER_TYPES = 700;

/** Events of the simulator and their members. */
const EVENTS: Readonly<Record<string, QapiStruct>> = {
  SHUTDOWN: struct({}),
  STOP: struct({}),
  RESUME: struct({}),
  RESET: struct({}),
  POWERDOWN: struct({}),
  MIGRATION: struct({}),
  MIGRATION_PASS: struct({}),
  BLOCK_IO_ERROR: struct({}),
  BLOCK_JOB_READY: struct({}),
  BLOCK_JOB_COMPLETED: struct({}),
  BLOCK_JOB_CANCELLED: struct({}),
  BLOCK_JOB_ERROR: struct({}),
  JOB_STATUS_CHANGE: struct({}),
  COLO_EXIT: struct({}),
  VSERPORT_CHANGE: struct({}),
};

/**
 * `query-qmp-schema` of the commands given: type names are meaningless numbers, as QEMU's own are.
 * @param isWhole at the size of a real one, with types that nothing refers to.
 */
export function writeSchema(commands: readonly SimulatedCommand[], { isWhole }: { isWhole: boolean }): WireObject[] {
  const types = new TypeTable();
  const entities: WireObject[] = commands.map((command) => ({
    name: command.name,
    "meta-type": "command",
    "arg-type": types.nameOf(command.arguments ?? struct({})),
    "ret-type": types.nameOf(command.returns ?? struct({})),
    "allow-oob": command.allowOob ? true : undefined,
    features: command.features?.slice(),
  }));
  for (const [name, data] of Object.entries(EVENTS)) entities.push({ name, "meta-type": "event", "arg-type": types.nameOf(data) });
  if (isWhole) for (let number = 0; number < FILLER_TYPES; number++) types.nameOf(fillerType(number));
  return [...entities, ...types.entities];
}

function fillerType(number: number): QapiStruct {
  return struct({
    [`x-member-${number}`]: str,
    "*detect-zeroes": str,
    "*read-only": bool,
    "*cache-size": int,
    "*x-check-cache-dropped": bool,
  });
}

/** Gives every type its name once; equal types share one. */
class TypeTable {
  readonly entities: WireObject[] = [];
  readonly #names = new Map<string, string>();

  nameOf(type: QapiType): string {
    const key = JSON.stringify(type);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#newName(type);
    this.#names.set(key, name);
    this.entities.push({ name, ...this.#describe(type) });
    return name;
  }

  #newName(type: QapiType): string {
    if (type.kind === "builtin") return type.name;
    return type.kind === "array" ? `[${this.nameOf(type.of)}]` : String(this.#names.size);
  }

  #describe(type: QapiType): WireObject {
    switch (type.kind) {
      case "builtin":
        return { "meta-type": "builtin", "json-type": BUILTIN_JSON_TYPE[type.name] };
      case "enum":
        return { "meta-type": "enum", members: type.values.map((name) => ({ name })), values: type.values.slice() };
      case "array":
        return { "meta-type": "array", "element-type": this.nameOf(type.of) };
      case "struct":
        return {
          "meta-type": "object",
          members: type.members.map((member) => ({
            name: member.name,
            type: this.nameOf(member.type),
            default: member.isOptional ? null : undefined,
          })),
          tag: type.tag,
          variants: type.variants && Object.entries(type.variants).map(([value, variant]) => ({ case: value, type: this.nameOf(variant) })),
        };
    }
  }
}
