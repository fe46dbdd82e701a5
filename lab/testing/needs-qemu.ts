import { describe, expect, test } from "vitest";
import { messageOf } from "../lab-error.ts";
import { type Qemu, requireQemu } from "../qemu.ts";

/**
 * Registers tests that need a real QEMU with its block tools. On a machine without it they are not registered, one line
 * says why, and under `RIPCORD_REQUIRE_ALL=1` that is a failure.
 */
export async function describeWithQemu(title: string, register: (qemu: Qemu) => void): Promise<void> {
  const found = await requireQemu().catch((error: unknown) => messageOf(error));
  const qemu = typeof found === "string" ? undefined : found;
  if (qemu?.nbdBinary !== undefined) {
    describe(`${title} (QEMU ${qemu.version.major}.${qemu.version.minor}.${qemu.version.micro})`, () => register(qemu));
    return;
  }
  const reason = typeof found === "string" ? found : "qemu-nbd is missing";
  test(`not run: ${title}: ${reason}`, () => {
    console.log(`not run: ${title}: ${reason}`);
    expect(process.env["RIPCORD_REQUIRE_ALL"]).not.toBe("1");
  });
}
