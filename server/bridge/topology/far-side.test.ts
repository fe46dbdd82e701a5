import { describe, expect, it } from "vitest";
import { chardevFarSide, nbdFarSide } from "./far-side.ts";
import { parseNbdFileName } from "./nbd-source.ts";

describe("far sides", () => {
  it.each([
    ["nbd+unix:///exp?socket=/run/n.sock", { path: "/run/n.sock", exportName: "exp" }],
    ["nbd+unix:///?socket=/run/n.sock", { path: "/run/n.sock", exportName: "" }],
    ["nbd+unix:///a?socket=b/c?socket=/run/n.sock", { path: "/run/n.sock", exportName: "a?socket=b/c" }],
    ["nbd://nas:10809/disk/1", { host: "nas", port: "10809", exportName: "disk/1" }],
    ["nbd://127.0.0.1:20809", { host: "127.0.0.1", port: "20809", exportName: "" }],
    ["nbd://::1:10809/e", { host: "::1", port: "10809", exportName: "e" }],
    [
      'json:{"driver":"nbd","server":{"type":"inet","host":"nas","port":"1"},"export":"e","tls-creds":"t"}',
      { host: "nas", port: "1", exportName: "e" },
    ],
    ['json:{"driver":"nbd","server.path":"/run/n.sock"}', { path: "/run/n.sock", exportName: "" }],
    ['json:{"driver":"raw"}', undefined],
    ["json:{", undefined],
    ["/var/lib/disk.img", undefined],
  ])("reads %s", (fileName, source) => {
    expect(parseNbdFileName(fileName)).toEqual(source);
  });

  it("has one key for one server, and separate ones for another host's loopback", () => {
    const key = (host: string, on: string) => nbdFarSide({ host, port: "1", exportName: "e" }, on).key;
    expect(key("NAS", "a")).toBe(key("nas", "b"));
    expect(key("127.0.0.1", "a")).toBe(key("localhost", "a"));
    expect(key("127.0.0.1", "a")).not.toBe(key("127.0.0.1", "b"));
  });

  it("has one server for its many exports", () => {
    const of = (exportName: string) => nbdFarSide({ host: "nas", port: "10809", exportName }, "a");
    expect(of("vm1")).toEqual({
      key: "nbd:tcp:nas:10809:vm1",
      text: "NBD server nas:10809, export vm1",
      server: { key: "nbd:tcp:nas:10809", text: "NBD server nas:10809" },
      nbd: { host: "nas", port: "10809", exportName: "vm1" },
    });
    expect(of("vm1").key).not.toBe(of("vm2").key);
    expect(of("vm1").server).toEqual(of("vm2").server);
  });

  it("names the listening end of a server, which does not change with its peer", () => {
    expect(chardevFarSide("tcp:0.0.0.0:4444", true, "a")).toEqual({
      key: "listen:tcp:0.0.0.0:4444",
      text: "whoever connects to 0.0.0.0:4444",
    });
    expect(chardevFarSide("unix:", false, "a")).toBeUndefined();
  });
});
