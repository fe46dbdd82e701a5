import { isWireObject, type WireObject, type WireValue } from "./wire-value.ts";

/** A type of QEMU's own schema language, as far as the simulator's commands need it. @see QEMU docs/devel/qapi-code-gen */
export type QapiType = QapiBuiltin | QapiEnum | QapiArray | QapiStruct;
export interface QapiBuiltin {
  kind: "builtin";
  name: "str" | "int" | "number" | "bool" | "any";
}
export interface QapiEnum {
  kind: "enum";
  values: readonly string[];
}
export interface QapiArray {
  kind: "array";
  of: QapiType;
}
/** With a `tag`, a flat union: the tag's value adds the members of its variant. */
export interface QapiStruct {
  kind: "struct";
  members: readonly QapiMember[];
  tag?: string;
  variants?: Readonly<Record<string, QapiStruct>>;
}
export interface QapiMember {
  name: string;
  type: QapiType;
  isOptional: boolean;
}

export const str: QapiType = { kind: "builtin", name: "str" };
export const int: QapiType = { kind: "builtin", name: "int" };
export const bool: QapiType = { kind: "builtin", name: "bool" };
export const any: QapiType = { kind: "builtin", name: "any" };

export function enumOf(values: readonly string[]): QapiEnum {
  return { kind: "enum", values };
}

export function listOf(of: QapiType): QapiArray {
  return { kind: "array", of };
}

/** A leading `*` makes a member optional, as in QEMU's own schema files. */
export function struct(members: Readonly<Record<string, QapiType>>): QapiStruct {
  return {
    kind: "struct",
    members: Object.entries(members).map(([name, type]) =>
      name.startsWith("*") ? { name: name.slice(1), type, isOptional: true } : { name, type, isOptional: false },
    ),
  };
}

const EXPECTED = { str: "string", int: "integer", number: "number", bool: "boolean", any: "value" } as const;

/** @returns what QEMU's input visitor says of `value`, or nothing when it fits. */
export function checkArguments(type: QapiStruct, value: WireObject): string | undefined {
  return checkStruct(type, value, "");
}

function check(type: QapiType, value: WireValue, path: string, name: string): string | undefined {
  switch (type.kind) {
    case "builtin":
      return isBuiltin(type.name, value) ? undefined : `Invalid parameter type for '${path}', expected: ${EXPECTED[type.name]}`;
    case "enum":
      if (typeof value !== "string") return `Invalid parameter type for '${path}', expected: string`;
      return type.values.includes(value) ? undefined : `Parameter '${name}' does not accept value '${value}'`;
    case "array": {
      if (!Array.isArray(value)) return `Invalid parameter type for '${path}', expected: array`;
      // List elements have no name of their own, which QEMU's message betrays.
      return firstProblem(value.map((item, index) => () => check(type.of, item, `${path}[${index}]`, "null")));
    }
    case "struct":
      if (!isWireObject(value)) return `Invalid parameter type for '${path}', expected: object`;
      return checkStruct(type, value, `${path}.`);
  }
}

function checkStruct(type: QapiStruct, value: WireObject, prefix: string): string | undefined {
  const known = new Set<string>();
  const problem = checkMembers(type, value, { prefix, known });
  if (problem !== undefined) return problem;
  const unexpected = Object.keys(value).find((member) => !known.has(member));
  return unexpected === undefined ? undefined : `Parameter '${prefix}${unexpected}' is unexpected`;
}

function checkMembers(type: QapiStruct, value: WireObject, at: { prefix: string; known: Set<string> }): string | undefined {
  for (const member of type.members) {
    at.known.add(member.name);
    const given = value[member.name];
    if (given === undefined) {
      if (member.isOptional) continue;
      return `Parameter '${at.prefix}${member.name}' is missing`;
    }
    const problem = check(member.type, given, at.prefix + member.name, member.name);
    if (problem !== undefined) return problem;
  }
  const tag = type.tag === undefined ? undefined : value[type.tag];
  const variant = typeof tag === "string" ? type.variants?.[tag] : undefined;
  return variant && checkMembers(variant, value, at);
}

function isBuiltin(name: QapiBuiltin["name"], value: WireValue): boolean {
  switch (name) {
    case "str":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "number":
      return typeof value === "number" || typeof value === "bigint";
    case "int":
      return typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
    case "any":
      return true;
  }
}

function firstProblem(checks: (() => string | undefined)[]): string | undefined {
  for (const run of checks) {
    const problem = run();
    if (problem !== undefined) return problem;
  }
  return undefined;
}
