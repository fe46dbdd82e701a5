import { describe, expect, test } from "vitest";
import { vmSummary } from "../testing/fixtures.ts";
import { paletteGroups } from "./palette-items.ts";
import { reduceShortcut } from "./shortcuts.ts";

const well = vmSummary({ vmId: "w1", name: "web-1" });
const hung = vmSummary({
  vmId: "d7",
  name: "db-7",
  health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 0, readingAtMs: 0 },
  suspect: { key: "block-node:nbd0", name: "nbd0", score: "likely", reason: "", serves: "guest disk vda" },
});

describe("the palette", () => {
  test("opens on what is wrong, cords first, and on the pages", () => {
    const groups = paletteGroups("", [well, hung], []);
    expect(groups.map((group) => [group.value, group.items[0]?.label])).toEqual([
      ["Cords", "Yank nbd0 on db-7…"],
      ["VMs", "db-7"],
      ["Pages", "Fleet"],
    ]);
  });
  test("a cord leads to its dialog and no further", () => {
    expect(paletteGroups("yank", [hung], [])[0]?.items[0]?.href).toBe("/vms/d7?ask=block-node%3Anbd0");
  });
  test("finds a VM by words in any order, and stops at a handful", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => vmSummary({ vmId: `v${index}`, name: `web-${index}`, host: "kvm-09" }));
    expect(paletteGroups("kvm web-42", many, [])[0]?.items).toHaveLength(12);
    expect(paletteGroups("nowhere", many, [])).toEqual([]);
  });
});

describe("keys", () => {
  const pressed = { ctrlKey: false, metaKey: false, altKey: false, isTyping: false, isInDialog: false, atMs: 0 };
  test("Ctrl-K and ⌘K open the palette, also out of a field", () => {
    expect(reduceShortcut(undefined, { ...pressed, key: "k", ctrlKey: true, isTyping: true }).action).toEqual({ type: "palette" });
    expect(reduceShortcut(undefined, { ...pressed, key: "K", metaKey: true }).action).toEqual({ type: "palette" });
  });
  test("g and a letter lead to a page; too late, or in a field, they are letters", () => {
    const { pending } = reduceShortcut(undefined, { ...pressed, key: "g" });
    expect(reduceShortcut(pending, { ...pressed, key: "i", atMs: 500 }).action).toEqual({ type: "go", href: "/incidents" });
    expect(reduceShortcut(pending, { ...pressed, key: "i", atMs: 5_000 }).action).toBeUndefined();
    expect(reduceShortcut(undefined, { ...pressed, key: "g", isTyping: true }).pending).toBeUndefined();
  });
  test("no key leads away from an open dialog", () => {
    expect(reduceShortcut(undefined, { ...pressed, key: "k", ctrlKey: true, isInDialog: true })).toEqual({});
    expect(reduceShortcut({ key: "g", atMs: 0 }, { ...pressed, key: "f", isInDialog: true })).toEqual({});
  });
});
