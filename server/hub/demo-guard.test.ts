import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "#server/config/read-config";
import { refuseDemo } from "./demo-guard.ts";

const refusal = (yaml: string, dataDir = "/srv/demo/hub") => {
  const config = parseConfig(yaml, "ripcord.yaml");
  return refuseDemo({ config, file: "/srv/demo/ripcord.yaml", dataDir, bridgeId: "b", bridgeLabel: "b" });
};

test("a demo watches what lies beside its config, and nothing else", () => {
  expect(refusal("bridge: {monitors: [{path: /srv/demo/monitors/*.sock}]}")).toBeUndefined();
  expect(refusal("")).toContain("/run/ripcord/monitors");
  for (const path of ["/srv/demo/../other/*.sock", "/srv/demolition/a.sock", "/srv/demo"]) {
    expect(refusal(`bridge: {monitors: [{path: "${path}"}]}`)).toContain("is not below /srv/demo/");
  }
  expect(refusal('bridge: {monitors: [{tcp: "127.0.0.1:1"}]}')).toContain("127.0.0.1:1");
  expect(refusal("bridge: {monitors: []}", "/var/lib/ripcord")).toContain("dataDir");
  expect(refusal("bridge: {monitors: []}\nbridges: [{id: b, tokenFile: t}]")).toContain("bridges");
});

test("a link out of the demo's folder is outside, and a link to the folder itself is not", () => {
  const root = mkdtempSync(join(tmpdir(), "ripcord-guard-"));
  try {
    for (const folder of ["demo", "demo/monitors", "other"]) mkdirSync(join(root, folder));
    symlinkSync(join(root, "other"), join(root, "demo/elsewhere"));
    symlinkSync(join(root, "demo"), join(root, "alias"));
    symlinkSync(join(root, "other/not-made-yet"), join(root, "demo/dangling"));
    const refusalOf = (monitor: string, dataDir = join(root, "demo/hub")) =>
      refuseDemo({
        config: parseConfig(`bridge: {monitors: [{path: "${monitor}"}]}`, "ripcord.yaml"),
        file: join(root, "demo/ripcord.yaml"),
        dataDir,
        bridgeId: "b",
        bridgeLabel: "b",
      });
    expect(refusalOf(join(root, "demo/monitors/*.sock"))).toBeUndefined();
    expect(refusalOf(join(root, "alias/monitors/*.sock"))).toBeUndefined();
    expect(refusalOf(join(root, "demo/elsewhere/*.sock"))).toContain("is not below");
    expect(refusalOf(join(root, "demo/elsewhere/deep/*.sock"))).toContain("is not below");
    expect(refusalOf(join(root, "demo/dangling/*.sock"))).toContain("is not below");
    expect(refusalOf(join(root, "demo/monitors/*.sock"), join(root, "demo/elsewhere/hub"))).toContain("dataDir");
  } finally {
    rmSync(root, { recursive: true });
  }
});
