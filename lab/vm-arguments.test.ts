import { expect, test } from "vitest";
import { MAX_SOCKET_PATH_BYTES, requireSocketPath } from "./socket-path.ts";
import { buildVmArguments, uuidOf } from "./vm-arguments.ts";

const SOCKETS = { monitorPath: "/m/web-01.sock", labMonitorPath: "/l/lab.sock" };
const OLD = { major: 7, minor: 2, micro: 22 };

test("gives Ripcord and the lab a monitor each, as -mon before QEMU 11.1 and as objects from then on", () => {
  const old = buildVmArguments({ name: "web-01" }, SOCKETS, OLD);
  expect(old).toContain("socket,id=ripcord,path=/m/web-01.sock,server=on,wait=off");
  expect(old).toContain("chardev=ripcord,mode=control");
  expect(old).toContain("chardev=labmon,mode=control");
  const current = buildVmArguments({ name: "web-01" }, SOCKETS, { major: 11, minor: 1, micro: 0 });
  expect(current).toContain("monitor-qmp,id=ripcord-monitor,chardev=ripcord");
  expect(current).not.toContain("-mon");
});

test("doubles the commas of names and paths", () => {
  const args = buildVmArguments({ name: "a,b=c" }, { ...SOCKETS, monitorPath: "/m/a,b.sock" }, OLD);
  expect(args).toContain("guest=a,,b=c");
  expect(args).toContain("socket,id=ripcord,path=/m/a,,b.sock,server=on,wait=off");
});

test("maps guest memory privately from a file, of exactly the guest's size", () => {
  const args = buildVmArguments({ name: "erp-01", memoryMib: 256, memoryFile: "/l/memory.bin" }, SOCKETS, OLD);
  expect(args).toContain("memory-backend-file,id=pc.ram,size=256M,mem-path=/l/memory.bin,share=off");
  expect(args).toContain("pc,memory-backend=pc.ram");
});

test("the same name has the same uuid, and another name another one", () => {
  expect(uuidOf("web-01")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuidOf("web-01")).toBe(uuidOf("web-01"));
  expect(uuidOf("web-01")).not.toBe(uuidOf("web-02"));
});

test("a socket path may have 107 bytes, counted in UTF-8", () => {
  const longest = `/${"x".repeat(MAX_SOCKET_PATH_BYTES - 1)}`;
  expect(requireSocketPath(longest)).toBe(longest);
  expect(() => requireSocketPath(`${longest}x`)).toThrow("has 108 bytes and the system allows 107");
  expect(() => requireSocketPath(`/${"ä".repeat(54)}`)).toThrow("has 109 bytes");
});
