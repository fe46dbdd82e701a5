import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeInstances } from "./describe-instances.ts";
import { readCommandLineFacts } from "./command-line.ts";
import { parseNbdFileName } from "./nbd-source.ts";
import { parseOption } from "./option-text.ts";

const identifier = fc.stringMatching(/^[a-z][a-z0-9._-]{0,12}$/);
/** What QEMU takes as a value: anything; it has to double commas. */
const value = fc.string({ minLength: 1, maxLength: 40 });
const escape = (text: string) => text.replaceAll(",", ",,");

describe("any command line", () => {
  it("gives back what was put into an option", () => {
    const options = fc.dictionary(identifier, value, { minKeys: 1, maxKeys: 6, noNullPrototype: true });
    fc.assert(
      fc.property(identifier, options, (first, members) => {
        const text = [first, ...Object.entries(members).map(([key, member]) => `${key}=${escape(member)}`)].join(",");
        expect(parseOption(text)).toEqual(new Map([["", first], ...Object.entries(members)]));
      }),
    );
  });

  it("is read without a throw, and yields no owner for a monitor's chardev", () => {
    const junk = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.constantFrom("-chardev", "-device", "-mon", "-object", "-drive", "-blockdev", "{", "-set"),
    );
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 30 }), identifier, (noise, id) => {
        const commandLine = [
          "qemu-system-x86_64",
          ...["-chardev", `socket,id=${id},path=/m,server=on`],
          ...["-mon", `chardev=${id}`],
          ...["-device", `isa-serial,chardev=${id}`],
          ...noise,
        ];
        expect(readCommandLineFacts(commandLine).monitorChardevs.has(id)).toBe(true);
        const [report] = describeInstances([{ type: "chardev", id }], undefined, { launcher: "plain", commandLine });
        expect(report?.yankable).not.toBe(true);
      }),
    );
  });

  it("says the same of a device in its own and in JSON form", () => {
    fc.assert(
      fc.property(identifier, identifier, value, (id, chardev, name) => {
        const plain = ["qemu", "-device", `virtserialport,id=${id},chardev=${chardev},name=${escape(name)}`];
        const json = ["qemu", "-device", JSON.stringify({ driver: "virtserialport", id, chardev, name })];
        expect(readCommandLineFacts(plain).owners).toEqual(readCommandLineFacts(json).owners);
      }),
    );
  });

  it("leads to the same NBD server in every form that QEMU takes", () => {
    const path = fc.stringMatching(/^\/[a-zA-Z0-9/._-]{1,40}$/);
    fc.assert(
      fc.property(path, fc.stringMatching(/^[a-z0-9-]{1,16}$/), (at, exportName) => {
        const source = { path: at, exportName };
        const facts = readCommandLineFacts([
          "qemu",
          ...["-blockdev", `driver=nbd,node-name=a,server.type=unix,server.path=${escape(at)},export=${exportName}`],
          ...["-blockdev", JSON.stringify({ driver: "nbd", "node-name": "b", server: { type: "unix", path: at }, export: exportName })],
          ...[
            "-blockdev",
            `driver=raw,node-name=r,file.driver=nbd,file.node-name=c,file.server.path=${escape(at)},file.export=${exportName}`,
          ],
          ...["-drive", `file=nbd:unix:${escape(at)}:exportname=${exportName},id=d,format=raw`],
          ...["-drive", `file=nbd+unix:///${exportName}?socket=${escape(at)},id=e,format=raw`],
          ...["-drive", `driver=raw,file.driver=nbd,file.path=${escape(at)},file.export=${exportName},id=f`],
          ...["-drive", `file=json:${escape(JSON.stringify({ driver: "nbd", path: at, export: exportName }))},id=g,format=raw`],
        ]);
        for (const node of ["a", "b", "c"]) expect(facts.nbdNodes.get(node)?.source).toEqual(source);
        for (const drive of ["d", "e", "f", "g"]) expect(facts.drives.get(drive)?.nbd?.source).toEqual(source);
      }),
    );
  });

  it("takes any text for a file name, and a port only where there is one", () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => void parseNbdFileName(text)));
    expect(parseNbdFileName("nbd:nas:10809:exportname=a:b")).toEqual({ host: "nas", port: "10809", exportName: "a:b" });
    expect(parseNbdFileName("nbd://nas/e")).toEqual({ host: "nas", port: "10809", exportName: "e" });
    expect(parseNbdFileName("nbd:nas")).toBeUndefined();
  });
});
