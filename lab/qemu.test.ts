import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findQemus, hasMonitorObjects, parseQemuList, parseVersion, requireQemu } from "./qemu.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qemus-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function install(prefix: string, name: string, script: string): void {
  mkdirSync(join(root, prefix, "bin"), { recursive: true });
  const path = join(root, prefix, "bin", name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

test("finds those that RIPCORD_QEMUS names, with their versions and tools, and says why others cannot be used", async () => {
  install("new", "qemu-system-x86_64", "echo 'QEMU emulator version 11.1.3 (Debian 1:11.1)'");
  install("new", "qemu-nbd", "");
  install("broken", "qemu-system-x86_64", "echo no library >&2; exit 127");
  const env = { PATH: "", RIPCORD_QEMUS: `new=${root}/new, broken=${root}/broken,absent=${root}/absent` };
  const { usable, unusable } = await findQemus(env);
  expect(usable).toEqual([
    {
      name: "new",
      version: { major: 11, minor: 1, micro: 3 },
      systemBinary: join(root, "new/bin/qemu-system-x86_64"),
      nbdBinary: join(root, "new/bin/qemu-nbd"),
      imgBinary: undefined,
    },
  ]);
  expect(unusable.map((qemu) => qemu.name)).toEqual(["system", "broken", "absent"]);
  expect(unusable[1]?.reason).toContain("cannot be run");
  expect(unusable[2]?.reason).toContain("no qemu-system-x86_64 in");
  expect((await requireQemu("new", env)).name).toBe("new");
  await expect(requireQemu("absent", env)).rejects.toThrow('No QEMU named "absent"');
});

test("without any QEMU it says what to install", async () => {
  await expect(requireQemu(undefined, { PATH: "" })).rejects.toThrow("apt install qemu-system-x86 qemu-utils");
});

test("reads the list and versions, and refuses an entry that is not name=prefix", () => {
  expect(parseQemuList(" a=/x , b=/y=z ,")).toEqual([
    { name: "a", prefix: "/x" },
    { name: "b", prefix: "/y=z" },
  ]);
  expect(() => parseQemuList("/usr")).toThrow('RIPCORD_QEMUS: "/usr" is not name=prefix');
  expect(parseVersion("QEMU emulator version 7.2.22 (Debian 1:7.2)")).toEqual({ major: 7, minor: 2, micro: 22 });
  expect(parseVersion("something else")).toBeUndefined();
  expect([7, 10, 11].map((major) => hasMonitorObjects({ major, minor: 1, micro: 0 }))).toEqual([false, false, true]);
  expect(hasMonitorObjects({ major: 11, minor: 0, micro: 5 })).toBe(false);
});
