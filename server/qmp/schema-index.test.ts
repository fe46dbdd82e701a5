import { describe, expect, it } from "vitest";
import type { QemuVersion } from "#lib/qapi/greeting";
import { QmpCommandError } from "./errors.ts";
import { SchemaCache } from "./schema-cache.ts";
import { indexSchema } from "./schema-index.ts";

// As QEMU 7.2 answers, cut down to what hangs on `yank`.
const SCHEMA = [
  { name: "query-status", "ret-type": "1", "meta-type": "command", "arg-type": "0" },
  { name: "SHUTDOWN", "meta-type": "event", "arg-type": "2" },
  { name: "yank", "ret-type": "0", "meta-type": "command", "allow-oob": true, "arg-type": "10" },
  { name: "0", members: [], "meta-type": "object" },
  { name: "10", members: [{ name: "instances", type: "[11]" }], "meta-type": "object" },
  { name: "[11]", "element-type": "11", "meta-type": "array" },
  { name: "11", members: [{ name: "type", type: "12" }], "meta-type": "object", tag: "type", variants: [{ case: "migration", type: "0" }] },
  { name: "12", "meta-type": "enum", members: [{ name: "block-node" }], values: ["block-node", "chardev", "migration", "vfio"] },
];
const VERSION: QemuVersion = { major: 7, minor: 2, micro: 22, package: "Debian" };

describe("the schema of a QEMU build", () => {
  it("says which commands there are, and which may be sent out of band", () => {
    const schema = indexSchema(SCHEMA);
    expect(["query-status", "yank", "x-query-virtio-queue-status"].map((name) => schema?.hasCommand(name))).toEqual([true, true, false]);
    expect(["query-status", "yank"].map((name) => schema?.allowsOob(name))).toEqual([false, true]);
  });

  it("finds the values of an argument through lists and objects", () => {
    const schema = indexSchema(SCHEMA);
    expect(schema?.yankTypes).toEqual(["block-node", "chardev", "migration", "vfio"]);
    expect(schema?.argumentValues("yank", "instances")).toBeUndefined();
    expect(schema?.argumentValues("query-status", "x")).toBeUndefined();
    expect(schema?.argumentValues("nosuch", "x")).toBeUndefined();
  });

  it("is none where the answer is not one", () => {
    for (const answer of [undefined, null, {}, [], "x", [null, 7, { name: "a" }]]) expect(indexSchema(answer)).toBeUndefined();
  });
});

describe("the schemas of a bridge", () => {
  it("asks one VM of a build, however many there are", async () => {
    const cache = new SchemaCache();
    let asked = 0;
    const ask = async (): Promise<unknown> => {
      asked += 1;
      return SCHEMA;
    };
    await Promise.all([cache.readOnce(VERSION, ask), cache.readOnce({ ...VERSION }, ask)]);
    await cache.readOnce(VERSION, ask);
    expect(asked).toBe(1);
    expect(cache.of({ ...VERSION })?.hasCommand("yank")).toBe(true);
    expect(cache.of({ ...VERSION, package: "pve" })).toBeUndefined();
    expect(cache.of(undefined)).toBeUndefined();
  });

  it("asks the next VM where one did not answer, and never again where QEMU refused", async () => {
    const cache = new SchemaCache();
    const lost = new Error("in-band turned slow");
    await expect(cache.readOnce(VERSION, () => Promise.reject(lost))).rejects.toBe(lost);
    const refused = new QmpCommandError("CommandNotFound", "no such command");
    await cache.readOnce(VERSION, () => Promise.reject(refused));
    await cache.readOnce(VERSION, () => Promise.resolve(SCHEMA));
    expect(cache.of(VERSION)).toBeUndefined();
  });

  it("keeps a bounded number of builds", async () => {
    const cache = new SchemaCache();
    for (let micro = 0; micro < 100; micro += 1) await cache.readOnce({ ...VERSION, micro }, () => Promise.resolve(SCHEMA));
    expect(cache.of({ ...VERSION, micro: 99 })).toBeDefined();
    expect(cache.of({ ...VERSION, micro: 0 })).toBeUndefined();
  });
});
