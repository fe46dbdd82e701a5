import { describe, expect, it } from "vitest";
import { isQemuCommandLine, readCommandLineFacts } from "./command-line.ts";
import { parseOption } from "./option-text.ts";

describe("QEMU's command line", () => {
  it("takes a doubled comma for a comma", () => {
    expect(parseOption("socket,id=a,path=/run/a,,b.sock,server=on,wait=off")).toEqual(
      new Map([
        ["", "socket"],
        ["id", "a"],
        ["path", "/run/a,b.sock"],
        ["server", "on"],
        ["wait", "off"],
      ]),
    );
  });

  it("finds every way to name a monitor", () => {
    const facts = readCommandLineFacts([
      "qemu-system-x86_64",
      ...["-mon", "chardev=a,mode=control"],
      ...["-mon", "b"],
      ...["-qmp", "unix:/run/q.sock,server=on,wait=off"],
      ...["-monitor", "chardev:c"],
      ...["-serial", "mon:unix:/run/s.sock,server=on"],
      ...["--object", '{"qom-type":"monitor-qmp","id":"m","chardev":"d"}'],
      ...["-object", "monitor-hmp,id=n,chardev=e"],
    ]);
    expect([...facts.monitorChardevs]).toEqual(["a", "b", "compat_monitor0", "c", "serial0", "d", "e"]);
  });

  it("reads chardevs, netdevs, TPMs and NBD nodes in QEMU's own and in libvirt's JSON form", () => {
    const facts = readCommandLineFacts([
      "qemu-system-x86_64",
      ...["-chardev", "socket,id=c,host=h,port=1,reconnect=5"],
      ...["-netdev", '{"type":"vhost-user","id":"hostnet0","chardev":"charnet0"}'],
      ...["-tpmdev", "emulator,id=tpm-tpm0,chardev=chrtpm"],
      ...[
        "-blockdev",
        '{"driver":"nbd","server":{"type":"inet","host":"nas","port":"10809"},"export":"e","node-name":"libvirt-1-storage"}',
      ],
      ...["-blockdev", "driver=nbd,node-name=n,server.type=unix,server.path=/run/n.sock"],
    ]);
    expect(facts.chardevs.get("c")).toMatchObject({ host: "h", port: "1", isServer: false, reconnectMs: 5_000 });
    expect(facts.owners.get("charnet0")).toEqual({ kind: "netdev", id: "hostnet0", type: "vhost-user" });
    expect(facts.owners.get("chrtpm")).toMatchObject({ kind: "tpm", id: "tpm-tpm0" });
    expect(facts.nbdNodes.get("libvirt-1-storage")?.source).toEqual({ host: "nas", port: "10809", exportName: "e" });
    expect(facts.nbdNodes.get("n")).toEqual({ source: { path: "/run/n.sock", exportName: "" }, reconnectDelayMs: 0 });
  });

  it("believes nothing that is not a QEMU's", () => {
    const relay = ["/usr/bin/node", "relay.ts", "-mon", "chardev=a"];
    expect(isQemuCommandLine(relay)).toBe(false);
    expect(readCommandLineFacts(relay)).toMatchObject({ monitorChardevs: new Set(), mayHideMonitors: true });
    expect(["/usr/libexec/qemu-kvm", "/usr/bin/kvm", "qemu-system-aarch64"].every((name) => isQemuCommandLine([name]))).toBe(true);
  });

  it("survives an option without its value and JSON that is none", () => {
    expect(() => readCommandLineFacts(["qemu", "-blockdev", "{nonsense", "-mon"])).not.toThrow();
  });
});
