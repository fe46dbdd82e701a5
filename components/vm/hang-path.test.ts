import { describe, expect, test } from "vitest";
import { instanceView, vmSummary } from "../testing/fixtures.ts";
import { hangPath, hangPaths, pathSentence, splitFarSide } from "./hang-path.ts";

const farSide = { key: "nbd:10.0.4.15:10809:exp", text: "NBD server 10.0.4.15:10809, export exp" };
const disk = instanceView({
  instance: { type: "block-node", "node-name": "nbd0" },
  serves: {
    kind: "guest-disk",
    owner: "vda",
    deviceType: "virtio-blk-pci",
    through: ["fmt0", "throttle0"],
    throughDrivers: ["raw", "throttle"],
  },
  farSide,
  connection: "connected",
  suspicion: { score: "almost-certainly", reasons: ["12 kB sent, nothing received for 192 s"] },
  clues: [
    { code: "work-outstanding", text: "4 requests in use", atMs: 1 },
    { code: "sent-unanswered", text: "12 kB sent, nothing received for 192 s", atMs: 2 },
  ],
});
const hung = vmSummary({ health: { kind: "main-loop-hung", cord: "in-reach", sinceAtMs: 0, readingAtMs: 0 } });

test("draws the way from the guest's device through the nodes to the far side", () => {
  const path = hangPath(disk);
  expect(path.steps.map(({ name, note }) => [name, note])).toEqual([
    ["vda", "virtio-blk-pci"],
    ["throttle0", "throttle"],
    ["fmt0", "raw"],
    ["nbd0", "nbd"],
    ["10.0.4.15", ":10809, export exp"],
  ]);
  expect(pathSentence(path)).toBe("vda, then node throttle0, then node fmt0, then nbd0, to NBD server 10.0.4.15:10809, export exp");
});

test("marks the link to the far side as dead with what was measured on it, and not with what was measured elsewhere", () => {
  expect(hangPath(disk)).toMatchObject({ link: "dead", words: "12 kB sent, nothing received for 192 s" });
});

test("a link that nothing speaks against is whole, whatever the verdict", () => {
  const path = hangPath({ ...disk, clues: [], suspicion: { score: "possible", reasons: ["the only one"] } });
  expect(path).toMatchObject({ link: "plain", words: "connected", measured: undefined });
});

test("what is not connected has no link to be dead", () => {
  expect(hangPath({ ...disk, connection: "reconnecting", clues: [] })).toMatchObject({ link: "down", words: "waits to reconnect" });
});

describe("with several instances", () => {
  const other = instanceView({
    instance: { type: "chardev", id: "serial0" },
    suspicion: { score: "not-involved", reasons: ["bytes came"] },
  });
  test("the suspect is drawn large and the others stand beside it", () => {
    const suspect = { key: "block-node:nbd0", name: "nbd0", score: "almost-certainly", reason: "", serves: "" } as const;
    const { main, others } = hangPaths({ ...hung, suspect, instances: [other, disk] });
    expect(main?.key).toBe("block-node:nbd0");
    expect(others.map(({ key }) => key)).toEqual(["chardev:serial0"]);
  });

  test("where two are as likely none is drawn large", () => {
    const second = { ...disk, instance: { type: "block-node", "node-name": "nbd1" } as const };
    const { main, others } = hangPaths({ ...hung, instances: [disk, second] });
    expect(main).toBeUndefined();
    expect(others).toHaveLength(2);
  });

  test("monitors are left out: they are never what is cut", () => {
    const monitor = instanceView({ instance: { type: "chardev", id: "charmonitor" }, isMonitor: true });
    expect(hangPaths({ ...hung, instances: [monitor, disk] }).others).toEqual([]);
  });
});

test.each([
  ["NBD server 10.0.4.15:10809, export exp", "10.0.4.15", ":10809, export exp"],
  ["NBD server [fd00::1]:10809", "[fd00::1]", ":10809"],
  ["unix:/run/console/db-7.sock", "db-7.sock", "unix:/run/console/"],
  ["exec:cat", "exec:cat", ""],
])("%s fits a small box", (text, name, note) => {
  expect(splitFarSide(text)).toMatchObject({ name, note });
});
