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
