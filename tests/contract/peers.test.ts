import { expect, test } from "vitest";
import { missingPeers, peers, realVersions } from "./peers.ts";

test("says which peers the contract runs against, and why others do not take part", () => {
  for (const { name } of peers) console.log(`contract: runs against ${name}`);
  for (const { name, reason } of missingPeers) console.log(`contract: ${name} not run: ${reason}`);
  if (!realVersions.some((version) => version.startsWith("11."))) {
    console.log("contract: qemu 11 not run: none is configured (scripts/setup-qemu.sh sets one up and prints RIPCORD_QEMUS)");
  }
  expect(peers.length).toBeGreaterThan(0);
});

test("runs against a real QEMU 7.2 where the environment requires all", () => {
  const isRequired = process.env["RIPCORD_REQUIRE_ALL"] === "1";
  const isMissing = !realVersions.some((version) => version.startsWith("7.2."));
  expect(isRequired && isMissing, "RIPCORD_REQUIRE_ALL=1, and there is no QEMU 7.2").toBe(false);
});
