import { expect, test } from "vitest";
import { burstOnKeySector, idleSector, readSecondDiskSector } from "./boot-sectors.ts";

const SECTORS = { idle: idleSector(), burst: burstOnKeySector(), read: readSecondDiskSector() };

test.each(Object.entries(SECTORS))("the %s sector has a BIOS's size and signature", (_, sector) => {
  expect(sector).toHaveLength(512);
  expect([...sector.subarray(510)]).toEqual([0x55, 0xaa]);
});

test("every jump lands on the start of an instruction", () => {
  // Offset of the jump's displacement byte, and where it must lead.
  expect(targetOf(SECTORS.idle, 3)).toBe(1);
  expect(targetOf(SECTORS.burst, 17)).toBe(15);
  expect(targetOf(SECTORS.burst, 20)).toBe(7);
  expect(targetOf(SECTORS.burst, 22)).toBe(0);
  expect(targetOf(SECTORS.read, 21)).toBe(0);
});

function targetOf(sector: Buffer, displacementAt: number): number {
  return displacementAt + 1 + sector.readInt8(displacementAt);
}
